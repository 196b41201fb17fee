/* Integer instructions to ops: see decode.h. */
#include "soft/integer/alu.h"
#include "soft/integer/bits.h"
#include "soft/translation/decode.h"
#include "soft/integer/move.h"
#include "soft/integer/multiply.h"

static unsigned size_index(unsigned size) { return (unsigned)__builtin_ctz(size); }

static unsigned byte_or(const struct insn *insn) { return insn->opcode & 1 ? insn->size : 1; }

/* Pushes, pops and near returns are of 8 bytes in 64-bit mode, or of 2. */
static unsigned stack_size(const struct insn *insn) {
  return insn->mode == 8 ? (insn->has_66 ? 2 : 8) : insn->size == 8 ? 4 : insn->size;
}

/* LOCK goes with a memory destination of some instructions only. */
static bool lock_refused(const struct insn *insn, bool allowed) {
  return insn->lock && !(allowed && insn_memory(insn));
}

static void register_pair(struct translator *t, const struct insn *insn, handler *run, uint8_t dst, uint8_t src) {
  struct op *op = emit(t, insn, run);
  op->dst = dst;
  op->src = src;
}

/* The r/m operand's value, into a register that may be named as a source: itself or REG_EA. */
static uint8_t value_of_rm(struct translator *t, const struct insn *insn, unsigned size) {
  if (!insn_memory(insn)) return insn_register(insn, insn->rm, (uint8_t)size);
  static handler *const loads[4] = {load_ea8, load_ea16, load_ea32, load_ea64};
  emit_memory(t, insn, loads[size_index(size)]);
  return REG_OFFSET(REG_EA);
}

/* Operand forms of the eight operations of opcodes 00 to 3F, and of TEST. */
static void alu_rm_reg(struct translator *t, const struct insn *insn, unsigned operation, bool to_reg) {
  unsigned size = byte_or(insn);
  handler *const *forms = alu_handlers[operation][size_index(size)];
  uint8_t reg = insn_register(insn, insn->reg, (uint8_t)size);
  if (!insn_memory(insn)) {
    uint8_t rm = insn_register(insn, insn->rm, (uint8_t)size);
    register_pair(t, insn, forms[ALU_RR], to_reg ? reg : rm, to_reg ? rm : reg);
  } else if (to_reg) {
    emit_memory(t, insn, forms[ALU_RM])->dst = reg;
  } else {
    emit_memory(t, insn, forms[insn->lock ? ALU_LOCK_MR : ALU_MR])->src = reg;
  }
}

static void alu_rm_imm(struct translator *t, const struct insn *insn, unsigned operation) {
  unsigned size = byte_or(insn);
  handler *const *forms = alu_handlers[operation][size_index(size)];
  struct op *op;
  if (insn_memory(insn)) {
    op = emit_memory(t, insn, forms[insn->lock ? ALU_LOCK_MI : ALU_MI]);
  } else {
    op = emit(t, insn, forms[ALU_RI]);
    op->dst = insn_register(insn, insn->rm, (uint8_t)size);
  }
  op->imm = insn->imm;
}

static void unary(struct translator *t, const struct insn *insn, unsigned operation, unsigned size) {
  handler *const *forms = unary_handlers[operation][size_index(size)];
  if (insn_memory(insn)) emit_memory(t, insn, forms[insn->lock ? UNARY_LOCK_M : UNARY_M]);
  else emit(t, insn, forms[UNARY_R])->dst = insn_register(insn, insn->rm, (uint8_t)size);
}

/* Group 2; `count` is an immediate unless `by_cl`. */
static void shift(struct translator *t, const struct insn *insn, uint64_t count, bool by_cl) {
  unsigned size = byte_or(insn);
  handler *const *forms = shift_handlers[insn->reg & 7][size_index(size)];
  struct op *op;
  if (insn_memory(insn)) {
    op = emit_memory(t, insn, forms[by_cl ? SHIFT_MC : SHIFT_MI]);
  } else {
    op = emit(t, insn, forms[by_cl ? SHIFT_RC : SHIFT_RI]);
    op->dst = insn_register(insn, insn->rm, (uint8_t)size);
  }
  op->imm = count;
}

