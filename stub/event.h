/* Exit events: how an engine describes one, and how a vCPU gets to the next. */
#ifndef SX_EVENT_H
#define SX_EVENT_H

#include "stub.h"

/* An access of `size` bytes at `address`; `data` is what a write wrote and is not looked at else. */
void event_describe(struct sx_event *event, uint32_t reason, bool write, uint32_t size,
                    uint64_t address, const void *data);
/* A reason that ends a guest, with where it stood. */
void event_describe_end(struct sx_event *event, uint32_t reason, uint64_t rip, uint32_t detail);

/* Runs the guest until it needs the hypervisor: 1 with an event in the block, 0 when commanded. */
int event_next(struct vcpu *vcpu);
/* Hands the completion in the block to the engine. */
void event_complete(struct vcpu *vcpu);

#endif
