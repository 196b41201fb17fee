/*
 * Jumps, calls and returns within a code segment. In 64-bit mode the targets of direct ones are links:
 * the op behind the jump (two behind a conditional one: taken, not taken) remembers the block. All
 * others look the target up in the processor's table of jumps.
 */
#include "soft/integer/branch.h"

#include "soft/integer/condition.h"
#include "soft/system/stack.h"

/* How long a linear address leads to a block. One with an instruction in two pages is right as long as both
 * of them are. */
static enum lifetime lifetime_of(struct cpu *cpu, const struct block *block, uint64_t linear) {
  const struct itlb_entry *entry = &cpu->itlb[linear / PAGE_BYTES % ITLB_ENTRIES];
  if (block->second_page != NO_PAGE || !entry->global) return LIFE_LOCAL;
  if ((int64_t)linear >= 0) cpu->low_global = true;
  return LIFE_GLOBAL;
}

/* A block that is reached from its own page: as long as that one is right, so is the link. */
static bool in_one_page(const struct block *block, uint64_t from, uint64_t to) {
  return block->second_page == NO_PAGE && ((from ^ to) & PAGE_MASK) == 0;
}

__attribute__((noinline)) void link_miss(struct cpu *cpu, const struct op *link) {
  uint64_t from = cpu->reg[REG_BLOCK], to = from + (uint64_t)(int64_t)link->disp;
  cpu->rip = to;
  if (atomic_load_explicit(&cpu->attention, memory_order_relaxed) < 0) return;
  uint32_t epoch = code_epoch(cpu);
  struct block *block = code_find(cpu, to);
  if (epoch == code_epoch(cpu)) {
    struct op *writable = (struct op *)link;
    enum lifetime lifetime = in_one_page(block, from, to) ? LIFE_PAGE : lifetime_of(cpu, block, to);
    writable->target = block;
    writable->code = lifetime;
    writable->generation = cpu->generation[lifetime];
  }
  return enter(cpu, block, to);
}

__attribute__((noinline)) void jump_miss(struct cpu *cpu, uint64_t rip) {
  cpu->rip = rip;
  if (atomic_load_explicit(&cpu->attention, memory_order_relaxed) < 0) return;
  struct block *block = code_find(cpu, rip);
  uint64_t linear = rip + cpu->code_base;
  struct jump_entry *entry = jump_at(cpu, linear);
  enum lifetime lifetime = lifetime_of(cpu, block, linear);
  *entry = (struct jump_entry){jump_key(cpu, linear), block, cpu->generation[lifetime], lifetime};
  return enter(cpu, block, rip);
}

void link_op(struct cpu *cpu, const struct op *op) {
  return follow(cpu, op);
}

/* The target of a branch of operand size `dst`, to which it is cut. Outside 64-bit mode the branch faults when
 * it is beyond the segment, and has done nothing yet. */
static inline uint64_t near_target(struct cpu *cpu, const struct op *op, uint64_t rip) {
  if (op->dst == 8) return rip;
  uint64_t target = op->dst == 2 ? (uint16_t)rip : (uint32_t)rip;
  if (unlikely(target > cpu->segment[CS].limit)) cpu_fault(cpu, op, VECTOR_GP, 0);
  return target;
}
static inline uint64_t direct_target(struct cpu *cpu, const struct op *op) {
  return near_target(cpu, op, cpu->reg[REG_BLOCK] + (uint64_t)(int64_t)op->disp);
}
static void jump_near(struct cpu *cpu, const struct op *op) {
  return jump(cpu, direct_target(cpu, op));
}

static struct op *emit_target(struct translator *t, const struct insn *insn, handler *run, int32_t target) {
  struct op *op = emit(t, insn, run);
  op->disp = target;
  op->generation = 0;
  op->code = LIFE_PAGE;
  return op;
}

void emit_link(struct translator *t, const struct insn *insn, int32_t target) {
  if (t->mode == 8) {
    emit_target(t, insn, link_op, target);
  } else {
    struct op *op = emit(t, insn, jump_near);
    op->disp = target;
    op->dst = 4; /* the block ends where it ends: nothing wraps */
  }
  t->ended = true;
}

