/*
 * MXCSR while the guest runs. The host's register has the guest's rounding and denormal bits then,
 * and every exception masked, so that flags gather in the host's; all of this belongs to the
 * thread of the vCPU.
 */
#ifndef SX_SOFT_SSE_H
#define SX_SOFT_SSE_H

#include "soft/cpu.h"

#define MXCSR_FLAGS 0x3fu
#define MXCSR_VALID 0xffffu /* MXCSR_MASK of FXSAVE: other bits are reserved */
#define MXCSR_DEFAULT 0x1f80u

/* Before ops run: takes cpu->fpu.mxcsr into the host's register. */
void sse_enter(struct cpu *cpu);
/* After they ran: completes cpu->fpu.mxcsr, and the host's register has its default again. */
void sse_leave(struct cpu *cpu);
/* For ops, between the two: MXCSR as the guest reads it, and a valid value written to it. */
uint32_t sse_mxcsr(struct cpu *cpu);
void sse_set_mxcsr(struct cpu *cpu, uint32_t value);

/*
 * After floating-point arithmetic, before its result is written, when cpu->simd_unmasked. It keeps
 * all registers and asks nothing of the stack: handlers that call it by call_trap() are leaves.
 */
__attribute__((no_caller_saved_registers, force_align_arg_pointer)) void sse_trap(
    struct cpu *cpu, const struct op *op);

static inline void call_trap(struct cpu *cpu, const struct op *op) {
  __asm__ volatile("call sse_trap" : : "D"(cpu), "S"(op) : "memory", "cc");
}

#endif
