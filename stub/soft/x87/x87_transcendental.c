/* Instructions that work on the top of the stack alone. */
#include "soft/x87/x87.h"

#define UNARY(name)                                                                                \
  X87_FUNCTION(host_##name, X87_LOAD0 #name "\n\t" X87_STATUS X87_STORE0)
#define WITH_ST1(name)                                                                             \
  X87_FUNCTION(host_##name, X87_LOAD1 X87_LOAD0 #name "\n\t" X87_STATUS X87_STORE0 X87_DROP)
#define INTO_ST1(name)                                                                             \
  X87_FUNCTION(host_##name, X87_LOAD1 X87_LOAD0 #name "\n\t" X87_STATUS                            \
                              X87_IF_TOP_EVEN(X87_DROP) X87_STORE0)
#define TWO_RESULTS(name)                                                                          \
  X87_FUNCTION(host_##name, X87_LOAD0 #name "\n\t" X87_STATUS X87_STORE0                           \
                              X87_IF_TOP_EVEN(X87_STORE1))

UNARY(fchs)
UNARY(fabs)
UNARY(fsqrt)
UNARY(frndint)
UNARY(f2xm1)
UNARY(fsin)
UNARY(fcos)
WITH_ST1(fprem)
WITH_ST1(fprem1)
WITH_ST1(fscale)
INTO_ST1(fyl2x)
INTO_ST1(fyl2xp1)
INTO_ST1(fpatan)
TWO_RESULTS(fptan)
TWO_RESULTS(fsincos)
TWO_RESULTS(fxtract)

struct form {
  x87_function *function;
  uint16_t conditions; /* which condition codes it defines */
};

static const struct form unary_forms[] = {
  [X87_FCHS] = {host_fchs, X87_C1},
  [X87_FABS] = {host_fabs, X87_C1},
  [X87_FSQRT] = {host_fsqrt, X87_C1},
  [X87_FRNDINT] = {host_frndint, X87_C1},
  [X87_F2XM1] = {host_f2xm1, X87_C1},
  [X87_FSIN] = {host_fsin, X87_C1 | X87_C2},
  [X87_FCOS] = {host_fcos, X87_C1 | X87_C2},
};

static const struct form with_st1_forms[] = {
  [X87_FPREM] = {host_fprem, X87_COMPARISON | X87_C1},
  [X87_FPREM1] = {host_fprem1, X87_COMPARISON | X87_C1},
  [X87_FSCALE] = {host_fscale, X87_C1},
};

static const struct form into_st1_forms[] = {
  [X87_FYL2X] = {host_fyl2x, X87_C1},
  [X87_FYL2XP1] = {host_fyl2xp1, X87_C1},
  [X87_FPATAN] = {host_fpatan, X87_C1},
};

static const struct form two_results_forms[] = {
  [X87_FPTAN] = {host_fptan, X87_C1 | X87_C2},
  [X87_FSINCOS] = {host_fsincos, X87_C1 | X87_C2},
  [X87_FXTRACT] = {host_fxtract, X87_C1},
};

/* What it still defines when there is no result. */
static uint16_t fault_conditions(const struct form *form) {
  return form->conditions & (X87_C1 | X87_C2);
}

/* ST(0), and ST(1) with `two`, to one result that goes to ST(to); @return whether it does */
static __attribute__((noinline)) bool compute(struct cpu *cpu, const struct op *op,
                                              const struct form *form, bool two, uint32_t to) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  struct x87_frame frame = {.st = {*x87_st(cpu, 0), *x87_st(cpu, 1)}};
  bool done;
  if (x87_empty(cpu, 0) || (two && x87_empty(cpu, 1))) {
    done = x87_report(cpu, X87_IE | X87_SF, fault_conditions(form));
    frame.st[0] = x87_indefinite;
  } else {
    uint16_t status = form->function(&frame, cpu->fpu.control);
    /* C0 and C3 are FPREM's quotient: where that is none, they stay. */
    bool nan = (frame.st[0].exponent & 0x7fff) == 0x7fff;
    bool stopped = status & ~cpu->fpu.control & X87_BEFORE;
    done = x87_report(cpu, status, nan || stopped ? fault_conditions(form) : form->conditions);
  }
  if (done) x87_set(cpu, to, &frame.st[0]);
  return done;
}

static __attribute__((noinline)) void compute_two(struct cpu *cpu, const struct form *form) {
  struct x87_frame frame = {.st = {*x87_st(cpu, 0)}};
  bool underflow = x87_empty(cpu, 0);
  bool done;
  if (underflow || !x87_empty(cpu, 7)) {
    done = x87_report(cpu, X87_IE | X87_SF | (underflow ? 0 : X87_C1), fault_conditions(form));
    frame.st[0] = frame.st[1] = x87_indefinite;
  } else {
    uint16_t status = form->function(&frame, cpu->fpu.control);
    bool out_of_range = status & form->conditions & X87_C2;
    done = x87_report(cpu, status, form->conditions) && !out_of_range;
  }
  if (!done) return;
  x87_set(cpu, 0, &frame.st[1]);
  x87_push(cpu, &frame.st[0]);
}

void x87_unary(struct cpu *cpu, const struct op *op) {
  compute(cpu, op, &unary_forms[op->code], false, 0);
  NEXT;
}

void x87_with_st1(struct cpu *cpu, const struct op *op) {
  compute(cpu, op, &with_st1_forms[op->code], true, 0);
  NEXT;
}

void x87_into_st1(struct cpu *cpu, const struct op *op) {
  if (compute(cpu, op, &into_st1_forms[op->code], true, 1)) x87_pop(cpu, 1);
  NEXT;
}

void x87_two_results(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  compute_two(cpu, &two_results_forms[op->code]);
  NEXT;
}
