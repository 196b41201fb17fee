#include "soft/timeline.h"

#include <stdlib.h>

#include "event.h"
#include "soft/exec.h"
#include "stub.h"

/* How long a machine in which nothing will happen by itself waits for input: nanoseconds of the host. */
#define STALL_NS 4000000

struct timeline *timeline_create(uint64_t seed, uint64_t quantum, uint64_t look, bool hashing) {
  struct timeline *timeline = calloc(1, sizeof *timeline);
  if (!timeline) return NULL;
  timeline->quantum = quantum;
  timeline->look = look;
  timeline->look_at = look;
  timeline->due = NEVER;
  timeline->random = seed;
  timeline->hashing = hashing;
  timeline_trace(timeline, seed);
  return timeline;
}

static struct timeline *of(const struct cpu *cpu) { return cpu->machine->timeline; }

/* The processor whose turn it is: the one furthest behind, of several the first. */
static uint32_t first(const struct timeline *timeline) {
  uint32_t best = 0;
  for (uint32_t i = 0; i < MOST_PROCESSORS; i++) {
    const struct lane *lane = &timeline->lanes[i];
    if (lane->present && (!timeline->lanes[best].present || lane->key < timeline->lanes[best].key)) best = i;
  }
  return best;
}

/* Until when a processor has the turn. */
static uint64_t limit_of(const struct timeline *timeline, uint32_t index) {
  uint64_t next = NEVER;
  for (uint32_t i = 0; i < MOST_PROCESSORS; i++) {
    const struct lane *lane = &timeline->lanes[i];
    if (i != index && lane->present && lane->key < next) next = lane->key;
  }
  return next < NEVER - timeline->quantum ? next + timeline->quantum : NEVER;
}

void timeline_settle(struct cpu *cpu) {
  cpu->instructions = timeline_now(cpu);
  cpu->slice = cpu->budget = 0;
}

void timeline_join(struct cpu *cpu, bool waiting) {
  of(cpu)->lanes[cpu->index] = (struct lane){.key = waiting ? NEVER : 0, .present = true, .halted = waiting};
}

/* The processor has got the turn: it goes on when it wanted to. */
static void take(struct cpu *cpu) {
  struct timeline *timeline = of(cpu);
  struct lane *lane = &timeline->lanes[cpu->index];
  timeline_settle(cpu);
  if (lane->key != NEVER && lane->key > cpu->instructions) cpu->instructions = lane->key;
  lane->halted = lane->handed = false;
  timeline->limit = limit_of(timeline, cpu->index);
}

static void hand_to(struct timeline *timeline, struct cpu *next) {
  timeline->lanes[next->index].handed = true;
  atomic_store(&timeline->runner, next->index);
  atomic_fetch_add(&next->wake, 1);
  if (atomic_load(&next->sleeping)) futex_wake(&next->wake);
}

bool timeline_enter(struct cpu *cpu) {
  struct timeline *timeline = of(cpu);
  atomic_store(&cpu->running, false);
  while (atomic_load(&timeline->runner) != cpu->index) {
    uint32_t seen = atomic_load(&cpu->wake);
    atomic_store(&cpu->sleeping, true);
    if (atomic_load(&timeline->runner) != cpu->index && !atomic_load(&cpu->interrupted)) {
      futex_wait(&cpu->wake, seen, 0);
    }
    atomic_store(&cpu->sleeping, false);
    if (atomic_load(&cpu->interrupted)) return false;
  }
  atomic_store(&cpu->running, true);
  if (timeline->lanes[cpu->index].handed) take(cpu);
  return true;
}

/* Lets the one go on whose turn it is. False when told to come out meanwhile. */
static bool give_turn(struct cpu *cpu) {
  struct timeline *timeline = of(cpu);
  uint32_t next = first(timeline);
  if (next == cpu->index) {
    take(cpu);
    return true;
  }
  hand_to(timeline, atomic_load(&cpu->machine->processors[next]));
  return timeline_enter(cpu);
}