static void double_shift(struct translator *t, const struct insn *insn, unsigned operation, bool by_cl) {
  handler *const *forms = double_shift_handlers[operation][size_index(insn->size)];
  struct op *op;
  if (insn_memory(insn)) {
    op = emit_memory(t, insn, forms[by_cl ? SHIFT_MC : SHIFT_MI]);
  } else {
    op = emit(t, insn, forms[by_cl ? SHIFT_RC : SHIFT_RI]);
    op->dst = REG_OFFSET(insn->rm);
  }
  op->src = REG_OFFSET(insn->reg);
  op->imm = insn->imm;
}

static void group3(struct translator *t, const struct insn *insn) {
  unsigned size = byte_or(insn), member = insn->reg & 7;
  static handler *const by_rax[4] = {mul, imul, divide, idivide};
  if (member < 2) {
    alu_rm_imm(t, insn, ALU_TEST);
  } else if (member == 2) {
    unary(t, insn, UNARY_NOT, size);
  } else if (member == 3) {
    unary(t, insn, UNARY_NEG, size);
  } else {
    uint8_t src = value_of_rm(t, insn, size);
    struct op *op = emit(t, insn, by_rax[member - 4]);
    op->src = src;
    op->code = (uint8_t)size;
  }
}

static void mov_rm_reg(struct translator *t, const struct insn *insn, bool to_reg) {
  unsigned size = byte_or(insn);
  handler *const *forms = move_handlers[size_index(size)];
  uint8_t reg = insn_register(insn, insn->reg, (uint8_t)size);
  if (!insn_memory(insn)) {
    uint8_t rm = insn_register(insn, insn->rm, (uint8_t)size);
    register_pair(t, insn, forms[MOVE_RR], to_reg ? reg : rm, to_reg ? rm : reg);
  } else if (to_reg) {
    emit_memory(t, insn, forms[MOVE_RM])->dst = reg;
  } else {
    emit_memory(t, insn, forms[MOVE_MR])->src = reg;
  }
}

static void mov_rm_imm(struct translator *t, const struct insn *insn) {
  unsigned size = byte_or(insn);
  handler *const *forms = move_handlers[size_index(size)];
  struct op *op;
  if (insn_memory(insn)) {
    op = emit_memory(t, insn, forms[MOVE_MI]);
  } else {
    op = emit(t, insn, forms[MOVE_RI]);
    op->dst = insn_register(insn, insn->rm, (uint8_t)size);
  }
  op->imm = insn->imm;
}

/* Between the accumulator and an absolute address. */
static void mov_offset(struct translator *t, const struct insn *insn) {
  handler *const *forms = move_handlers[size_index(byte_or(insn))];
  if (insn->opcode < 0xa2) emit_memory(t, insn, forms[MOVE_RM])->dst = REG_OFFSET(RAX);
  else emit_memory(t, insn, forms[MOVE_MR])->src = REG_OFFSET(RAX);
}

static void xchg(struct translator *t, const struct insn *insn) {
  unsigned size = byte_or(insn);
  handler *const *forms = move_handlers[size_index(size)];
  uint8_t reg = insn_register(insn, insn->reg, (uint8_t)size);
  if (insn_memory(insn)) emit_memory(t, insn, forms[MOVE_XCHG_MR])->src = reg;
  else register_pair(t, insn, forms[MOVE_XCHG_RR], insn_register(insn, insn->rm, (uint8_t)size), reg);
}

static void extend(struct translator *t, const struct insn *insn, unsigned kind, uint8_t from_size) {
  handler *const *forms = extend_handlers[size_index(insn->size) - 1][kind];
  struct op *op;
  if (insn_memory(insn)) {
    op = emit_memory(t, insn, forms[1]);
  } else {
    op = emit(t, insn, forms[0]);
    op->src = insn_register(insn, insn->rm, from_size);
  }
  op->dst = REG_OFFSET(insn->reg);
}

