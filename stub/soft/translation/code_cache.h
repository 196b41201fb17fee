/*
 * Translated code of one processor: blocks of ops, found by the guest-physical address of their first
 * byte. A write to a page with translated code is noticed (memory.c), and what devices put there is
 * noticed when a translation of the page is looked up anew: its bytes are held against a copy.
 */
#ifndef SX_SOFT_CODE_CACHE_H
#define SX_SOFT_CODE_CACHE_H

#include "soft/cpu.h"

#define NO_PAGE (~0ull)

/* Instructions of a block. */
#define MOST_INSNS 64

struct block {
  struct block *next;        /* of its bucket */
  struct block *next_in_page, *next_in_second;
  uint64_t address;          /* guest-physical, of its first byte */
  uint64_t second_page;      /* guest-physical page that its last instruction reaches into, or NO_PAGE */
  uint32_t count;            /* instructions; of a virtual clock, cycles */
  uint16_t op_count;
  uint8_t mode;
  bool forgotten;
  struct op ops[] __attribute__((aligned(32)));
};

struct code_cache *code_create(void);
void code_destroy(struct code_cache *code);

/* The first op of a block, which is made native when `imm` runs it in. */
handler count_run;

/* The block at an instruction pointer, translated if need be. Faults with cpu->rip there. */
struct block *code_find(struct cpu *cpu, uint64_t rip);
/* A block of the one instruction at cpu->rip, which nobody keeps, and which ends in the dispatcher. */
struct block *code_single(struct cpu *cpu);

/* Bytes in a page of code will be written by this processor: whether they were translated, and are
 * forgotten now. */
bool code_written(struct cpu *cpu, uint64_t address, uint32_t size);
/* Forgets the code of a page, whoever wrote to it. */
void code_forget_page(struct cpu *cpu, uint64_t page);
void code_forget_all(struct cpu *cpu);
/* A translation of the page is new: its code is forgotten unless the bytes are the same. */
void code_verify_page(struct cpu *cpu, uint64_t page, const uint8_t *host);

/* Counts what was forgotten: an op that still points to a link compares it before and after. */
uint32_t code_epoch(const struct cpu *cpu);

/* Generations of links and jumps may not come around again while one is remembered: by the dispatcher,
 * when the next one is beyond this number, all are forgotten and counted anew. */
#define MOST_CODE_GENERATION (UINT32_MAX / 2)
void code_restart_generations(struct cpu *cpu);

/* Bytes of blocks and copies that it holds, and of native code. */
uint64_t code_bytes(const struct code_cache *code);
uint64_t code_native_bytes(const struct code_cache *code);

#endif
