/* What a processor counted. */
#ifndef SX_SOFT_STATISTICS_H
#define SX_SOFT_STATISTICS_H

#include "soft/cpu.h"

/* Writes at most `size` bytes; how many. Any thread: a running processor's figures are of its last slice. */
uint32_t statistics_write(const struct cpu *cpu, uint8_t *out, uint32_t size);

#endif
