/* Opcodes of x87 and of the XSAVE family to ops. */
#include "soft/x87/x87.h"

#include "soft/translation/decode.h"

/* op->run, op->code and op->dst; a form without a handler is undefined. */
struct form {
  handler *run;
  uint8_t code, dst;
};

#define ARITHMETIC_MEMORY(operand)                                                                 \
  {                                                                                                \
    {x87_arithmetic_memory, 0, operand}, {x87_arithmetic_memory, 1, operand},                      \
    {x87_compare_memory, 0, operand}, {x87_compare_memory, 1, operand},                            \
    {x87_arithmetic_memory, 4, operand}, {x87_arithmetic_memory, 5, operand},                      \
    {x87_arithmetic_memory, 6, operand}, {x87_arithmetic_memory, 7, operand}                       \
  }

/* By the low bits of the opcode and ModRM.reg (SDM volume 2, tables ). */
static const struct form memory_forms[8][8] = {
  [0] = ARITHMETIC_MEMORY(X87_M32),
  [1] = {
    [0] = {x87_load, X87_FLD_M32, 0}, [2] = {x87_store, X87_FST_M32, 0},
    [3] = {x87_store, X87_FST_M32, 1}, [4] = {x87_fldenv, 0, 0}, [5] = {x87_fldcw, 0, 0},
    [6] = {x87_fnstenv, 0, 0}, [7] = {x87_fnstcw, 0, 0},
  },
  [2] = ARITHMETIC_MEMORY(X87_I32),
  [3] = {
    [0] = {x87_load, X87_FILD_32, 0}, [1] = {x87_store, X87_FISTTP_32, 1},
    [2] = {x87_store, X87_FIST_32, 0}, [3] = {x87_store, X87_FIST_32, 1},
    [5] = {x87_load, X87_FLD_M80, 0}, [7] = {x87_store, X87_FST_M80, 1},
  },
  [4] = ARITHMETIC_MEMORY(X87_M64),
  [5] = {
    [0] = {x87_load, X87_FLD_M64, 0}, [1] = {x87_store, X87_FISTTP_64, 1},
    [2] = {x87_store, X87_FST_M64, 0}, [3] = {x87_store, X87_FST_M64, 1},
    [4] = {x87_frstor, 0, 0}, [6] = {x87_fnsave, 0, 0}, [7] = {x87_fnstsw, 0, 0},
  },
  [6] = ARITHMETIC_MEMORY(X87_I16),
  [7] = {
    [0] = {x87_load, X87_FILD_16, 0}, [1] = {x87_store, X87_FISTTP_16, 1},
    [2] = {x87_store, X87_FIST_16, 0}, [3] = {x87_store, X87_FIST_16, 1},
    [4] = {x87_load, X87_FBLD, 0}, [5] = {x87_load, X87_FILD_64, 0},
    [6] = {x87_store, X87_FBST, 1}, [7] = {x87_store, X87_FIST_64, 1},
  },
};

/*
 * Those with a register operand ST(i). With ST(i) as the destination, SUB and SUBR, DIV and DIVR
 * change places: ModRM.reg counts from ST(0), x87_arithmetic.c from the destination. Encodings that
 * the manuals leave out (D9 /3, DC /2, DD /1, DE /2, DF /0 and so on) do what processors do: the
 * same as a documented one, save D9 /3 and DF /0 (FSTPNCE, FFREEP).
 */
