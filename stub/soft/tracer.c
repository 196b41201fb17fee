#define _GNU_SOURCE
#include "soft/tracer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "soft/translation/decode.h"
#include "soft/exec.h"
#include "soft/machine.h"
#include "stub.h"

/* Records that wait for the reader. */
#define DEPTH 4096
/* How often somebody who waits for room looks whether it was told to stop: nanoseconds. */
#define LOOK_NS 5000000

_Static_assert(sizeof(struct sx_trace_record) % 8 == 0, "records lie one behind the other");

struct track {
  bool begun;    /* its registers have been shown */
  bool pending;  /* `record` is an instruction that has begun */
  bool away;     /* it left, and its registers may come back changed */
  struct sx_trace_record record;
};

struct tracer {
  uint64_t from, until;
  _Atomic uint64_t number; /* instructions that have begun */
  struct track tracks[MOST_PROCESSORS];
  pthread_mutex_t lock;
  pthread_cond_t room;
  uint32_t head, tail;
  struct sx_trace_record ring[DEPTH];
};

struct tracer *tracer_create(uint64_t from, uint64_t count) {
  struct tracer *tracer = calloc(1, sizeof *tracer);
  if (!tracer) return NULL;
  tracer->from = from;
  tracer->until = count < UINT64_MAX - from ? from + count : UINT64_MAX;
  pthread_mutex_init(&tracer->lock, NULL);
  pthread_cond_init(&tracer->room, NULL);
  return tracer;
}

void tracer_destroy(struct tracer *tracer) {
  if (!tracer) return;
  pthread_cond_destroy(&tracer->room);
  pthread_mutex_destroy(&tracer->lock);
  free(tracer);
}

uint32_t tracer_read(struct tracer *tracer, struct sx_trace_record *records, uint32_t most) {
  pthread_mutex_lock(&tracer->lock);
  uint32_t count = 0;
  for (; count < most && tracer->tail != tracer->head; tracer->tail++) {
    records[count++] = tracer->ring[tracer->tail % DEPTH];
  }
  if (count) pthread_cond_broadcast(&tracer->room);
  pthread_mutex_unlock(&tracer->lock);
  return count;
}

/* Waits for room; a processor that is told to stop records no more. */
static void put(struct cpu *cpu, struct sx_trace_record *record, uint32_t kind, uint32_t detail) {
  struct tracer *tracer = cpu->machine->tracer;
  record->kind = kind;
  record->detail = detail;
  record->vcpu = cpu->index;
  record->flags = cpu_flags(cpu);
  memcpy(record->reg, cpu->reg, sizeof record->reg);
  pthread_mutex_lock(&tracer->lock);
  while (tracer->head - tracer->tail == DEPTH && !vcpu_commanded(cpu->vcpu)) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_NS;
    if (until.tv_nsec >= 1000000000) {
      until.tv_nsec -= 1000000000;
      until.tv_sec++;
    }
    pthread_cond_timedwait(&tracer->room, &tracer->lock, &until);
  }
  if (tracer->head - tracer->tail < DEPTH) tracer->ring[tracer->head++ % DEPTH] = *record;
  pthread_mutex_unlock(&tracer->lock);
}

static struct track *track_of(struct cpu *cpu) {
  struct tracer *tracer = cpu->machine->tracer;
  return tracer ? &tracer->tracks[cpu->index] : NULL;
}

static void conclude(struct cpu *cpu, struct track *track, uint32_t kind, uint32_t detail) {
  if (!track->pending) return;
  track->pending = false;
  put(cpu, &track->record, kind, detail);
}

/* What belongs to no instruction, once the processor has been shown and until the last one was. */
static void between(struct cpu *cpu, struct track *track, uint32_t kind, uint32_t detail) {
  struct tracer *tracer = cpu->machine->tracer;
  uint64_t number = atomic_load(&tracer->number);
  if (!track->begun || number > tracer->until) return;
  struct sx_trace_record record = {.number = number, .rip = cpu->rip};
  put(cpu, &record, kind, detail);
}

void tracer_keep(struct op *op, const uint8_t *bytes, uint32_t available, uint32_t length) {
  uint8_t kept[16] = {0};
  uint32_t size = length ? length : available;
  if (size > MOST_INSN_BYTES) size = MOST_INSN_BYTES;
  memcpy(kept, bytes, size);
  memcpy(&op->imm, kept, 8);
  memcpy(&op->disp, kept + 8, 4);
  op->dst = kept[12];
  op->src = kept[13];
  op->scale = kept[14];
  op->code = (uint8_t)size;
}

static void bytes_of(const struct op *op, struct sx_trace_record *record) {
  memcpy(record->code, &op->imm, 8);
  memcpy(record->code + 8, &op->disp, 4);
  record->code[12] = op->dst;
  record->code[13] = op->src;
  record->code[14] = op->scale;
  record->length = op->code;
}

void tracer_op(struct cpu *cpu, const struct op *op) {
  struct tracer *tracer = cpu->machine->tracer;
  struct track *track = &tracer->tracks[cpu->index];
  conclude(cpu, track, SX_TRACE_INSTRUCTION, 0);
  uint64_t number = atomic_fetch_add(&tracer->number, 1);
  if (number >= tracer->from && number < tracer->until) {
    track->record = (struct sx_trace_record){.number = number, .rip = cpu->reg[REG_BLOCK], .code_size = cpu->code_size};
    if (!track->begun) put(cpu, &track->record, SX_TRACE_START, 0);
    bytes_of(op, &track->record);
    track->begun = track->pending = true;
  }
  NEXT;
}

void tracer_ended(struct cpu *cpu) {
  struct track *track = track_of(cpu);
  if (track) conclude(cpu, track, SX_TRACE_INSTRUCTION, 0);
}

void tracer_faulted(struct cpu *cpu) {
  struct track *track = track_of(cpu);
  if (!track) return;
  bool itself = track->pending && track->record.rip == cpu->rip;
  if (itself) conclude(cpu, track, SX_TRACE_FAULT, cpu->fault.vector);
  conclude(cpu, track, SX_TRACE_INSTRUCTION, 0);
  if (!itself) between(cpu, track, SX_TRACE_FAULT, cpu->fault.vector);
}

void tracer_again(struct cpu *cpu) {
  struct track *track = track_of(cpu);
  if (!track) return;
  track->pending = false;
  atomic_fetch_sub(&cpu->machine->tracer->number, 1);
}

void tracer_delivered(struct cpu *cpu, uint8_t vector) {
  struct track *track = track_of(cpu);
  if (track) between(cpu, track, SX_TRACE_EVENT, vector);
}

void tracer_left(struct cpu *cpu, uint32_t reason) {
  struct track *track = track_of(cpu);
  if (!track) return;
  if (reason == SX_EXIT_KICK || reason == SX_EXIT_POLL) {
    conclude(cpu, track, SX_TRACE_INSTRUCTION, 0);
    return;
  }
  track->away = true;
  if (cpu->device_waits) atomic_fetch_sub(&cpu->machine->tracer->number, 1); /* it runs again, with the answer */
  if (track->pending) conclude(cpu, track, SX_TRACE_EXIT, reason);
  else between(cpu, track, SX_TRACE_EXIT, reason);
}

void tracer_returned(struct cpu *cpu) {
  struct track *track = track_of(cpu);
  if (!track || !track->away) return;
  track->away = false;
  between(cpu, track, SX_TRACE_ANSWER, 0);
}
