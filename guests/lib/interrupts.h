/*
 * Interrupts that devices send as messages to this vCPU's local APIC. They are counted; whoever
 * waits for one watches the count, since ring 3 has no HLT.
 */
#ifndef INTERRUPTS_H
#define INTERRUPTS_H

#include "guest.h"

/* What a device writes, and where, to interrupt. */
struct interrupt_message {
  u64 address;
  u32 data;
};

/* Switches this vCPU's local APIC on and says how to reach it. False when it has none. */
bool interrupts_start(struct interrupt_message *message);

/* How many interrupts have come. */
u64 interrupts_taken(void);

#endif