/* LEA knows no segment; its address is cut to the address size, then to the operand size. */
static void lea(struct translator *t, const struct insn *insn) {
  if (!insn_memory(insn)) return emit_undefined(t, insn);
  struct insn plain = *insn;
  plain.segment = DS;
  plain.segment_override = false;
  static handler *const handlers[3] = {lea16, lea32, lea64};
  bool flat = t->flat;
  t->flat = true;
  uint8_t size = insn->address_size < insn->size ? insn->address_size : insn->size;
  /* Without 64-bit addresses the cut is LEA's own: no check of a limit may come in between. */
  if (insn->address_size != 8) plain.address_size = plain.mode = 8;
  struct op *op = emit_memory(t, &plain, handlers[size_index(insn->size == 2 ? 2 : size) - 1]);
  op->dst = REG_OFFSET(insn->reg);
  t->flat = flat;
}

static void push_register(struct translator *t, const struct insn *insn) {
  unsigned size = stack_size(insn);
  emit_stack(t, insn, size == 8 ? push64_r : push_r, size)->src = REG_OFFSET(insn->rm);
}

static void pop_register(struct translator *t, const struct insn *insn) {
  unsigned size = stack_size(insn);
  emit_stack(t, insn, size == 8 ? pop64_r : pop_r, size)->dst = REG_OFFSET(insn->rm);
}

static void push_immediate(struct translator *t, const struct insn *insn) {
  unsigned size = stack_size(insn);
  emit_stack(t, insn, size == 8 ? push64_i : push_i, size)->imm = insn->imm;
}

static void push_rm(struct translator *t, const struct insn *insn) {
  unsigned size = stack_size(insn);
  uint8_t src = value_of_rm(t, insn, size);
  emit_stack(t, insn, size == 8 ? push64_r : push_r, size)->src = src;
}

static void pop_rm(struct translator *t, const struct insn *insn) {
  unsigned size = stack_size(insn);
  if (!insn_memory(insn)) return pop_register(t, insn);
  struct insn raised = *insn; /* RSP as a base counts after the pop */
  if (insn->base == RSP) raised.disp += size;
  emit_memory(t, &raised, pop_m)->code = (uint8_t)size;
}

static struct op *sized(struct translator *t, const struct insn *insn, handler *run, unsigned size) {
  struct op *op = emit(t, insn, run);
  op->code = (uint8_t)size;
  return op;
}

static void imul_two(struct translator *t, const struct insn *insn) {
  static handler *const handlers[3][2] = {{imul16_rr, imul16_rm}, {imul32_rr, imul32_rm}, {imul64_rr, imul64_rm}};
  handler *const *forms = handlers[size_index(insn->size) - 1];
  struct op *op;
  if (insn_memory(insn)) {
    op = emit_memory(t, insn, forms[1]);
  } else {
    op = emit(t, insn, forms[0]);
    op->src = REG_OFFSET(insn->rm);
  }
  op->dst = REG_OFFSET(insn->reg);
}

static void imul_three(struct translator *t, const struct insn *insn) {
  static handler *const handlers[3][2] = {
      {imul16_rri, imul16_rmi}, {imul32_rri, imul32_rmi}, {imul64_rri, imul64_rmi}};
  handler *const *forms = handlers[size_index(insn->size) - 1];
  struct op *op;
  if (insn_memory(insn)) {
    op = emit_memory(t, insn, forms[1]);
  } else {
    op = emit(t, insn, forms[0]);
    op->src = REG_OFFSET(insn->rm);
  }
  op->dst = REG_OFFSET(insn->reg);
  op->imm = insn->imm;
}

/* Its address is the sum of RBX and AL, which wraps as others do. */
static void xlat_byte(struct translator *t, const struct insn *insn) {
  emit(t, insn, xlat_place);
  struct insn table = *insn;
  table.base = REG_EA;
  emit_memory(t, &table, move_handlers[0][MOVE_RM])->dst = REG_OFFSET(RAX);
}

