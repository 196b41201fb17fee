/*
 * Work with an event now and then: event=NAME (see lib/events.h) after each every=TURNS of a loop,
 * n=EVENTS of them. Prints "@ticks with", and "@ticks plain" for the same work without events; the
 * two alternate, so that a host which changes its speed changes both. With ms=MILLISECONDS it only
 * works, with events, for so long, and prints "@hist event".
 */
#include "lib/events.h"

#define PARTS 8

static void work(u64 turns) {
  __asm__ volatile("1: dec %0; jnz 1b" : "+r"(turns));
}

static void for_a_time(event *happens, u64 every, u64 milliseconds) {
  u64 end = ticks() + milliseconds * platform.tick_khz, before = 0;
  do {
    work(every);
    before = ticks();
    happens();
    histogram_add(ticks() - before);
  } while (before < end);
  print("\n");
  histogram_print("event");
}

void guest_main(void) {
  event *happens = event_chosen();
  u64 every = option_number("every", 10000), n = option_number("n", 1000);
  u64 milliseconds = option_number("ms", 0), with = 0, plain = 0, events = 0;
  if (every == 0) every = 1;
  if (milliseconds) return for_a_time(happens, every, milliseconds);
  for (; events < n; events += n / PARTS + 1) {
    u64 started = ticks();
    for (u64 i = 0; i <= n / PARTS; i++) work(every);
    u64 between = ticks();
    for (u64 i = 0; i <= n / PARTS; i++) {
      work(every);
      happens();
    }
    plain += between - started;
    with += ticks() - between;
  }
  print("\n");
  print_ticks("plain", events, plain);
  print_ticks("with", events, with);
}
