/* Accesses to what is no memory: the local APIC, doorbells, and the hypervisor's devices. */
#ifndef SX_SOFT_DEVICE_H
#define SX_SOFT_DEVICE_H

#include "soft/cpu.h"

/* Of 1 to 8 bytes. Leave for the hypervisor the first time, and have its answer when the instruction
 * runs again. */
uint64_t device_read(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size);
void device_write(struct cpu *cpu, const struct op *op, uint64_t address, uint64_t value, uint32_t size);
/* The same for a port that an instruction reads into memory. */
uint64_t device_in(struct cpu *cpu, const struct op *op, uint16_t port, uint32_t size);
void device_out(struct cpu *cpu, const struct op *op, uint16_t port, uint64_t value, uint32_t size);

/* The answer to the access that left. */
void device_complete(struct cpu *cpu, uint64_t value);
/* What the present instruction has done so far is done for good: it goes on from here. */
static inline void device_progress(struct cpu *cpu) {
  cpu->replay_done = cpu->replay_next = 0;
}

#endif