static bool translate_one_byte(struct translator *t, const struct insn *insn) {
  uint8_t opcode = insn->opcode;
  bool long_mode = insn->mode == 8;
  if (opcode < 0x40 && (opcode & 7) < 6) {
    unsigned operation = opcode >> 3;
    if (lock_refused(insn, operation != ALU_CMP && (opcode & 7) < 2)) return false;
    if ((opcode & 7) < 4) {
      alu_rm_reg(t, insn, operation, opcode & 2);
    } else {
      unsigned size = byte_or(insn);
      struct op *op = emit(t, insn, alu_handlers[operation][size_index(size)][ALU_RI]);
      op->dst = REG_OFFSET(RAX);
      op->imm = insn->imm;
    }
    return true;
  }
  switch (opcode) {
    case 0x80: case 0x81: case 0x82: case 0x83:
      if (lock_refused(insn, (insn->reg & 7) != ALU_CMP) || (opcode == 0x82 && long_mode)) return false;
      alu_rm_imm(t, insn, insn->reg & 7);
      return true;
    case 0x86: case 0x87:
      if (lock_refused(insn, true)) return false;
      xchg(t, insn);
      return true;
    case 0xf6: case 0xf7:
      if (lock_refused(insn, (insn->reg & 6) == 2)) return false;
      group3(t, insn);
      return true;
    case 0xfe: case 0xff:
      if ((insn->reg & 7) < 2) {
        if (lock_refused(insn, true)) return false;
        unary(t, insn, (insn->reg & 7) == 0 ? UNARY_INC : UNARY_DEC, byte_or(insn));
        return true;
      }
      if (opcode == 0xfe || (insn->reg & 7) != 6 || insn->lock) return false;
      push_rm(t, insn);
      return true;
  }
  if (insn->lock) return false;
  switch (opcode) {
    case 0x40 ... 0x4f:
      if (long_mode) return false;
      unary(t, insn, opcode < 0x48 ? UNARY_INC : UNARY_DEC, insn->size);
      return true;
    case 0x50 ... 0x57: push_register(t, insn); return true;
    case 0x58 ... 0x5f: pop_register(t, insn); return true;
    case 0x60: case 0x61:
      if (long_mode) return false;
      emit_stack(t, insn, opcode == 0x60 ? push_all : pop_all, insn->size);
      return true;
    case 0x63:
      if (!long_mode) return false; /* ARPL */
      extend(t, insn, EXTEND_SIGN_32, 4);
      return true;
    case 0x68: case 0x6a: push_immediate(t, insn); return true;
    case 0x69: case 0x6b: imul_three(t, insn); return true;
    case 0x84: case 0x85: alu_rm_reg(t, insn, ALU_TEST, false); return true;
    case 0x88: case 0x89: mov_rm_reg(t, insn, false); return true;
    case 0x8a: case 0x8b: mov_rm_reg(t, insn, true); return true;
    case 0x8d: lea(t, insn); return true;
    case 0x8f:
      if (insn->reg & 7) return false;
      pop_rm(t, insn);
      return true;
    case 0x90 ... 0x97:
      if (opcode == 0x90 && insn->rm == RAX) {
        emit(t, insn, insn->rep == 0xf3 ? pause_loop : nop);
      } else {
        register_pair(t, insn, move_handlers[size_index(insn->size)][MOVE_XCHG_RR], REG_OFFSET(RAX),
                      REG_OFFSET(insn->rm));
      }
      return true;
    case 0x98: sized(t, insn, cbw, insn->size); return true;
    case 0x99: sized(t, insn, cwd, insn->size); return true;
    case 0x9e: emit(t, insn, sahf); return true;
    case 0x9f: emit(t, insn, lahf); return true;
    case 0xa0 ... 0xa3: mov_offset(t, insn); return true;
    case 0xa8: case 0xa9: {
      struct op *op = emit(t, insn, alu_handlers[ALU_TEST][size_index(byte_or(insn))][ALU_RI]);
      op->dst = REG_OFFSET(RAX);
      op->imm = insn->imm;
      return true;
    }
    case 0xb0 ... 0xb7: case 0xb8 ... 0xbf: {
      unsigned size = opcode < 0xb8 ? 1 : insn->size;
      struct op *op = emit(t, insn, move_handlers[size_index(size)][MOVE_RI]);
      op->dst = insn_register(insn, insn->rm, (uint8_t)size);
      op->imm = insn->imm;
      return true;
    }
    case 0xc0: case 0xc1: shift(t, insn, insn->imm & 0xff, false); return true;
    case 0xd0: case 0xd1: shift(t, insn, 1, false); return true;
    case 0xd2: case 0xd3: shift(t, insn, 0, true); return true;
    case 0xc6: case 0xc7:
      if (insn->reg & 7) return false;
      mov_rm_imm(t, insn);
      return true;
    case 0xc8: emit_stack(t, insn, enter, stack_size(insn))->imm = insn->imm; return true;
    case 0xc9: {
      unsigned size = stack_size(insn);
      emit_stack(t, insn, size == 8 ? leave64 : leave, size);
      return true;
    }
    case 0xd7: xlat_byte(t, insn); return true;
    case 0xf5: sized(t, insn, change_carry, 2); return true;
    case 0xf8: sized(t, insn, change_carry, 0); return true;
    case 0xf9: sized(t, insn, change_carry, 1); return true;
    case 0xfc: sized(t, insn, change_direction, 0); return true;
    case 0xfd: sized(t, insn, change_direction, 1); return true;
  }
  return false;
}

