/* Linear to guest-physical addresses, and the TLBs that remember it. */
#ifndef SX_SOFT_PAGING_H
#define SX_SOFT_PAGING_H

#include "soft/cpu.h"

enum access_kind { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

struct translation {
  uint64_t page;      /* guest-physical */
  uint8_t *host;      /* NULL where no memory lies */
  bool writable;      /* now, without any further check: its dirty bit is set */
  bool global, large;
};

/*
 * Walks the page tables (SDM volume 3, 4.5 to 4.8), sets accessed and dirty bits, and faults as the
 * access of `op` would. `user` is its privilege; `ac` lets a supervisor reach user pages under SMAP.
 */
struct translation paging_walk(struct cpu *cpu, const struct op *op, uint64_t address, enum access_kind kind,
                               bool user, bool ac);

/* Puts a translation of ordinary memory where the next access of its set finds it. */
void tlb_fill(struct cpu *cpu, enum tlb_set set, uint64_t address, const struct translation *translation);
/* The next access to an address's page looks its translation up anew. */
void tlb_forget_page(struct cpu *cpu, uint64_t address);
/* No write to this page of the host's memory is inline any more. */
void tlb_protect(struct cpu *cpu, const uint8_t *host);
void tlb_protect_all(struct cpu *cpu);

/* Remembers that the 2 MiB around an address are, in part, known of a large page. */
void tlb_mark_large(struct cpu *cpu, uint64_t address);

/* The page that instructions at a linear address come from; faults with cpu->rip as it stands. */
const struct itlb_entry *itlb_find(struct cpu *cpu, uint64_t address);

#endif
