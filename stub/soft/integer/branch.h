/* How control leaves a block: see branch.c. */
#ifndef SX_SOFT_BRANCH_H
#define SX_SOFT_BRANCH_H

#include "soft/translation/code_cache.h"
#include "soft/translation/decode.h"
#include "soft/exec.h"

/* The jump at the end of a block that has no other, to the byte `target` of the block. */
void emit_link(struct translator *t, const struct insn *insn, int32_t target);

/* In 64-bit mode: links follow them, one behind a call, two behind a conditional jump (taken, not taken). */
handler link_op, call64, call64_r, jump64_r, ret64;
extern handler *const jcc_handlers[16];

/* Where a link leads that was never followed, or is out of date. */
void link_miss(struct cpu *cpu, const struct op *link);
void jump_miss(struct cpu *cpu, uint64_t rip);

/* A block is about to run: false when the dispatcher must look first. */
static inline bool admit(struct cpu *cpu, const struct block *block, uint64_t rip) {
  int64_t left = cpu->budget - block->count;
  cpu->reg[REG_BLOCK] = rip;
  if (unlikely((left | atomic_load_explicit(&cpu->attention, memory_order_relaxed)) < 0)) {
    cpu->rip = rip;
    return false;
  }
  cpu->budget = left;
  return true;
}

static inline void enter(struct cpu *cpu, struct block *block, uint64_t rip) {
  if (likely(admit(cpu, block, rip))) return block->ops[0].run(cpu, block->ops);
}

/* Goes to the target of a link, a place at a fixed distance from the block, in 64-bit mode. */
static inline void follow(struct cpu *cpu, const struct op *link) {
  if (likely(link->generation == cpu->generation[link->code])) {
    return enter(cpu, link->target, cpu->reg[REG_BLOCK] + (uint64_t)(int64_t)link->disp);
  }
  return link_miss(cpu, link);
}

static inline struct jump_entry *jump_at(struct cpu *cpu, uint64_t linear) {
  return &cpu->jumps[(linear ^ linear >> 12) % JUMP_ENTRIES];
}

/* User code and supervisor code at one address are two: bit 62 of an address repeats bit 63. */
static inline uint64_t jump_key(const struct cpu *cpu, uint64_t linear) {
  return linear ^ (uint64_t)(cpu->cpl >> 1) << 62;
}

/* Goes to an instruction pointer. */
static inline void jump(struct cpu *cpu, uint64_t rip) {
  uint64_t linear = rip + cpu->code_base;
  const struct jump_entry *entry = jump_at(cpu, linear);
  if (likely(entry->key == jump_key(cpu, linear) && entry->generation == cpu->generation[entry->lifetime])) {
    return enter(cpu, entry->block, rip);
  }
  return jump_miss(cpu, rip);
}

#endif
