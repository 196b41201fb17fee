/* The loop that runs a processor. */
#ifndef SX_SOFT_DISPATCH_H
#define SX_SOFT_DISPATCH_H

#include "soft/cpu.h"

/* Runs until the hypervisor is needed: an SX_EXIT_* with the event described, or SX_EXIT_KICK. */
uint32_t dispatch_run(struct cpu *cpu);

#endif