static const struct form register_forms[8][8] = {
  [0] = {
    {x87_arithmetic_st0, 0, 0}, {x87_arithmetic_st0, 1, 0}, {x87_compare_st, 0, 0},
    {x87_compare_st, 1, 0}, {x87_arithmetic_st0, 4, 0}, {x87_arithmetic_st0, 5, 0},
    {x87_arithmetic_st0, 6, 0}, {x87_arithmetic_st0, 7, 0},
  },
  [1] = {
    [0] = {x87_load_st, 0, 0}, [1] = {x87_exchange, 0, 0}, [3] = {x87_store_st, X87_UNCHECKED, 1},
  },
  [2] = {
    {x87_fcmov, 0, 0}, {x87_fcmov, 1, 0}, {x87_fcmov, 2, 0}, {x87_fcmov, 3, 0},
  },
  [3] = {
    {x87_fcmov, 4, 0}, {x87_fcmov, 5, 0}, {x87_fcmov, 6, 0}, {x87_fcmov, 7, 0},
    [5] = {x87_compare_flags, X87_QUIET, 0}, [6] = {x87_compare_flags, 0, 0},
  },
  [4] = {
    {x87_arithmetic_sti, 0, 0}, {x87_arithmetic_sti, 1, 0}, {x87_compare_st, 0, 0},
    {x87_compare_st, 1, 0}, {x87_arithmetic_sti, 5, 0}, {x87_arithmetic_sti, 4, 0},
    {x87_arithmetic_sti, 7, 0}, {x87_arithmetic_sti, 6, 0},
  },
  [5] = {
    [0] = {x87_ffree, 0, 0}, [1] = {x87_exchange, 0, 0}, [2] = {x87_store_st, 0, 0},
    [3] = {x87_store_st, 0, 1}, [4] = {x87_compare_st, X87_QUIET, 0},
    [5] = {x87_compare_st, X87_QUIET | 1, 0},
  },
  [6] = {
    [0] = {x87_arithmetic_sti, X87_POP | 0, 0}, [1] = {x87_arithmetic_sti, X87_POP | 1, 0},
    [2] = {x87_compare_st, 1, 0}, [4] = {x87_arithmetic_sti, X87_POP | 5, 0},
    [5] = {x87_arithmetic_sti, X87_POP | 4, 0}, [6] = {x87_arithmetic_sti, X87_POP | 7, 0},
    [7] = {x87_arithmetic_sti, X87_POP | 6, 0},
  },
  [7] = {
    [0] = {x87_ffree, 0, 1}, [1] = {x87_exchange, 0, 0}, [2] = {x87_store_st, 0, 1},
    [3] = {x87_store_st, 0, 1}, [5] = {x87_compare_flags, X87_QUIET | 1, 0},
    [6] = {x87_compare_flags, 1, 0},
  },
};

/* D9 E0 to D9 FF. */
static const struct form top_forms[32] = {
  [0x00] = {x87_unary, X87_FCHS, 0}, [0x01] = {x87_unary, X87_FABS, 0},
  [0x04] = {x87_ftst, 0, 0}, [0x05] = {x87_fxam, 0, 0},
  [0x08] = {x87_load_constant, X87_FLD1, 0}, [0x09] = {x87_load_constant, X87_FLDL2T, 0},
  [0x0a] = {x87_load_constant, X87_FLDL2E, 0}, [0x0b] = {x87_load_constant, X87_FLDPI, 0},
  [0x0c] = {x87_load_constant, X87_FLDLG2, 0}, [0x0d] = {x87_load_constant, X87_FLDLN2, 0},
  [0x0e] = {x87_load_constant, X87_FLDZ, 0},
  [0x10] = {x87_unary, X87_F2XM1, 0}, [0x11] = {x87_into_st1, X87_FYL2X, 0},
  [0x12] = {x87_two_results, X87_FPTAN, 0}, [0x13] = {x87_into_st1, X87_FPATAN, 0},
  [0x14] = {x87_two_results, X87_FXTRACT, 0}, [0x15] = {x87_with_st1, X87_FPREM1, 0},
  [0x16] = {x87_fdecstp, 0, 0}, [0x17] = {x87_fincstp, 0, 0},
  [0x18] = {x87_with_st1, X87_FPREM, 0}, [0x19] = {x87_into_st1, X87_FYL2XP1, 0},
  [0x1a] = {x87_unary, X87_FSQRT, 0}, [0x1b] = {x87_two_results, X87_FSINCOS, 0},
  [0x1c] = {x87_unary, X87_FRNDINT, 0}, [0x1d] = {x87_with_st1, X87_FSCALE, 0},
  [0x1e] = {x87_unary, X87_FSIN, 0}, [0x1f] = {x87_unary, X87_FCOS, 0},
};

