/* Instructions that 64-bit mode has not: decimal adjustments, SALC, BOUND, ARPL (SDM volume 2). */
#include "soft/translation/decode.h"
#include "soft/exec.h"
#include "soft/system/segment.h"

#define AL REG8(REG_OFFSET(RAX))
#define AH REG8(REG_OFFSET(RAX) + 1)

static uint32_t status_of(uint8_t al) {
  return (al == 0 ? FLAG_ZF : 0) | (al & 0x80 ? FLAG_SF : 0) | (__builtin_parity(al) ? 0 : FLAG_PF);
}

/* DAA, and with `code` DAS. */
static void decimal_adjust(struct cpu *cpu, const struct op *op) {
  uint32_t old = cc_status(cpu), carries = 0;
  uint8_t al = AL, result = al;
  if ((al & 0xf) > 9 || old & FLAG_AF) {
    bool carry = op->code ? al < 6 : al > 0xff - 6;
    carries |= FLAG_AF | (old & FLAG_CF) | (carry ? FLAG_CF : 0);
    result = (uint8_t)(op->code ? result - 6 : result + 6);
  }
  if (al > 0x99 || old & FLAG_CF) {
    carries |= FLAG_CF;
    result = (uint8_t)(op->code ? result - 0x60 : result + 0x60);
  } else if (!op->code) {
    carries &= ~(uint32_t)FLAG_CF;
  }
  AL = result;
  cc_flags(cpu, status_of(result) | carries);
  NEXT;
}

/* AAA, and with `code` AAS. */
static void ascii_adjust(struct cpu *cpu, const struct op *op) {
  uint32_t carries = 0;
  if ((AL & 0xf) > 9 || cc_status(cpu) & FLAG_AF) {
    carries = FLAG_AF | FLAG_CF;
    uint16_t ax = REG16(REG_OFFSET(RAX));
    SET16(REG_OFFSET(RAX), op->code ? ax - 0x106 : ax + 0x106);
  }
  AL &= 0xf;
  cc_flags(cpu, status_of(AL) | carries);
  NEXT;
}

static void aam(struct cpu *cpu, const struct op *op) {
  uint8_t base = (uint8_t)op->imm, al = AL;
  if (base == 0) cpu_fault(cpu, op, VECTOR_DE, 0);
  AH = al / base;
  AL = al % base;
  cc_flags(cpu, status_of(AL));
  NEXT;
}

static void aad(struct cpu *cpu, const struct op *op) {
  AL = (uint8_t)(AL + AH * (uint8_t)op->imm);
  AH = 0;
  cc_flags(cpu, status_of(AL));
  NEXT;
}

static void salc(struct cpu *cpu, const struct op *op) {
  AL = cc_carry(cpu) ? 0xff : 0;
  NEXT;
}

static void bound(struct cpu *cpu, const struct op *op) {
  uint64_t address = ea(cpu, op);
  int32_t index, least, most;
  if (op->code == 2) {
    index = (int16_t)REG16(op->dst);
    least = (int16_t)load16(cpu, op, address);
    most = (int16_t)load16(cpu, op, address + 2);
  } else {
    index = (int32_t)REG32(op->dst);
    least = (int32_t)load32(cpu, op, address);
    most = (int32_t)load32(cpu, op, address + 4);
  }
  if (index < least || index > most) cpu_fault(cpu, op, VECTOR_BR, 0);
  NEXT;
}

static void set_zf(struct cpu *cpu, bool set) {
  cc_flags(cpu, (cc_status(cpu) & ~(uint32_t)FLAG_ZF) | (set ? FLAG_ZF : 0));
}

static bool raise_rpl(uint16_t *selector, uint16_t other) {
  if ((*selector & SELECTOR_RPL) >= (other & SELECTOR_RPL)) return false;
  *selector = (uint16_t)((*selector & ~SELECTOR_RPL) | (other & SELECTOR_RPL));
  return true;
}

static void need_segments(struct cpu *cpu, const struct op *op) {
  if (segments_real(cpu)) cpu_fault(cpu, op, VECTOR_UD, 0);
}

static void arpl_reg(struct cpu *cpu, const struct op *op) {
  need_segments(cpu, op);
  set_zf(cpu, raise_rpl(&REG16(op->dst), REG16(op->src)));
  NEXT;
}

static void arpl_mem(struct cpu *cpu, const struct op *op) {
  need_segments(cpu, op);
  uint16_t *place = update16(cpu, op, ea(cpu, op));
  bool raised = raise_rpl(place, REG16(op->src));
  commit(cpu, op, place);
  set_zf(cpu, raised);
  NEXT;
}

bool translate_decimal(struct translator *t, const struct insn *insn) {
  if (insn->map != MAP_ONE_BYTE || insn->mode == 8 || insn->lock) return false;
  struct op *op;
  switch (insn->opcode) {
    case 0x27: emit(t, insn, decimal_adjust); return true;
    case 0x2f: emit(t, insn, decimal_adjust)->code = 1; return true;
    case 0x37: emit(t, insn, ascii_adjust); return true;
    case 0x3f: emit(t, insn, ascii_adjust)->code = 1; return true;
    case 0xd4: emit(t, insn, aam)->imm = insn->imm; return true;
    case 0xd5: emit(t, insn, aad)->imm = insn->imm; return true;
    case 0xd6: emit(t, insn, salc); return true;
    case 0x62:
      if (!insn_memory(insn)) return false;
      op = emit_memory(t, insn, bound);
      op->dst = REG_OFFSET(insn->reg);
      op->code = insn->size;
      return true;
    case 0x63:
      op = insn_memory(insn) ? emit_memory(t, insn, arpl_mem) : emit(t, insn, arpl_reg);
      op->dst = REG_OFFSET(insn->rm);
      op->src = REG_OFFSET(insn->reg);
      return true;
    default: return false;
  }
}
