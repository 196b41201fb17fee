/* System instructions into ops (SDM volume 2, appendix A). */
#include "soft/translation/decode.h"
#include "soft/system/system_ops.h"

/* Operands of the stack: 8 bytes in 64-bit mode, where a prefix makes them 2. */
static uint8_t stack_size(const struct insn *insn) {
  return insn->mode != 8 ? insn->size : insn->has_66 && !insn->rex_w ? 2 : 8;
}

static struct op *emit_sized(struct translator *t, const struct insn *insn, handler *run, uint8_t size) {
  struct op *op = emit(t, insn, run);
  op->code = size;
  return op;
}

/* The last of its block. */
static struct op *emit_last(struct translator *t, const struct insn *insn, handler *run, uint8_t size) {
  t->ended = true;
  return emit_sized(t, insn, run, size);
}

/* With a word from a register or memory as `src`. */
static struct op *emit_word_source(struct translator *t, const struct insn *insn, handler *run) {
  uint8_t source = REG_OFFSET(insn->rm);
  if (insn_memory(insn)) {
    emit_memory(t, insn, exec_load_operand16);
    source = REG_OFFSET(REG_EA);
  }
  struct op *op = emit_sized(t, insn, run, insn->size);
  op->src = source;
  op->dst = REG_OFFSET(insn->reg);
  return op;
}

/* That stores a word in memory, or one of the operand's size in a register. */
static struct op *emit_word_target(struct translator *t, const struct insn *insn, handler *run) {
  if (insn_memory(insn)) return emit_memory(t, insn, run);
  struct op *op = emit_sized(t, insn, run, insn->size);
  op->dst = REG_OFFSET(insn->rm);
  return op;
}

static void emit_sized_memory(struct translator *t, const struct insn *insn, handler *run) {
  emit_memory(t, insn, run)->code = insn->size;
}

static void push_segment(struct translator *t, const struct insn *insn, uint8_t segment) {
  emit_stack(t, insn, exec_push_segment, stack_size(insn))->dst = segment;
}

static void pop_segment(struct translator *t, const struct insn *insn, uint8_t segment) {
  emit_stack(t, insn, exec_pop_segment, stack_size(insn))->dst = segment;
  t->ended = insn->mode != 8;
}

static void mov_to_segment(struct translator *t, const struct insn *insn) {
  uint8_t segment = insn->reg & 7;
  if (segment == CS || segment > GS) {
    emit_undefined(t, insn);
    return;
  }
  emit_word_source(t, insn, exec_mov_to_segment)->code = segment;
  t->ended = insn->mode != 8 || segment == SS;
}

static void mov_from_segment(struct translator *t, const struct insn *insn) {
  uint8_t segment = insn->reg & 7;
  if (segment > GS) {
    emit_undefined(t, insn);
    return;
  }
  struct op *op = emit_word_target(t, insn, exec_mov_from_segment);
  op->src = op->dst;
  op->dst = segment;
}

static void load_far_pointer(struct translator *t, const struct insn *insn, uint8_t segment) {
  if (!insn_memory(insn)) {
    emit_undefined(t, insn);
    return;
  }
  struct op *op = emit_memory(t, insn, exec_load_far_pointer);
  op->code = insn->size;
  op->dst = REG_OFFSET(insn->reg);
  op->src = segment;
  t->ended = insn->mode != 8;
}

static void far_memory(struct translator *t, const struct insn *insn, handler *run) {
  if (!insn_memory(insn)) {
    emit_undefined(t, insn);
    return;
  }
  emit_sized_memory(t, insn, run);
  t->ended = true;
}

/* Ops that an STI needs behind it for the instruction that it shields to be in the same block. */
#define STI_ROOM 16

static void sti(struct translator *t, const struct insn *insn) {
  if (t->count + STI_ROOM < t->room && !t->intercepts) emit(t, insn, exec_sti);
  else emit_last(t, insn, exec_sti_last, 0);
}

