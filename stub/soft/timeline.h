/*
 * The virtual clock of a machine: time is modelled cycles, and one processor at a time has the turn.
 *
 * Each processor has a time of its own: the cycles of what it ran, of its exits and of the time that it
 * waited. The one that is furthest behind has the turn until it is a quantum ahead of the next. A
 * processor keeps the turn through its exits, so that the hypervisor serves them while nobody runs, and
 * gives it away when it halts: time then jumps to whatever is due first. Nothing here depends on the
 * host's time or on which thread is faster.
 */
#ifndef SX_SOFT_TIMELINE_H
#define SX_SOFT_TIMELINE_H

#include "soft/cpu.h"
#include "soft/machine.h"

#define NEVER UINT64_MAX

struct timeline {
  uint64_t quantum;        /* cycles */
  uint64_t look;           /* cycles between two SX_EXIT_POLLs that nobody asked for */
  uint64_t look_at;        /* time of the next one */
  uint64_t due;            /* when the hypervisor wants to be asked, or NEVER */
  uint64_t limit;          /* until when the runner has the turn */
  _Atomic uint32_t runner; /* index of the processor that has it */
  uint64_t latest;         /* the latest time that any guest has read */
  uint64_t random;         /* state of the generator behind RDRAND */
  bool hashing;
  uint64_t hash;
  struct lane {
    uint64_t key;          /* when it wants to go on; NEVER while it waits for the others */
    bool present, halted;
    bool handed;           /* it has the turn and has not taken it yet */
  } lanes[MOST_PROCESSORS];
};

/* NULL when there is no memory. */
struct timeline *timeline_create(uint64_t seed, uint64_t quantum, uint64_t look, bool hashing);

/* The processor's time; after timeline_settle() it is cpu->instructions. */
static inline uint64_t timeline_now(const struct cpu *cpu) {
  return cpu->instructions + (uint64_t)(cpu->slice - cpu->budget);
}

/* Puts what was run since the slice began into cpu->instructions, and ends the slice. */
void timeline_settle(struct cpu *cpu);

/* A processor that is there from now on, waiting or not. */
void timeline_join(struct cpu *cpu, bool waiting);
/* Waits for the turn; at once when the processor has it. False when it was told to come out. */
bool timeline_enter(struct cpu *cpu);
/* After timeline_settle(): what is due. 0 to go on, or a reason to leave. */
uint32_t timeline_serve(struct cpu *cpu);
/* The processor waits until `deadline` or until it is woken. 0 to go on, or a reason to leave. */
uint32_t timeline_halt(struct cpu *cpu, uint64_t deadline);
/* Somebody sent something to a processor: it goes on, at the time of the one that has the turn. */
void timeline_wake(struct cpu *cpu);
/* Cycles from the processor's time to the next event, at most `deadline`; at least 1. */
uint64_t timeline_slice(const struct cpu *cpu, uint64_t deadline);
/* What a guest that reads its clock gets: never less than another got before. */
uint64_t timeline_read(struct cpu *cpu);
/* The next number of the machine's seeded generator. */
uint64_t timeline_random(struct timeline *timeline);
/* The hypervisor wants an SX_EXIT_POLL in so many cycles; 0 for no. */
void timeline_ask(struct cpu *cpu, uint64_t cycles);

/* Adds a word to the hash over the trace. */
static inline void timeline_trace(struct timeline *timeline, uint64_t word) {
  uint64_t mixed = (timeline->hash ^ word) * 0x9e3779b97f4a7c15ull; /* 2^64 / golden ratio, odd */
  timeline->hash = mixed ^ mixed >> 32;
}

/* The first op of every block of a machine whose trace is hashed. */
void timeline_trace_block(struct cpu *cpu, const struct op *op);

#endif
