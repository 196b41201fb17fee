/* Appends ops, and the addresses that no op says by itself. */
#include "soft/translation/decode.h"
#include "soft/exec.h"
#include "soft/system/segment.h"
#include "soft/translation/operand.h"

struct op *emit(struct translator *t, const struct insn *insn, handler *run) {
  if (unlikely(t->count == t->room)) __builtin_trap();
  struct op *op = &t->ops[t->count++];
  *op = (struct op){
      .run = run,
      .base = REG_OFFSET(REG_ZERO),
      .index = REG_OFFSET(REG_ZERO),
      .segment = insn->segment,
      .length = insn->length,
      .pc = t->pc,
      .next = (uint16_t)(t->pc + insn->length),
  };
  return op;
}

struct op *emit_stack(struct translator *t, const struct insn *insn, handler *run, unsigned size) {
  struct op *op = emit(t, insn, run);
  op->segment = SS;
  op->code = (uint8_t)size;
  return op;
}

void address64(struct cpu *cpu, const struct op *op) {
  cpu->reg[REG_EA] = ea(cpu, op) + cpu->segment[op->segment].base;
  NEXT;
}

void address32(struct cpu *cpu, const struct op *op) {
  cpu->reg[REG_EA] = (uint32_t)ea(cpu, op);
  NEXT;
}

/* With a segment's base; the sum has 32 bits, or 64 in 64-bit mode (`code`). */
static void address_in_segment(struct cpu *cpu, const struct op *op) {
  uint64_t offset = op->dst == 2 ? (uint16_t)ea(cpu, op) : (uint32_t)ea(cpu, op);
  uint64_t address = offset + cpu->segment[op->segment].base;
  cpu->reg[REG_EA] = op->code ? address : (uint32_t)address;
  NEXT;
}

/* Relative to the instruction's end, with more than an op's displacement can say. */
static void address_far_relative(struct cpu *cpu, const struct op *op) {
  cpu->reg[REG_EA] = cpu->reg[REG_BLOCK] + op->imm;
  if (op->code) cpu->reg[REG_EA] = (uint32_t)cpu->reg[REG_EA];
  if (op->dst) cpu->reg[REG_EA] += cpu->segment[op->segment].base;
  NEXT;
}

static void address_absolute(struct cpu *cpu, const struct op *op) {
  cpu->reg[REG_EA] = op->imm;
  if (op->dst) cpu->reg[REG_EA] += cpu->segment[op->segment].base;
  NEXT;
}

/* Checks an access of `imm` bytes, with `code` a write, at REG_EA in a segment outside 64-bit mode. */
static void check_segment(struct cpu *cpu, const struct op *op) {
  uint32_t offset = (uint32_t)(cpu->reg[REG_EA] - cpu->segment[op->segment].base);
  segment_check(cpu, op, op->segment, offset, (uint32_t)op->imm, op->code);
  NEXT;
}

static void fill(struct op *op, const struct insn *insn) {
  op->base = REG_OFFSET(insn->base);
  op->index = REG_OFFSET(insn->index);
  op->scale = insn->scale;
  op->disp = (int32_t)insn->disp;
}

static void emit_segment_check(struct translator *t, const struct insn *insn) {
  struct operand operand = insn_operand(insn);
  if (!operand.bytes) return;
  struct op *op = emit(t, insn, check_segment);
  op->imm = operand.bytes;
  op->code = operand.written;
}

/* Whether the op that makes the address is needed, and does it. */
static bool make_address(struct translator *t, const struct insn *insn) {
  bool long_mode = insn->mode == 8;
  bool based = long_mode ? insn->segment >= FS && insn->segment_override
                         : !t->flat || insn->segment >= FS || insn->segment == CS;
  if (insn->rip_relative) {
    int64_t distance = insn->disp + t->pc + insn->length;
    if (!based && insn->address_size == 8 && distance == (int32_t)distance) return false;
    struct op *op = emit(t, insn, address_far_relative);
    op->imm = (uint64_t)distance;
    op->code = insn->address_size == 4;
    op->dst = based;
    return true;
  }
  if (long_mode && insn->address_size == 8) {
    if (insn->disp != (int32_t)insn->disp) {
      struct op *op = emit(t, insn, address_absolute);
      op->imm = (uint64_t)insn->disp;
      op->dst = based;
      return true;
    }
    if (!based) return false;
    fill(emit(t, insn, address64), insn);
    return true;
  }
  if (!based && insn->address_size == 4) {
    fill(emit(t, insn, address32), insn);
    return true;
  }
  struct op *op = emit(t, insn, address_in_segment);
  fill(op, insn);
  op->dst = insn->address_size;
  op->code = long_mode;
  if (!long_mode) emit_segment_check(t, insn);
  return true;
}

struct op *emit_memory(struct translator *t, const struct insn *insn, handler *run) {
  bool made = make_address(t, insn);
  struct op *op = emit(t, insn, run);
  if (made) {
    op->base = REG_OFFSET(REG_EA);
  } else {
    fill(op, insn);
    if (insn->rip_relative) {
      op->base = REG_OFFSET(REG_BLOCK);
      op->disp = (int32_t)(insn->disp + t->pc + insn->length);
    }
  }
  return op;
}

static void undefined(struct cpu *cpu, const struct op *op) {
  cpu_fault(cpu, op, VECTOR_UD, 0);
}

void emit_undefined(struct translator *t, const struct insn *insn) {
  emit(t, insn, undefined);
  t->ended = true;
}

static void too_long(struct cpu *cpu, const struct op *op) { cpu_fault(cpu, op, VECTOR_GP, 0); }

void emit_too_long(struct translator *t, const struct insn *insn) {
  emit(t, insn, too_long);
  t->ended = true;
}
