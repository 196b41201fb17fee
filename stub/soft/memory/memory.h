/* Accesses of the guest to its memory: a hit in the TLB is inline, everything else is in memory.c. */
#ifndef SX_SOFT_MEMORY_H
#define SX_SOFT_MEMORY_H

#include <string.h>

#include "soft/cpu.h"

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
/* Faults when alignment is checked and the address is not a multiple of `size`, a power of two. */
void memory_need_aligned(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size);
/* Faults unless all of a range of any length may be written, and read. */
void memory_probe_write(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size);
void memory_probe_read(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size);

/* Accesses of the processor itself (descriptor tables, TSS, interrupt stack frames): with the
 * privilege of a supervisor whatever CPL is. cpu->rip must stand at the instruction. */
uint64_t system_load(struct cpu *cpu, uint64_t address, uint32_t size);
void system_store(struct cpu *cpu, uint64_t address, uint64_t value, uint32_t size);

/*
 * The way from an op into the functions above. These keep every general register but RAX, so that an
 * op whose access hits is a leaf: it saves nothing on a stack. Defined in memory_calls.c.
 */
#define CALL_CLOBBERS                                                                          \
  "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",      \
      "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

static inline uint64_t call_load(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size) {
  uint64_t value;
  __asm__ volatile("call soft_call_load" : "=a"(value) : "D"(cpu), "S"(op), "d"(address), "c"(size) : CALL_CLOBBERS);
  return value;
}

static inline void *call_update(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size) {
  void *place;
  __asm__ volatile("call soft_call_update" : "=a"(place) : "D"(cpu), "S"(op), "d"(address), "c"(size) : CALL_CLOBBERS);
  return place;
}

static inline void call_store(struct cpu *cpu, const struct op *op, uint64_t address, uint64_t value,
                              uint32_t size) {
  register uint32_t r8 __asm__("r8") = size;
  __asm__ volatile("call soft_call_store" : : "D"(cpu), "S"(op), "d"(address), "c"(value), "r"(r8) : "rax", CALL_CLOBBERS);
}

static inline void call_commit(struct cpu *cpu, const struct op *op) {
  __asm__ volatile("call soft_call_commit" : : "D"(cpu), "S"(op) : "rax", CALL_CLOBBERS);
}

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
    return (uint##bits##_t)call_load(cpu, op, address, bits / 8);                                  \
  }                                                                                                \
  static inline void store##bits(struct cpu *cpu, const struct op *op, uint64_t address,           \
                                 uint##bits##_t value) {                                           \
    const struct tlb_entry *entry = tlb_at(cpu, address);                                          \
    if (likely(entry->write == tlb_tag(cpu, address, bits / 8))) {                                 \
      memcpy((void *)(address + entry->addend), &value, sizeof value);                             \
      return;                                                                                      \
    }                                                                                              \
    call_store(cpu, op, address, value, bits / 8);                                                 \
  }                                                                                                \
  static inline uint##bits##_t *update##bits(struct cpu *cpu, const struct op *op,                 \
                                             uint64_t address) {                                   \
    const struct tlb_entry *entry = tlb_at(cpu, address);                                          \
    if (likely(entry->write == tlb_tag(cpu, address, bits / 8))) {                                 \
      return (uint##bits##_t *)(address + entry->addend);                                          \
    }                                                                                              \
    return call_update(cpu, op, address, bits / 8);                                                \
  }

DEFINE_ACCESS(8)
DEFINE_ACCESS(16)
DEFINE_ACCESS(32)
DEFINE_ACCESS(64)

/* After the write through a pointer that update() gave. */
static inline void commit(struct cpu *cpu, const struct op *op, const void *place) {
  if (unlikely(place == cpu->bounce)) call_commit(cpu, op);
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