#define DEFINE_JCC(cc, number)                                              \
  static void jcc_##cc(struct cpu *cpu, const struct op *op) {                 \
    return follow(cpu, condition(cpu, number) ? op + 1 : op + 2);           \
  }                                                                         \
  static void jcc_n##cc(struct cpu *cpu, const struct op *op) {                \
    return follow(cpu, condition(cpu, number) ? op + 2 : op + 1);           \
  }
DEFINE_JCC(o, COND_O)
DEFINE_JCC(b, COND_B)
DEFINE_JCC(z, COND_Z)
DEFINE_JCC(be, COND_BE)
DEFINE_JCC(s, COND_S)
DEFINE_JCC(p, COND_P)
DEFINE_JCC(l, COND_L)
DEFINE_JCC(le, COND_LE)
handler *const jcc_handlers[16] = {
    jcc_o, jcc_no, jcc_b, jcc_nb, jcc_z, jcc_nz, jcc_be, jcc_nbe,
    jcc_s, jcc_ns, jcc_p, jcc_np, jcc_l, jcc_nl, jcc_le, jcc_nle};

/* Outside 64-bit mode; `code` is the whole condition. */
static void jcc_near(struct cpu *cpu, const struct op *op) {
  bool taken = condition(cpu, op->code >> 1) != (op->code & 1);
  return jump(cpu, taken ? direct_target(cpu, op) : cpu_next_rip(cpu, op));
}

/* LOOPNE, LOOPE, LOOP and JCXZ: `code` is the opcode, `src` the address size, which counts. */
static void loop_near(struct cpu *cpu, const struct op *op) {
  bool counts = op->code != 0xe3;
  uint64_t count = cpu->reg[RCX] - counts;
  bool zero = (op->src == 8 ? count : op->src == 4 ? (uint32_t)count : (uint16_t)count) == 0;
  bool taken = counts ? !zero : zero;
  if (op->code == 0xe0) taken = taken && !(cc_status(cpu) & FLAG_ZF);
  if (op->code == 0xe1) taken = taken && cc_status(cpu) & FLAG_ZF;
  uint64_t target = taken ? direct_target(cpu, op) : cpu_next_rip(cpu, op);
  if (counts && op->src == 2) SET16(REG_OFFSET(RCX), count);
  else if (counts && op->src == 4) SET32(REG_OFFSET(RCX), count);
  else cpu->reg[RCX] = count;
  return jump(cpu, target);
}

void call64(struct cpu *cpu, const struct op *op) {
  uint64_t sp = cpu->reg[RSP] - 8;
  store64(cpu, op, sp, cpu_next_rip(cpu, op));
  cpu->reg[RSP] = sp;
  return follow(cpu, op + 1);
}

static void call_near(struct cpu *cpu, const struct op *op) {
  uint64_t target = direct_target(cpu, op);
  push_value(cpu, op, cpu_next_rip(cpu, op), op->dst);
  return jump(cpu, target);
}

/* A target that is no address faults in the jump, which has done nothing yet. */
static inline uint64_t checked(struct cpu *cpu, const struct op *op, uint64_t target) {
  if (unlikely((uint64_t)((int64_t)(target << 16) >> 16) != target)) cpu_fault(cpu, op, VECTOR_GP, 0);
  return target;
}

/* By a register, REG_EA for memory. */
void jump64_r(struct cpu *cpu, const struct op *op) {
  return jump(cpu, checked(cpu, op, REG64(op->src)));
}
void call64_r(struct cpu *cpu, const struct op *op) {
  uint64_t sp = cpu->reg[RSP] - 8, target = checked(cpu, op, REG64(op->src));
  store64(cpu, op, sp, cpu_next_rip(cpu, op));
  cpu->reg[RSP] = sp;
  return jump(cpu, target);
}
static void jump_r(struct cpu *cpu, const struct op *op) {
  return jump(cpu, near_target(cpu, op, REG64(op->src)));
}
static void call_r(struct cpu *cpu, const struct op *op) {
  uint64_t target = near_target(cpu, op, REG64(op->src));
  push_value(cpu, op, cpu_next_rip(cpu, op), op->dst);
  return jump(cpu, target);
}

