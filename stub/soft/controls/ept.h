/*
 * Rights of guest-physical pages, what EPT's leaf entries say (SDM volume 3, 29.3). They lie beside
 * the machine's memory: what is no memory belongs to devices and has none.
 */
#ifndef SX_SOFT_EPT_H
#define SX_SOFT_EPT_H

#include "soft/memory/paging.h"
#include "stub.h"

/* Gives pages new rights; when it returns no processor uses the old ones. 0 or a negative errno. */
int ept_set(struct machine *machine, uint64_t page, uint64_t count, uint32_t rights);

/* With cpu->ept: exits unless an access may be made to what it was translated to, and takes from the
 * translation what later accesses may not do. */
void ept_check(struct cpu *cpu, const struct op *op, uint64_t linear, enum access_kind kind, struct translation *found);
/* The same for an entry of the guest's page tables, given by its place on the host. */
void ept_check_entry(struct cpu *cpu, const struct op *op, uint64_t linear, const void *entry, uint32_t needed);

#endif
