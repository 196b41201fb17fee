/* I/O ports. */
#ifndef SX_SOFT_PORT_H
#define SX_SOFT_PORT_H

#include "soft/cpu.h"

/* Faults unless IOPL or the TSS lets the program at `size` ports from `port` on (SDM volume 1, 19.5). */
void port_check(struct cpu *cpu, const struct op *op, uint16_t port, uint32_t size);

/* Ends an IN that left for the hypervisor, if one has. */
void port_complete(struct cpu *cpu, uint64_t value);

#endif