static uint32_t ask_hypervisor(struct cpu *cpu) {
  struct timeline *timeline = of(cpu);
  timeline->due = NEVER;
  timeline->look_at = cpu->instructions + timeline->look;
  event_describe(&cpu->vcpu->block->event, SX_EXIT_POLL, false, 0, 0, NULL);
  return SX_EXIT_POLL;
}

uint32_t timeline_serve(struct cpu *cpu) {
  struct timeline *timeline = of(cpu);
  if (cpu->instructions >= timeline->look_at || cpu->instructions >= timeline->due) return ask_hypervisor(cpu);
  if (cpu->instructions >= timeline->limit) {
    timeline->lanes[cpu->index].key = cpu->instructions;
    if (!give_turn(cpu)) return SX_EXIT_KICK;
  }
  if (cpu->parked && cpu->instructions >= cpu->parked_until) cpu->parked = false;
  return 0;
}

/* Nothing will happen before somebody types, or sends a command. */
static uint32_t stall(struct cpu *cpu) {
  uint32_t seen = atomic_load(&cpu->wake);
  atomic_store(&cpu->sleeping, true);
  if (atomic_load(&cpu->attention) >= 0) futex_wait(&cpu->wake, seen, STALL_NS);
  atomic_store(&cpu->sleeping, false);
  return atomic_load(&cpu->interrupted) ? SX_EXIT_KICK : ask_hypervisor(cpu);
}

uint32_t timeline_halt(struct cpu *cpu, uint64_t deadline) {
  struct timeline *timeline = of(cpu);
  struct lane *lane = &timeline->lanes[cpu->index];
  timeline_settle(cpu);
  lane->key = deadline > cpu->instructions ? deadline : cpu->instructions;
  lane->halted = true;
  uint64_t soonest = timeline->lanes[first(timeline)].key;
  if (timeline->due != NEVER && timeline->due <= soonest) {
    if (timeline->due > cpu->instructions) cpu->instructions = timeline->due;
    return ask_hypervisor(cpu);
  }
  if (soonest == NEVER) return stall(cpu);
  bool turned = give_turn(cpu);
  atomic_store(&cpu->attention, INT64_MIN);
  return turned ? 0 : SX_EXIT_KICK;
}

void timeline_wake(struct cpu *cpu) {
  struct timeline *timeline = of(cpu);
  struct lane *lane = &timeline->lanes[cpu->index];
  uint32_t runner = atomic_load(&timeline->runner);
  struct cpu *sender = atomic_load(&cpu->machine->processors[runner]);
  if (runner == cpu->index || !lane->halted || !sender) return;
  uint64_t now = timeline_now(sender);
  if (now < cpu->instructions) now = cpu->instructions;
  if (now >= lane->key) return;
  lane->key = now;
  timeline->limit = limit_of(timeline, runner);
  atomic_store(&sender->attention, INT64_MIN); /* its slice was for another limit */
}

uint64_t timeline_slice(const struct cpu *cpu, uint64_t deadline) {
  const struct timeline *timeline = of(cpu);
  uint64_t next = deadline;
  if (timeline->limit < next) next = timeline->limit;
  if (timeline->look_at < next) next = timeline->look_at;
  if (timeline->due < next) next = timeline->due;
  return next > cpu->instructions ? next - cpu->instructions : 1;
}

uint64_t timeline_read(struct cpu *cpu) {
  struct timeline *timeline = of(cpu);
  uint64_t now = timeline_now(cpu);
  timeline->latest = now > timeline->latest ? now : timeline->latest + 1;
  return timeline->latest;
}

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014). */
uint64_t timeline_random(struct timeline *timeline) {
  uint64_t z = timeline->random += 0x9e3779b97f4a7c15ull;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  return z ^ z >> 31;
}

void timeline_ask(struct cpu *cpu, uint64_t cycles) {
  of(cpu)->due = cycles ? timeline_now(cpu) + cycles : NEVER;
}

void timeline_trace_block(struct cpu *cpu, const struct op *op) {
  timeline_trace(of(cpu), cpu->reg[REG_BLOCK]);
  NEXT;
}
