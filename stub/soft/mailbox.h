/* What other processors of a machine ask of one. Posted to under the machine's lock. */
#ifndef SX_SOFT_MAILBOX_H
#define SX_SOFT_MAILBOX_H

#include "soft/cpu.h"

#define MAILBOX_DEPTH 256

struct mailbox_queue {
  _Atomic uint32_t posted, served;
  _Atomic bool overflow; /* some did not find room: the request is for everything */
  uint64_t values[MAILBOX_DEPTH];
};

struct mailbox {
  struct mailbox_queue protect; /* host pages that must not be written unnoticed any more */
  struct mailbox_queue forget;  /* guest-physical pages whose code has changed */
};

void mailbox_serve_protect(struct cpu *cpu);

#endif
