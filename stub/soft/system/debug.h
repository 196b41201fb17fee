/*
 * Hardware breakpoints: DR0 to DR3 as DR7 turns them on (SDM volume 3, 17.2 and 17.3). While none is on,
 * no op and no access pays for them: blocks have no checks then, and every page is in the TLB.
 */
#ifndef SX_SOFT_DEBUG_H
#define SX_SOFT_DEBUG_H

#include "soft/cpu.h"

/* DR6: B0 to B3, BD, BS. */
#define DR6_BREAKPOINTS 0xf
#define DR6_BD 0x2000
#define DR6_BS 0x4000
#define DR7_GD 0x2000

/* To be called when DR0 to DR3 or DR7 changed, by an instruction that ends its block. */
void debug_changed(struct cpu *cpu);

/* Whether the flags of a fault get RF: all but those of instruction breakpoints, whose handler sets it. */
static inline bool debug_fault_resumes(const struct fault *fault) {
  return fault->vector != VECTOR_DB || !(fault->address & DR6_BREAKPOINTS);
}

/* A debug exception with these bits is delivered. */
void debug_record(struct cpu *cpu, uint64_t bits);

/* Before the instruction at a linear address is fetched: faults when a breakpoint is there. */
void debug_fetch(struct cpu *cpu, const struct op *op, uint64_t linear);
/* The op that does so between the instructions of a block. */
handler exec_check_breakpoint;

/* Whether accesses to the page of an address must be looked at one by one. */
bool debug_watches_page(const struct cpu *cpu, uint64_t address);
/*
 * An access to data, or to ports, is about to be made: cpu->hits has the breakpoints that it meets. In the
 * middle of a block, the instruction of `op` (NULL: at cpu->rip) begins again, alone, so that the trap can
 * follow it.
 */
void debug_access(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size, bool write);
void debug_port(struct cpu *cpu, const struct op *op, uint16_t port, uint32_t size);

#endif
