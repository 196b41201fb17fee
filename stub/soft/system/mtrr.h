/* Memory-type range registers: kept for the guest, without an effect. */
#ifndef SX_SOFT_MTRR_H
#define SX_SOFT_MTRR_H

#include "soft/cpu.h"

/* As msr_read() and msr_write(): false for other MSRs, too. */
bool mtrr_read(const struct cpu *cpu, uint32_t number, uint64_t *value);
bool mtrr_write(struct cpu *cpu, uint32_t number, uint64_t value);

/* UC, WC, WT, WP and WB (SDM volume 3, table 11-2). */
static inline bool memory_type_valid(uint64_t type) {
  return type < 7 && type != 2 && type != 3;
}

#endif
