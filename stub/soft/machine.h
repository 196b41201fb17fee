/* A machine of the soft engine: what its processors share. */
#ifndef SX_SOFT_MACHINE_H
#define SX_SOFT_MACHINE_H

#include <pthread.h>

#include "soft/cpu.h"

#define MOST_PROCESSORS 8
#define MOST_DOORBELLS 256
#define MOST_ROUTES 24

/* Written under the machine's lock, the address last; read by anybody. */
struct doorbell {
  _Atomic uint64_t address; /* NO_DOORBELL: the place is free */
  struct core *_Atomic core;
};
#define NO_DOORBELL UINT64_MAX

struct timeline;
struct tracer;

struct machine {
  struct vm *vm;
  struct timeline *timeline; /* the virtual clock; NULL: guests see the host's time */
  struct tracer *tracer;     /* NULL: its instructions are not recorded */
  handler *block_probe;      /* the first op of every block, NULL: none */
  uint32_t native_after;     /* so often a block runs before it becomes native */
  struct cpu *_Atomic processors[MOST_PROCESSORS];
  bool has_apics;
  uint64_t tsc_khz; /* of the guests' TSC; never 0 once a processor has an APIC */
  _Atomic uint32_t lowest_priority_turn;
  pthread_mutex_t lock;
  struct doorbell doorbells[MOST_DOORBELLS];
  _Atomic uint32_t doorbell_count;
  /* Vectors whose end the hypervisor wants to hear of: the level-triggered inputs of its IOAPIC. */
  _Atomic uint32_t eoi_exits[8];
  /* For each page of memory, a bit for each processor that has translated code of it. */
  _Atomic uint8_t *code_map;
  uint64_t pages;
  /* For each page of memory, the rights that it lacks: ept.h. NULL: every page has all. */
  uint8_t *_Atomic ept;
  struct cpu *closed; /* linked by `next_closed` */
};

/*
 * What processors must tell each other about translated code. A page has translated code of `cpu` from
 * now on: no other processor writes to it unnoticed. It returns when all of them know.
 */
void machine_protect(struct cpu *cpu, const uint8_t *host);
/* `cpu` writes to a page: the others forget what they have of it. */
void machine_code_written(struct cpu *cpu, uint64_t page);
/* Does what others asked for since. By the dispatcher. */
void machine_serve(struct cpu *cpu);

#endif
