/* Accesses of the guest to its memory: a hit in the TLB is inline, everything else is in memory.c. */
#ifndef SX_SOFT_MEMORY_H
#define SX_SOFT_MEMORY_H

#include <string.h>

#include "cpu.h"

/*
 * What a miss does: walks the page tables, reaches across pages, into devices or into translated
 * code. `op` is the op that asks, or NULL with cpu->rip at the instruction. May not return.
 */
uint64_t memory_load(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size);
void memory_store(struct cpu *cpu, const struct op *op, uint64_t address, uint64_t value,
                  uint32_t size);
void memory_load128(struct cpu *cpu, const struct op *op, uint64_t address, union xmm *value);
void memory_store128(struct cpu *cpu, const struct op *op, uint64_t address, const union xmm *value);
/* A place to read and write `size` bytes at; cpu->bounce when it is not the memory itself, and then
 * memory_commit() is due after the write. */
void *memory_update(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size);
void memory_commit(struct cpu *cpu, const struct op *op);
/* Faults unless all of a range of any length may be written, and read. */
void memory_probe_write(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size);
void memory_probe_read(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size);

/* Accesses of the processor itself (descriptor tables, TSS, interrupt stack frames): with the
 * privilege of a supervisor whatever CPL is. cpu->rip must stand at the instruction. */
uint64_t system_load(struct cpu *cpu, uint64_t address, uint32_t size);
void system_store(struct cpu *cpu, uint64_t address, uint64_t value, uint32_t size);

static inline struct tlb_entry *tlb_at(struct cpu *cpu, uint64_t address) {
  return &cpu->tlb[address / PAGE_BYTES % TLB_ENTRIES];
}

/* The tag that an access of `size` bytes must find; one across pages finds none. */
static inline uint64_t tlb_tag(const struct cpu *cpu, uint64_t address, uint32_t size) {
  return ((address + size - 1) & PAGE_MASK) | cpu->tlb_generation;
}

#define DEFINE_ACCESS(bits)                                                                        \
  static inline uint##bits##_t load##bits(struct cpu *cpu, const struct op *op, uint64_t address) { \
    const struct tlb_entry *entry = tlb_at(cpu, address);                                          \
    if (likely(entry->read == tlb_tag(cpu, address, bits / 8))) {                                  \
      uint##bits##_t value;                                                                        \
      memcpy(&value, (const void *)(address + entry->addend), sizeof value);                       \
      return value;                                                                                \
    }                                                                                              \
    return (uint##bits##_t)memory_load(cpu, op, address, bits / 8);                                \
  }                                                                                                \
  static inline void store##bits(struct cpu *cpu, const struct op *op, uint64_t address,           \
                                 uint##bits##_t value) {                                           \
    const struct tlb_entry *entry = tlb_at(cpu, address);                                          \
    if (likely(entry->write == tlb_tag(cpu, address, bits / 8))) {                                 \
      memcpy((void *)(address + entry->addend), &value, sizeof value);                             \
      return;                                                                                      \
    }                                                                                              \
    memory_store(cpu, op, address, value, bits / 8);                                               \
  }                                                                                                \
  static inline uint##bits##_t *update##bits(struct cpu *cpu, const struct op *op,                 \
                                             uint64_t address) {                                   \
    const struct tlb_entry *entry = tlb_at(cpu, address);                                          \
    if (likely(entry->write == tlb_tag(cpu, address, bits / 8))) {                                 \
      return (uint##bits##_t *)(address + entry->addend);                                          \
    }                                                                                              \
    return memory_update(cpu, op, address, bits / 8);                                              \
  }

DEFINE_ACCESS(8)
DEFINE_ACCESS(16)
DEFINE_ACCESS(32)
DEFINE_ACCESS(64)

/* After the write through a pointer that update() gave. */
static inline void commit(struct cpu *cpu, const struct op *op, const void *place) {
  if (unlikely(place == cpu->bounce)) memory_commit(cpu, op);
}

static inline void load128(struct cpu *cpu, const struct op *op, uint64_t address,
                           union xmm *value) {
  const struct tlb_entry *entry = tlb_at(cpu, address);
  if (likely(entry->read == tlb_tag(cpu, address, 16))) {
    memcpy(value, (const void *)(address + entry->addend), 16);
  } else {
    memory_load128(cpu, op, address, value);
  }
}

static inline void store128(struct cpu *cpu, const struct op *op, uint64_t address,
                            const union xmm *value) {
  const struct tlb_entry *entry = tlb_at(cpu, address);
  if (likely(entry->write == tlb_tag(cpu, address, 16))) {
    memcpy((void *)(address + entry->addend), value, 16);
  } else {
    memory_store128(cpu, op, address, value);
  }
}

#endif
