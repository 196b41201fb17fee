/* The CPUID table of one processor. */
#ifndef SX_SOFT_CPUID_H
#define SX_SOFT_CPUID_H

#include "soft/cpu.h"

struct cpuid_table;

/* What this processor has (x86-64-v2, x2APIC, TSC deadline, PCID and so on), with `count` leaves of
 * ten words laid over it as sx_vcpu_set_cpuid() says. NULL when there is no memory. */
struct cpuid_table *cpuid_create(uint32_t index, uint32_t vcpus, bool has_apic,
                                 const uint32_t *leaves, uint32_t count);
void cpuid_destroy(struct cpuid_table *table);

#endif
