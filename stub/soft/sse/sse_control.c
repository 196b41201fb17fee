/* Whether SSE is there; LDMXCSR and STMXCSR. */
#include "soft/sse/sse_handlers.h"

void sse_check(struct cpu *cpu, const struct op *op) {
  if (unlikely(cpu->cr0 & CR0_EM || !(cpu->cr4 & CR4_OSFXSR))) cpu_fault(cpu, op, VECTOR_UD, 0);
  if (unlikely(cpu->cr0 & CR0_TS)) cpu_fault(cpu, op, VECTOR_NM, 0);
  NEXT;
}

static void ldmxcsr_mem(struct cpu *cpu, const struct op *op) {
  uint32_t value = load32(cpu, op, ea(cpu, op));
  if (value & ~MXCSR_VALID) cpu_fault(cpu, op, VECTOR_GP, 0);
  sse_set_mxcsr(cpu, value);
  NEXT;
}

static void stmxcsr_mem(struct cpu *cpu, const struct op *op) {
  store32(cpu, op, ea(cpu, op), sse_mxcsr(cpu));
  NEXT;
}

const struct sse_entry sse_control[] = {
    {MAP_0F, PREFIX_NONE, 0xae, SSE_DIGIT_IS(2), SSE_XMM, NULL, ldmxcsr_mem},
    {MAP_0F, PREFIX_NONE, 0xae, SSE_DIGIT_IS(3), SSE_XMM, NULL, stmxcsr_mem},
    {0},
};