/* The rest, each a single encoding. */
static const struct {
  uint8_t opcode, modrm;
  struct form form;
} single_forms[] = {
  {0xd9, 0xd0, {x87_fnop, 0, 0}},
  {0xda, 0xe9, {x87_compare_st, X87_QUIET | 2, 0}},
  {0xdb, 0xe0, {x87_obsolete, 0, 0}},
  {0xdb, 0xe1, {x87_obsolete, 0, 0}},
  {0xdb, 0xe2, {x87_fnclex, 0, 0}},
  {0xdb, 0xe3, {x87_fninit, 0, 0}},
  {0xdb, 0xe4, {x87_obsolete, 0, 0}},
  {0xde, 0xd9, {x87_compare_st, 2, 0}},
  {0xdf, 0xe0, {x87_fnstsw_ax, 0, 0}},
};

static struct form x87_form(const struct insn *insn) {
  uint8_t opcode = insn->opcode & 7, reg = insn->reg & 7;
  if (insn_memory(insn)) return memory_forms[opcode][reg];
  for (uint32_t i = 0; i < sizeof single_forms / sizeof *single_forms; i++) {
    if (single_forms[i].opcode == insn->opcode && single_forms[i].modrm == insn->modrm) {
      return single_forms[i].form;
    }
  }
  if (insn->opcode == 0xd9 && insn->modrm >= 0xe0) return top_forms[insn->modrm & 0x1f];
  return register_forms[opcode][reg];
}

static bool has_environment(handler *run) {
  return run == x87_fnstenv || run == x87_fldenv || run == x87_fnsave || run == x87_frstor;
}

static void translate_escape(struct translator *t, const struct insn *insn) {
  struct form form = x87_form(insn);
  if (!form.run || insn->lock) {
    emit_undefined(t, insn);
    return;
  }
  struct op *op = insn_memory(insn) ? emit_memory(t, insn, form.run) : emit(t, insn, form.run);
  op->code = form.code;
  op->dst = has_environment(form.run) ? insn->size == 2 ? 2 : 4 : form.dst;
  op->src = insn->rm & 7;
  op->imm = (insn->opcode & 7u) << 8 | insn->modrm; /* FOP */
}

/* 0F AE and 0F C7 with memory; NULL is another developer's. */
static handler *xsave_handler(const struct insn *insn) {
  static handler *const group15[8] = {
    [0] = fxsave, [1] = fxrstor, [4] = xsave, [5] = xrstor, [6] = xsaveopt,
  };
  if (!insn_memory(insn) || insn->rep || insn->has_66) return NULL;
  if (insn->opcode == 0xae) return group15[insn->reg & 7];
  return insn->opcode == 0xc7 && (insn->reg & 7) == 4 ? xsavec : NULL;
}

static bool translate_xsave(struct translator *t, const struct insn *insn) {
  handler *run = xsave_handler(insn);
  bool memory = run;
  if (insn->opcode == 0x01 && !insn->rep && !insn->has_66) {
    if (insn->modrm == 0xd0) run = xgetbv;
    if (insn->modrm == 0xd1) run = xsetbv;
  }
  if (!run) return false;
  if (insn->lock) {
    emit_undefined(t, insn);
  } else if (memory) {
    emit_memory(t, insn, run)->dst = insn->rex_w;
  } else {
    emit(t, insn, run);
  }
  return true;
}

bool translate_x87(struct translator *t, const struct insn *insn) {
  if (insn->map == MAP_0F) return translate_xsave(t, insn);
  if (insn->map != MAP_ONE_BYTE) return false;
  if (insn->opcode == 0x9b && !insn->lock) {
    emit(t, insn, x87_fwait);
    return true;
  }
  if (insn->opcode < 0xd8 || insn->opcode > 0xdf) return false;
  translate_escape(t, insn);
  return true;
}
