/* MXCSR, and the exceptions that it lets through (SDM volume 1, 11.5). */
#pragma GCC target("general-regs-only")

#include "soft/sse/sse.h"

#define MXCSR_PRECOMPUTATION 0x7u /* invalid, denormal, divide by zero */
#define MXCSR_UNDERFLOW 0x10u
#define MXCSR_PRECISION 0x20u
#define MXCSR_MASKS 0x1f80u
#define MXCSR_MASKS_SHIFT 7
#define MXCSR_FLUSH_TO_ZERO 0x8000u

static uint32_t host_mxcsr(void) {
  uint32_t value;
  __asm__ volatile("stmxcsr %0" : "=m"(value) : : "memory");
  return value;
}

static void set_host_mxcsr(uint32_t value) {
  __asm__ volatile("ldmxcsr %0" : : "m"(value) : "memory");
}

static uint32_t unmasked(const struct cpu *cpu) {
  return ~(cpu->fpu.mxcsr >> MXCSR_MASKS_SHIFT) & MXCSR_FLAGS;
}

/*
 * With an unmasked exception, flags leave the host's register after each instruction, so that it
 * has only those of the present one. An unmasked underflow includes exact tiny results, which raise
 * the host's masked one only when they are flushed to zero; the guest's own bit for that says
 * nothing then (SDM volume 1, 10.2.3.3).
 */
static void derive_host(struct cpu *cpu) {
  uint32_t value = cpu->fpu.mxcsr | MXCSR_MASKS;
  cpu->simd_unmasked = unmasked(cpu) != 0;
  if (cpu->simd_unmasked) value &= ~MXCSR_FLAGS;
  if (unmasked(cpu) & MXCSR_UNDERFLOW) value |= MXCSR_FLUSH_TO_ZERO;
  set_host_mxcsr(value);
}

void sse_enter(struct cpu *cpu) { derive_host(cpu); }

uint32_t sse_mxcsr(struct cpu *cpu) {
  cpu->fpu.mxcsr |= host_mxcsr() & MXCSR_FLAGS;
  return cpu->fpu.mxcsr;
}

void sse_leave(struct cpu *cpu) {
  sse_mxcsr(cpu);
  set_host_mxcsr(MXCSR_DEFAULT);
}

void sse_set_mxcsr(struct cpu *cpu, uint32_t value) {
  cpu->fpu.mxcsr = value;
  derive_host(cpu);
}

void sse_trap(struct cpu *cpu, const struct op *op) {
  uint32_t raised = host_mxcsr() & MXCSR_FLAGS;
  if (raised == 0) return;
  if (raised & unmasked(cpu) & MXCSR_PRECOMPUTATION) raised &= MXCSR_PRECOMPUTATION;
  cpu->fpu.mxcsr |= raised;
  derive_host(cpu);
  if (raised & unmasked(cpu)) {
    cpu_fault(cpu, op, cpu->cr4 & CR4_OSXMMEXCPT ? VECTOR_XM : VECTOR_UD, 0);
  }
}
