/* Pushes and pops of any size and mode by ops; those of 8 bytes in 64-bit mode have ops of their own. */
#ifndef SX_SOFT_PUSH_POP_H
#define SX_SOFT_PUSH_POP_H

#include "soft/exec.h"

static inline uint64_t sp_mask(const struct cpu *cpu) {
  if (cpu->code_size == 8) return UINT64_MAX;
  return cpu->segment[SS].access & AR_DB ? 0xffffffff : 0xffff;
}

/* The linear address of a place on the stack. */
static inline uint64_t sp_address(const struct cpu *cpu, uint64_t sp) {
  return cpu->code_size == 8 ? sp : (uint32_t)(cpu->segment[SS].base + sp);
}

static inline void sp_set(struct cpu *cpu, uint64_t mask, uint64_t sp) {
  cpu->reg[RSP] = (cpu->reg[RSP] & ~mask) | (sp & mask);
}

static inline uint64_t load_sized(struct cpu *cpu, const struct op *op, uint64_t at, uint32_t size) {
  return size == 8 ? load64(cpu, op, at) : size == 4 ? load32(cpu, op, at) : load16(cpu, op, at);
}

static inline void store_sized(struct cpu *cpu, const struct op *op, uint64_t at, uint64_t value, uint32_t size) {
  if (size == 8) store64(cpu, op, at, value);
  else if (size == 4) store32(cpu, op, at, (uint32_t)value);
  else store16(cpu, op, at, (uint16_t)value);
}

static inline void push_value(struct cpu *cpu, const struct op *op, uint64_t value, uint32_t size) {
  uint64_t mask = sp_mask(cpu), sp = (cpu->reg[RSP] - size) & mask;
  store_sized(cpu, op, sp_address(cpu, sp), value, size);
  sp_set(cpu, mask, sp);
}

/* The value `skip` bytes below the top; pop_bytes() then takes it away. */
static inline uint64_t peek_value(struct cpu *cpu, const struct op *op, uint32_t skip, uint32_t size) {
  return load_sized(cpu, op, sp_address(cpu, (cpu->reg[RSP] + skip) & sp_mask(cpu)), size);
}

static inline void pop_bytes(struct cpu *cpu, uint32_t bytes) {
  sp_set(cpu, sp_mask(cpu), cpu->reg[RSP] + bytes);
}

#endif