/* Drops `imm` bytes more. */
void ret64(struct cpu *cpu, const struct op *op) {
  uint64_t target = checked(cpu, op, load64(cpu, op, cpu->reg[RSP]));
  cpu->reg[RSP] += 8 + op->imm;
  return jump(cpu, target);
}
static void ret_near(struct cpu *cpu, const struct op *op) {
  struct stack stack = stack_present(cpu);
  uint64_t target = near_target(cpu, op, stack_pop(cpu, op, &stack, op->dst));
  stack_move(&stack, (int64_t)op->imm);
  cpu->reg[RSP] = stack.pointer;
  return jump(cpu, target);
}

static void load_target(struct translator *t, const struct insn *insn, uint8_t size, uint8_t *src) {
  extern handler load_ea16, load_ea32, load_ea64;
  *src = REG_OFFSET(insn->rm);
  if (!insn_memory(insn)) return;
  emit_memory(t, insn, size == 8 ? load_ea64 : size == 4 ? load_ea32 : load_ea16);
  *src = REG_OFFSET(REG_EA);
}

bool translate_branch(struct translator *t, const struct insn *insn) {
  bool long_mode = insn->mode == 8;
  uint8_t size = long_mode ? 8 : insn->size == 8 ? 4 : insn->size, opcode = insn->opcode;
  int32_t behind = t->pc + insn->length;
  if (insn->lock) return false;
  bool far_away = (int64_t)insn->imm + behind != (int32_t)((int64_t)insn->imm + behind);
  int32_t target = (int32_t)(insn->imm + (uint64_t)behind);
  bool jcc = insn->map == MAP_0F ? (opcode & 0xf0) == 0x80 : insn->map == MAP_ONE_BYTE && (opcode & 0xf0) == 0x70;
  if (jcc && !far_away) {
    if (long_mode) {
      emit(t, insn, jcc_handlers[opcode & 15]);
      emit_target(t, insn, link_op, target);
      emit_target(t, insn, link_op, behind);
    } else {
      struct op *op = emit(t, insn, jcc_near);
      op->disp = target;
      op->dst = size;
      op->code = opcode & 15;
    }
    return t->ended = true;
  }
  if (insn->map != MAP_ONE_BYTE) return false;
  switch (opcode) {
    case 0xe0 ... 0xe3: {
      struct op *op = emit(t, insn, loop_near);
      op->disp = target;
      op->dst = size;
      op->src = insn->address_size;
      op->code = opcode;
      break;
    }
    case 0xe8:
    case 0xe9:
    case 0xeb:
      if (far_away) return false;
      if (!long_mode) {
        struct op *op = emit(t, insn, opcode == 0xe8 ? call_near : jump_near);
        op->segment = SS;
        op->disp = target;
        op->dst = size;
      } else {
        if (opcode == 0xe8) emit_stack(t, insn, call64, 8);
        emit_target(t, insn, link_op, target);
      }
      break;
    case 0xc2:
    case 0xc3: {
      struct op *op = emit_stack(t, insn, long_mode ? ret64 : ret_near, size);
      op->imm = opcode == 0xc2 ? insn->imm : 0;
      op->dst = size;
      break;
    }
    case 0xff: {
      unsigned member = insn->reg & 7;
      if (member != 2 && member != 4) return false;
      uint8_t src;
      load_target(t, insn, size, &src);
      struct op *op = emit(t, insn, member == 2 ? (long_mode ? call64_r : call_r) : (long_mode ? jump64_r : jump_r));
      op->segment = SS;
      op->src = src;
      op->dst = size;
      break;
    }
    default:
      return false;
  }
  return t->ended = true;
}