/* The memory operand that a register's bit is in, when its address is cut. */
static struct insn cut_bit_place(struct translator *t, const struct insn *insn) {
  struct op *op = emit(t, insn, bit_place);
  op->base = REG_OFFSET(insn->rip_relative ? REG_BLOCK : insn->base);
  op->index = REG_OFFSET(insn->index);
  op->scale = insn->scale;
  op->disp = (int32_t)(insn->disp + (insn->rip_relative ? t->pc + insn->length : 0));
  op->src = REG_OFFSET(insn->reg);
  op->code = insn->size;
  struct insn at = *insn;
  at.base = REG_EA;
  at.index = REG_ZERO;
  at.scale = 0;
  at.disp = 0;
  at.rip_relative = false;
  return at;
}

static void test_bit(struct translator *t, const struct insn *insn, unsigned operation, bool by_register) {
  handler *const *forms = bit_handlers[operation][size_index(insn->size) - 1];
  struct op *op;
  if (insn_memory(insn) && by_register && insn->address_size != 8) {
    struct insn at = cut_bit_place(t, insn);
    emit_memory(t, &at, forms[insn->lock ? BIT_LOCK_M : BIT_M])->src = REG_OFFSET(REG_BIT);
    return;
  }
  if (insn_memory(insn)) {
    op = emit_memory(t, insn, forms[insn->lock ? BIT_LOCK_M : BIT_M]);
  } else {
    op = emit(t, insn, forms[BIT_R]);
    op->dst = REG_OFFSET(insn->rm);
  }
  op->src = by_register ? REG_OFFSET(insn->reg) : REG_OFFSET(REG_ZERO);
  op->imm = by_register ? 0 : insn->imm & 0xff;
}

static void scan(struct translator *t, const struct insn *insn, handler *const handlers[3]) {
  uint8_t src = value_of_rm(t, insn, insn->size);
  register_pair(t, insn, handlers[size_index(insn->size) - 1], REG_OFFSET(insn->reg), src);
}

static void exchange(struct translator *t, const struct insn *insn, unsigned in_register) {
  unsigned size = byte_or(insn);
  handler *const *forms = exchange_handlers[size_index(size)];
  struct op *op;
  if (insn_memory(insn)) {
    op = emit_memory(t, insn, forms[in_register + 1]);
  } else {
    op = emit(t, insn, forms[in_register]);
    op->dst = insn_register(insn, insn->rm, (uint8_t)size);
  }
  op->src = insn_register(insn, insn->reg, (uint8_t)size);
}

static void cmov(struct translator *t, const struct insn *insn) {
  uint8_t src = value_of_rm(t, insn, insn->size);
  struct op *op = emit(t, insn, conditional_handlers[insn->opcode >> 1 & 7][size_index(insn->size) - 1]);
  op->dst = REG_OFFSET(insn->reg);
  op->src = src;
  op->code = insn->opcode & 1;
}

