/*
 * Records what a machine executes, instruction by instruction. Blocks of a traced machine hold one
 * instruction behind an op that records it; other machines have nothing of it in their way.
 */
#ifndef SX_SOFT_TRACER_H
#define SX_SOFT_TRACER_H

#include "soft/cpu.h"
#include "stub.h"

struct tracer;

/* Records `count` instructions from number `from` on. NULL when there is no memory. */
struct tracer *tracer_create(uint64_t from, uint64_t count);
void tracer_destroy(struct tracer *tracer);
/* Takes records out, from any one thread: how many, at most `most`. */
uint32_t tracer_read(struct tracer *tracer, struct sx_trace_record *records, uint32_t most);

/* The first op of every block; tracer_keep() puts the instruction's bytes into it. `length` is 0 for an
 * instruction that does not exist. */
void tracer_op(struct cpu *cpu, const struct op *op);
void tracer_keep(struct op *op, const uint8_t *bytes, uint32_t available, uint32_t length);

/* What the dispatcher tells. All may be called without a tracer. */

/* The present instruction, if it was one, has come to its end. */
void tracer_ended(struct cpu *cpu);
/* It raised an exception, or fetching the next one did. */
void tracer_faulted(struct cpu *cpu);
/* It runs again from its beginning. */
void tracer_again(struct cpu *cpu);
/* An exception or an interrupt has been delivered. */
void tracer_delivered(struct cpu *cpu, uint8_t vector);
/* The processor leaves for the hypervisor, and comes back. */
void tracer_left(struct cpu *cpu, uint32_t reason);
void tracer_returned(struct cpu *cpu);

#endif
