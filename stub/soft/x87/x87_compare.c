/* Comparisons, classification, and the moves that depend on a comparison. */
#include "soft/x87/x87.h"

#define COMPARE_ST(name)                                                                           \
  X87_FUNCTION(name##_st, X87_LOAD1 X87_LOAD0 #name " %%st(1)\n\t" X87_STATUS X87_DROP X87_DROP)
#define COMPARE_MEMORY(name, operand)                                                              \
  X87_FUNCTION(name##_##operand, X87_LOAD0 #name X87_MEMORY X87_STATUS X87_DROP)
#define EXAMINE(name) X87_FUNCTION(name, X87_LOAD0 #name "\n\t" X87_STATUS X87_DROP)

COMPARE_ST(fcom)
COMPARE_ST(fucom)
COMPARE_MEMORY(fcoms, X87_M32)
COMPARE_MEMORY(fcoml, X87_M64)
COMPARE_MEMORY(ficoms, X87_I16)
COMPARE_MEMORY(ficoml, X87_I32)
EXAMINE(ftst)
EXAMINE(fxam)

static x87_function *const memory_functions[X87_OPERANDS] = {
  [X87_M32] = fcoms_X87_M32,
  [X87_M64] = fcoml_X87_M64,
  [X87_I16] = ficoms_X87_I16,
  [X87_I32] = ficoml_X87_I32,
};

/* What a comparison raises and says when one of its operands is not there. */
#define NOTHING_TO_COMPARE (X87_IE | X87_SF | X87_COMPARISON)

static __attribute__((noinline)) void compare_memory(struct cpu *cpu, const struct op *op,
                                                     uint64_t value) {
  struct x87_frame frame = {.st = {*x87_st(cpu, 0)}};
  memcpy(frame.memory, &value, sizeof value);
  uint16_t status = x87_empty(cpu, 0)
                      ? NOTHING_TO_COMPARE
                      : memory_functions[op->dst](&frame, cpu->fpu.control);
  if (x87_report(cpu, status, X87_COMPARISON | X87_C1)) x87_pop(cpu, op->code);
}

static uint16_t compare_st(struct cpu *cpu, const struct op *op) {
  if (x87_empty(cpu, 0) || x87_empty(cpu, op->src)) return NOTHING_TO_COMPARE;
  struct x87_frame frame = {.st = {*x87_st(cpu, 0), *x87_st(cpu, op->src)}};
  return (op->code & X87_QUIET ? fucom_st : fcom_st)(&frame, cpu->fpu.control);
}

static uint16_t examine(struct cpu *cpu, x87_function *function) {
  struct x87_frame frame = {.st = {*x87_st(cpu, 0)}};
  return function(&frame, cpu->fpu.control);
}

/* FCOM, FCOMP, FICOM, FICOMP: the operand's form is op->dst. */
void x87_compare_memory(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  uint64_t address = ea(cpu, op), value;
  switch (op->dst) {
    case X87_M64: value = load64(cpu, op, address); break;
    case X87_I16: value = load16(cpu, op, address); break;
    default: value = load32(cpu, op, address); break;
  }
  x87_record_memory(cpu, op, address);
  compare_memory(cpu, op, value);
  NEXT;
}

/* FCOM, FUCOM and their popping forms. */
void x87_compare_st(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  if (x87_report(cpu, compare_st(cpu, op), X87_COMPARISON | X87_C1)) x87_pop(cpu, op->code & 3);
  NEXT;
}

/* FCOMI, FUCOMI and their popping forms. */
void x87_compare_flags(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  uint16_t status = compare_st(cpu, op);
  if (x87_report(cpu, status & (X87_EXCEPTIONS | X87_SF), status & X87_SF ? X87_C1 : 0)) {
    cc_flags(cpu, (status & X87_C3 ? FLAG_ZF : 0) | (status & X87_C2 ? FLAG_PF : 0) |
                    (status & X87_C0 ? FLAG_CF : 0));
    x87_pop(cpu, op->code & 3);
  }
  NEXT;
}

void x87_ftst(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  uint16_t status = x87_empty(cpu, 0) ? NOTHING_TO_COMPARE : examine(cpu, ftst);
  x87_report(cpu, status, X87_COMPARISON | X87_C1);
  NEXT;
}

void x87_fxam(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  uint16_t conditions = examine(cpu, fxam);
  if (x87_empty(cpu, 0)) conditions = X87_C3 | X87_C0 | (conditions & X87_C1);
  x87_report(cpu, conditions & (X87_COMPARISON | X87_C1), X87_COMPARISON | X87_C1);
  NEXT;
}

/* FCMOVcc: op->code says B, E, BE, U, and with 4 added the negation. */
void x87_fcmov(struct cpu *cpu, const struct op *op) {
  static const uint32_t tested[4] = {FLAG_CF, FLAG_ZF, FLAG_CF | FLAG_ZF, FLAG_PF};
  x87_wait(cpu, op);
  x87_record(cpu, op);
  if (x87_empty(cpu, 0) || x87_empty(cpu, op->src)) {
    if (x87_underflow(cpu)) x87_set(cpu, 0, &x87_indefinite);
  } else {
    bool holds = cc_status(cpu) & tested[op->code & 3];
    if (holds != (op->code >> 2)) x87_set(cpu, 0, x87_st(cpu, op->src));
  }
  NEXT;
}