static void setcc(struct translator *t, const struct insn *insn) {
  handler *const *forms = conditional_handlers[insn->opcode >> 1 & 7];
  struct op *op;
  if (insn_memory(insn)) {
    op = emit_memory(t, insn, forms[SET_M]);
  } else {
    op = emit(t, insn, forms[SET_R]);
    op->dst = insn_register(insn, insn->rm, 1);
  }
  op->code = insn->opcode & 1;
}

static bool translate_two_bytes(struct translator *t, const struct insn *insn) {
  static handler *const bsf[3] = {bsf16, bsf32, bsf64}, *const bsr[3] = {bsr16, bsr32, bsr64},
                        *const popcnt[3] = {popcnt16, popcnt32, popcnt64};
  uint8_t opcode = insn->opcode;
  switch (opcode) {
    case 0xab: case 0xb3: case 0xbb: case 0xa3:
      if (lock_refused(insn, opcode != 0xa3)) return false;
      test_bit(t, insn, opcode >> 3 & 3, true);
      return true;
    case 0xba:
      if ((insn->reg & 7) < 4 || lock_refused(insn, (insn->reg & 7) != 4)) return false;
      test_bit(t, insn, insn->reg & 3, false);
      return true;
    case 0xb0: case 0xb1:
      if (lock_refused(insn, true)) return false;
      exchange(t, insn, CMPXCHG_R);
      return true;
    case 0xc0: case 0xc1:
      if (lock_refused(insn, true)) return false;
      exchange(t, insn, XADD_R);
      return true;
    case 0xc7:
      if ((insn->reg & 7) != 1 || !insn_memory(insn)) return false;
      emit_memory(t, insn, insn->rex_w ? cmpxchg16b : cmpxchg8b);
      return true;
  }
  if (insn->lock) return false;
  switch (opcode) {
    case 0x0d: case 0x18 ... 0x1f: /* prefetches, hints, ENDBR */
      emit(t, insn, nop);
      return true;
    case 0x40 ... 0x4f: cmov(t, insn); return true;
    case 0x90 ... 0x9f: setcc(t, insn); return true;
    case 0xa4: double_shift(t, insn, DOUBLE_SHLD, false); return true;
    case 0xa5: double_shift(t, insn, DOUBLE_SHLD, true); return true;
    case 0xac: double_shift(t, insn, DOUBLE_SHRD, false); return true;
    case 0xad: double_shift(t, insn, DOUBLE_SHRD, true); return true;
    case 0xae:
      if (insn_memory(insn)) {
        if ((insn->reg & 7) != 7) return false;
        emit_memory(t, insn, load_ea8); /* CLFLUSH: it faults as a load does */
        return true;
      }
      if (insn->rep || (insn->reg & 7) < 5) return false;
      emit(t, insn, fence);
      return true;
    case 0xaf: imul_two(t, insn); return true;
    case 0xb6: extend(t, insn, EXTEND_ZERO_8, 1); return true;
    case 0xb7: extend(t, insn, EXTEND_ZERO_16, 2); return true;
    case 0xbe: extend(t, insn, EXTEND_SIGN_8, 1); return true;
    case 0xbf: extend(t, insn, EXTEND_SIGN_16, 2); return true;
    case 0xb8:
      if (insn->rep != 0xf3) return false;
      scan(t, insn, popcnt);
      return true;
    case 0xbc: scan(t, insn, bsf); return true;
    case 0xbd: scan(t, insn, bsr); return true;
    case 0xc8 ... 0xcf:
      emit(t, insn, insn->size == 8 ? bswap64 : bswap32)->dst = REG_OFFSET(insn->rm);
      return true;
  }
  return false;
}

bool translate_integer(struct translator *t, const struct insn *insn) {
  if (insn->map == MAP_ONE_BYTE) return translate_one_byte(t, insn);
  if (insn->map == MAP_0F) return translate_two_bytes(t, insn);
  if (insn->map == MAP_0F38 && (insn->opcode & 0xfe) == 0xf0 && insn->rep == 0 && insn_memory(insn) && !insn->lock) {
    struct op *op = emit_memory(t, insn, insn->opcode == 0xf0 ? movbe_load : movbe_store);
    op->dst = op->src = REG_OFFSET(insn->reg);
    op->code = insn->size;
    return true;
  }
  return false;
}
