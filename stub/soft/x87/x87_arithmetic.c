/* Addition, subtraction, multiplication and division. Operations are numbered as in ModRM.reg. */
#include "soft/x87/x87.h"

#define REGISTER_FUNCTION(name)                                                                    \
  X87_FUNCTION(name##_st, X87_LOAD1 X87_LOAD0 #name " %%st(1), %%st\n\t" X87_STATUS X87_STORE0     \
                          X87_DROP)
#define MEMORY_FUNCTION(name, suffix, operand)                                                     \
  X87_FUNCTION(name##_##operand, X87_LOAD0 #name #suffix X87_MEMORY X87_STATUS X87_STORE0)
#define FUNCTIONS(operation)                                                                       \
  MEMORY_FUNCTION(f##operation, s, X87_M32)                                                        \
  MEMORY_FUNCTION(f##operation, l, X87_M64)                                                        \
  MEMORY_FUNCTION(fi##operation, s, X87_I16)                                                       \
  MEMORY_FUNCTION(fi##operation, l, X87_I32)                                                       \
  REGISTER_FUNCTION(f##operation)

FUNCTIONS(add)
FUNCTIONS(mul)
FUNCTIONS(sub)
FUNCTIONS(subr)
FUNCTIONS(div)
FUNCTIONS(divr)

#define OPERATIONS(prefix, operand)                                                                \
  {                                                                                                \
    [0] = prefix##add_##operand, [1] = prefix##mul_##operand, [4] = prefix##sub_##operand,         \
    [5] = prefix##subr_##operand, [6] = prefix##div_##operand, [7] = prefix##divr_##operand        \
  }

static x87_function *const register_functions[8] = OPERATIONS(f, st);
static x87_function *const memory_functions[X87_OPERANDS][8] = {
  [X87_M32] = OPERATIONS(f, X87_M32),
  [X87_M64] = OPERATIONS(f, X87_M64),
  [X87_I16] = OPERATIONS(fi, X87_I16),
  [X87_I32] = OPERATIONS(fi, X87_I32),
};

static __attribute__((noinline)) void arithmetic_memory(struct cpu *cpu, uint64_t value,
                                                        x87_function *function) {
  struct x87_frame frame = {.st = {*x87_st(cpu, 0)}};
  memcpy(frame.memory, &value, sizeof value);
  bool done;
  if (x87_empty(cpu, 0)) {
    done = x87_underflow(cpu);
    frame.st[0] = x87_indefinite;
  } else {
    done = x87_report(cpu, function(&frame, cpu->fpu.control), X87_C1);
  }
  if (done) x87_set(cpu, 0, &frame.st[0]);
}

static __attribute__((noinline)) void arithmetic_st(struct cpu *cpu, const struct op *op,
                                                    uint32_t to, uint32_t from) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  struct x87_frame frame = {.st = {*x87_st(cpu, to), *x87_st(cpu, from)}};
  bool done;
  if (x87_empty(cpu, to) || x87_empty(cpu, from)) {
    done = x87_underflow(cpu);
    frame.st[0] = x87_indefinite;
  } else {
    done = x87_report(cpu, register_functions[op->code & 7](&frame, cpu->fpu.control), X87_C1);
  }
  if (!done) return;
  x87_set(cpu, to, &frame.st[0]);
  if (op->code & X87_POP) x87_pop(cpu, 1);
}

/* FADD and so on with memory; the operand's form is op->dst. */
void x87_arithmetic_memory(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  uint64_t address = ea(cpu, op), value;
  switch (op->dst) {
    case X87_M64: value = load64(cpu, op, address); break;
    case X87_I16: value = load16(cpu, op, address); break;
    default: value = load32(cpu, op, address); break;
  }
  x87_record_memory(cpu, op, address);
  arithmetic_memory(cpu, value, memory_functions[op->dst][op->code]);
  NEXT;
}

void x87_arithmetic_st0(struct cpu *cpu, const struct op *op) {
  arithmetic_st(cpu, op, 0, op->src);
  NEXT;
}

void x87_arithmetic_sti(struct cpu *cpu, const struct op *op) {
  arithmetic_st(cpu, op, op->src, 0);
  NEXT;
}
