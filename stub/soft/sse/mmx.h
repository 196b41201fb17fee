/*
 * What the functions of MMX instructions are made with: as the SSE ones, on the host's own MMX
 * registers. A guest's are the mantissas of its x87 registers by number (SDM volume 3, 12.2).
 */
#ifndef SX_SOFT_MMX_H
#define SX_SOFT_MMX_H

#include "soft/sse/sse_handlers.h"
#include "soft/x87/x87.h"

#define MMX_EXPONENT 0xffff /* of a register that was written */

/* What each of them does first: raises #UD, #NM, or #MF of an earlier x87 instruction. */
static inline void mmx_wait(struct cpu *cpu, const struct op *op) {
  if (unlikely(cpu->cr0 & CR0_EM)) cpu_fault(cpu, op, VECTOR_UD, 0);
  x87_wait(cpu, op);
}

/* What each but EMMS does with its last effect, after whatever may fault. */
static inline void mmx_enter(struct cpu *cpu) {
  cpu->fpu.top = 0;
  cpu->fpu.tags = 0xff;
}

static inline uint64_t mmx_get(const struct cpu *cpu, uint8_t number) {
  return cpu->fpu.st[number].mantissa;
}

static inline void mmx_set(struct cpu *cpu, uint8_t number, uint64_t value) {
  mmx_enter(cpu);
  cpu->fpu.st[number].mantissa = value;
  cpu->fpu.st[number].exponent = MMX_EXPONENT;
}

#define MMX_ENTRY(map, opcode, name) \
  {MAP_##map, PREFIX_NONE, 0x##opcode, SSE_ANY, SSE_MMX, name##_reg, name##_mem}

#endif
