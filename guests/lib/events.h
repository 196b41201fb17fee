/* Everything with which a guest can need the hypervisor, by name. */
#ifndef EVENTS_H
#define EVENTS_H

#include "guest.h"

typedef void event(void);

/*
 * The event that the option `event` names: `none`; `out`, `in`, `mmio`, `call_exit`, exits that wait;
 * `out_posted`, one that goes on; `call_ring` and `post`, requests in memory; `store`, a write to
 * memory that the hypervisor polls. Gives up when there is no such event.
 */
event *event_chosen(void);

#endif