static bool translate_one_byte(struct translator *t, const struct insn *insn) {
  bool legacy = insn->mode != 8;
  uint8_t opcode = insn->opcode;
  switch (opcode) {
    case 0x06: case 0x0e: case 0x16: case 0x1e:
      if (legacy) push_segment(t, insn, opcode >> 3);
      else emit_undefined(t, insn);
      return true;
    case 0x07: case 0x17: case 0x1f:
      if (legacy) pop_segment(t, insn, opcode >> 3);
      else emit_undefined(t, insn);
      return true;
    case 0x8c: mov_from_segment(t, insn); return true;
    case 0x8e: mov_to_segment(t, insn); return true;
    case 0x9a: case 0xea:
      if (legacy) emit_last(t, insn, opcode == 0xea ? exec_jmp_far : exec_call_far, insn->size)->imm = insn->imm;
      else emit_undefined(t, insn);
      return true;
    case 0x9c: emit_stack(t, insn, exec_pushf, stack_size(insn)); return true;
    case 0x9d: emit_stack(t, insn, exec_popf, stack_size(insn)); return true;
    case 0xc4: case 0xc5:
      if (legacy) load_far_pointer(t, insn, opcode == 0xc4 ? ES : DS);
      else emit_undefined(t, insn);
      return true;
    case 0xca: case 0xcb:
      emit_stack(t, insn, exec_ret_far, insn->size)->imm = insn->imm;
      t->ended = true;
      return true;
    case 0xcc: emit_last(t, insn, exec_int, 0)->imm = VECTOR_BP; return true;
    case 0xcd: emit_last(t, insn, exec_int, 0)->imm = insn->imm & 0xff; return true;
    case 0xce:
      if (legacy) emit(t, insn, exec_into);
      else emit_undefined(t, insn);
      return true;
    case 0xcf:
      emit_stack(t, insn, exec_iret, insn->size);
      t->ended = true;
      return true;
    case 0xe4: emit_last(t, insn, exec_in_imm, 1)->imm = insn->imm; return true;
    case 0xe5: emit_last(t, insn, exec_in_imm, insn->size == 2 ? 2 : 4)->imm = insn->imm; return true;
    case 0xe6: emit_last(t, insn, exec_out_imm, 1)->imm = insn->imm; return true;
    case 0xe7: emit_last(t, insn, exec_out_imm, insn->size == 2 ? 2 : 4)->imm = insn->imm; return true;
    case 0xec: emit_last(t, insn, exec_in_dx, 1); return true;
    case 0xed: emit_last(t, insn, exec_in_dx, insn->size == 2 ? 2 : 4); return true;
    case 0xee: emit_last(t, insn, exec_out_dx, 1); return true;
    case 0xef: emit_last(t, insn, exec_out_dx, insn->size == 2 ? 2 : 4); return true;
    case 0xf1: emit_last(t, insn, exec_int1, 0); return true;
    case 0xf4: emit_last(t, insn, exec_hlt, 0); return true;
    case 0xfa: emit(t, insn, exec_cli); return true;
    case 0xfb: sti(t, insn); return true;
    case 0xff:
      if ((insn->reg & 7) == 3) far_memory(t, insn, exec_call_far_memory);
      else if ((insn->reg & 7) == 5) far_memory(t, insn, exec_jmp_far_memory);
      else return false;
      return true;
    default: return false;
  }
}

/* Group 6: 0F 00. */
static void translate_group6(struct translator *t, const struct insn *insn) {
  switch (insn->reg & 7) {
    case 0: emit_word_target(t, insn, exec_sldt); break;
    case 1: emit_word_target(t, insn, exec_str); break;
    case 2: emit_word_source(t, insn, exec_lldt); break;
    case 3: emit_word_source(t, insn, exec_ltr); break;
    case 4: emit_word_source(t, insn, exec_verr); break;
    case 5: emit_word_source(t, insn, exec_verw); break;
    default: emit_undefined(t, insn); break;
  }
}

/* Group 7: 0F 01. Its register forms are instructions of their own, of which XGETBV and XSETBV are
 * elsewhere. */
static bool translate_group7(struct translator *t, const struct insn *insn) {
  uint8_t member = insn->reg & 7;
  if (member == 4) {
    emit_word_target(t, insn, exec_smsw);
    return true;
  }
  if (member == 6) {
    emit_word_source(t, insn, exec_lmsw);
    t->ended = true;
    return true;
  }
  if (!insn_memory(insn)) {
    switch (insn->modrm) {
      case 0xca: emit(t, insn, exec_clac); return true;
      case 0xcb: emit(t, insn, exec_stac); return true;
      case 0xd0: case 0xd1: return false;
      case 0xf8:
        if (insn->mode == 8) emit(t, insn, exec_swapgs);
        else emit_undefined(t, insn);
        return true;
      case 0xf9: emit(t, insn, exec_rdtscp); return true;
      default: emit_undefined(t, insn); return true;
    }
  }
  switch (member) {
    case 0: emit_memory(t, insn, exec_sgdt); break;
    case 1: emit_memory(t, insn, exec_sidt); break;
    case 2: emit_sized_memory(t, insn, exec_lgdt); break;
    case 3: emit_sized_memory(t, insn, exec_lidt); break;
    case 7:
      emit_memory(t, insn, exec_invlpg);
      t->ended = true;
      break;
    default: emit_undefined(t, insn); break;
  }
  return true;
}

/* 0F AE with F3 and a register; the rest of the group is not of the system. */
static bool translate_fsgsbase(struct translator *t, const struct insn *insn) {
  uint8_t member = insn->reg & 7;
  if (insn_memory(insn) || insn_prefix(insn) != PREFIX_F3 || member > 3) return false;
  if (insn->mode != 8) {
    emit_undefined(t, insn);
    return true;
  }
  struct op *op = emit_sized(t, insn, member & 2 ? exec_wrfsbase : exec_rdfsbase, insn->rex_w ? 8 : 4);
  op->dst = REG_OFFSET(insn->rm);
  op->src = member & 1 ? GS : FS;
  return true;
}

