/*
 * Work with an event now and then: event=NAME (see lib/events.h) after each every=TURNS of a loop,
 * n=EVENTS of them, in parts. Prints "@ticks with", and "@ticks plain" for the same work without
 * events: the events of a part, and the median of the parts' times, which a part that the host
 * interrupted does not change. Both alternate, so that a host which changes its speed changes both.
 * With ms=MILLISECONDS it only works, with events, for so long, and prints "@hist event".
 */
#include "lib/events.h"

#define MOST_PARTS 64

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

static u64 median(u64 *values, u64 n) {
  for (u64 i = 1; i < n; i++) {
    u64 value = values[i], at = i;
    for (; at > 0 && values[at - 1] > value; at--) values[at] = values[at - 1];
    values[at] = value;
  }
  return values[n / 2];
}

void guest_main(void) {
  static u64 plain[MOST_PARTS], with[MOST_PARTS];
  event *happens = event_chosen();
  u64 every = option_number("every", 10000), n = option_number("n", 1000);
  u64 milliseconds = option_number("ms", 0);
  if (every == 0) every = 1;
  if (n == 0) n = 1;
  if (milliseconds) return for_a_time(happens, every, milliseconds);
  u64 parts = n < MOST_PARTS ? n : MOST_PARTS, events = n / parts;
  for (u64 part = 0; part < parts; part++) {
    u64 started = ticks();
    for (u64 i = 0; i < events; i++) work(every);
    u64 between = ticks();
    for (u64 i = 0; i < events; i++) {
      work(every);
      happens();
    }
    with[part] = ticks() - between;
    plain[part] = between - started;
  }
  print("\n");
  print_ticks("plain", events, median(plain, parts));
  print_ticks("with", events, median(with, parts));
}
