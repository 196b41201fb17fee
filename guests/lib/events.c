#include "events.h"

#define UNMAPPED ((volatile u32 *)0xd0000000)

static void none(void) {}

static void out(void) {
  out8(SX_PORT_POST, 0);
}

static void in(void) {
  (void)in8(SX_PORT_COM1_STATUS);
}

static void mmio(void) {
  (void)*UNMAPPED;
}

static void out_posted(void) {
  out8(SX_PORT_COM1, '\n');
}

static void call_exit(void) {
  call_by_exit(SX_CALL_NOP, 0, 0, 0);
}

static void call_ring(void) {
  call_by_ring(SX_CALL_NOP, 0, 0, 0);
}

static void post_nop(void) {
  post(SX_CALL_NOP, 0, 0, 0);
}

/* A word of the line whose sequence number is polled, read only when that number changes. */
static void store(void) {
  struct sx_hypercall_page *page = hypercall_page();
  __atomic_store_n(&page->request.a0_lo, page->request.a0_lo + 1, __ATOMIC_RELAXED);
}

event *event_chosen(void) {
  static const struct {
    const char *name;
    event *run;
  } events[] = {
      {"none", none},           {"out", out},           {"in", in},
      {"mmio", mmio},           {"out_posted", out_posted}, {"call_exit", call_exit},
      {"call_ring", call_ring}, {"post", post_nop},     {"store", store},
  };
  for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
    if (option_has("event", events[i].name)) return events[i].run;
  }
  give_up("there is no such event");
}