/* Members 6 and 7 of group 9: 0F C7. In memory they are of VMX. */
static bool translate_group9(struct translator *t, const struct insn *insn) {
  if ((insn->reg & 7) < 6) return false;
  if (insn_memory(insn) || insn->rep) emit_undefined(t, insn);
  else emit_sized(t, insn, exec_rdrand, insn->size)->dst = REG_OFFSET(insn->rm);
  return true;
}

static void mov_control(struct translator *t, const struct insn *insn, bool to) {
  if (insn->reg > 8 || !(1 << insn->reg & 0x11d)) {
    emit_undefined(t, insn);
    return;
  }
  struct op *op = emit_sized(t, insn, to ? exec_mov_to_cr : exec_mov_from_cr, insn->reg);
  op->dst = op->src = REG_OFFSET(insn->rm);
  t->ended = to;
}

static void mov_debug(struct translator *t, const struct insn *insn, bool to) {
  if (insn->reg > 7) {
    emit_undefined(t, insn);
    return;
  }
  struct op *op = emit_sized(t, insn, to ? exec_mov_to_dr : exec_mov_from_dr, insn->reg);
  op->dst = op->src = REG_OFFSET(insn->rm);
  t->ended = to;
}

static bool translate_two_bytes(struct translator *t, const struct insn *insn) {
  switch (insn->opcode) {
    case 0x00: translate_group6(t, insn); return true;
    case 0x01: return translate_group7(t, insn);
    case 0x02: emit_word_source(t, insn, exec_lar); return true;
    case 0x03: emit_word_source(t, insn, exec_lsl); return true;
    case 0x05: emit_last(t, insn, exec_syscall, 0); return true;
    case 0x06: emit_last(t, insn, exec_clts, 0); return true;
    case 0x07: emit_last(t, insn, exec_sysret, insn->size); return true;
    case 0x08: case 0x09: emit(t, insn, exec_cache_flush); return true;
    case 0x20: case 0x22: mov_control(t, insn, insn->opcode == 0x22); return true;
    case 0x21: case 0x23: mov_debug(t, insn, insn->opcode == 0x23); return true;
    case 0x30: emit_last(t, insn, exec_wrmsr, 0); return true;
    case 0x31: emit(t, insn, exec_rdtsc); return true;
    case 0x32: emit(t, insn, exec_rdmsr); return true;
    case 0x33: emit_last(t, insn, exec_rdpmc, 0); return true;
    case 0x34: emit_last(t, insn, exec_sysenter, 0); return true;
    case 0x35: emit_last(t, insn, exec_sysexit, insn->size); return true;
    case 0xa0: push_segment(t, insn, FS); return true;
    case 0xa1: pop_segment(t, insn, FS); return true;
    case 0xa2: emit(t, insn, exec_cpuid); return true;
    case 0xa8: push_segment(t, insn, GS); return true;
    case 0xa9: pop_segment(t, insn, GS); return true;
    case 0xae: return translate_fsgsbase(t, insn);
    case 0xb2: load_far_pointer(t, insn, SS); return true;
    case 0xb4: load_far_pointer(t, insn, FS); return true;
    case 0xb5: load_far_pointer(t, insn, GS); return true;
    case 0xc7: return translate_group9(t, insn);
    case 0x0b: case 0x24: case 0x26: case 0x37: case 0x78: case 0x79: case 0xaa: case 0xb9: case 0xff:
      emit_undefined(t, insn); /* UD2, test registers, GETSEC, VMREAD, VMWRITE, RSM, UD1, UD0 */
      return true;
    default: return false;
  }
}

/* INVEPT, INVVPID, INVPCID. */
static bool translate_0f38(struct translator *t, const struct insn *insn) {
  if (insn->opcode < 0x80 || insn->opcode > 0x82) return false;
  if (insn->opcode != 0x82 || insn_prefix(insn) != PREFIX_66 || !insn_memory(insn)) {
    emit_undefined(t, insn);
    return true;
  }
  emit_memory(t, insn, exec_invpcid)->src = REG_OFFSET(insn->reg);
  t->ended = true;
  return true;
}

bool translate_system(struct translator *t, const struct insn *insn) {
  uint32_t count = t->count;
  bool known = insn->map == MAP_ONE_BYTE ? translate_one_byte(t, insn)
               : insn->map == MAP_0F     ? translate_two_bytes(t, insn)
               : insn->map == MAP_0F38   ? translate_0f38(t, insn) : false;
  /* None of them can be locked. */
  if (known && insn->lock) {
    t->count = count;
    emit_undefined(t, insn);
  }
  return known;
}
