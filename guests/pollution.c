/*
 * How fast the guest is right after an event, beside the same guest without one: it walks a working
 * set in an order that no prefetcher knows, and looks at the time at some distances from the event.
 * event=NAME (see lib/events.h), bytes=WORKING SET (at most 4 MiB), n=TRIALS (at most 4096).
 * Prints how long the event took, "@hist event" and "@ticks event", and for each distance, in
 * accesses since the event, how long the accesses since the distance before took:
 * "@hist after_DISTANCE", and "@hist without_DISTANCE" where there was no event.
 */
#include "lib/events.h"

#define LINE_BYTES 64
#define MOST_BYTES (4 << 20)
#define MOST_TRIALS 4096

struct line {
  struct line *next;
  u8 rest[LINE_BYTES - sizeof(struct line *)];
};

static const struct {
  u32 accesses;
  const char *after, *without;
} distances[] = {
    {16, "after_16", "without_16"},       {64, "after_64", "without_64"},
    {256, "after_256", "without_256"},    {1024, "after_1024", "without_1024"},
    {4096, "after_4096", "without_4096"}, {16384, "after_16384", "without_16384"},
};
#define DISTANCES (sizeof distances / sizeof *distances)

static struct line lines[MOST_BYTES / LINE_BYTES] __attribute__((aligned(4096)));
static u32 order[MOST_BYTES / LINE_BYTES];
static u32 spent[2][DISTANCES][MOST_TRIALS], event_spent[MOST_TRIALS];

/* One circle through all lines, in an order that is the same in every run. */
static void lay_out(u32 count) {
  u64 state = 88172645463325252;
  for (u32 i = 0; i < count; i++) order[i] = i;
  for (u32 i = count - 1; i > 0; i--) {
    u32 other = (u32)(random_next(&state) % (i + 1)), mine = order[i];
    order[i] = order[other];
    order[other] = mine;
  }
  for (u32 i = 0; i < count; i++) lines[order[i]].next = &lines[order[(i + 1) % count]];
}

static struct line *walk(struct line *at, u32 accesses) {
  for (; accesses > 0; accesses--) at = *(struct line *volatile *)&at->next;
  return at;
}

static void print_spent(const char *name, const u32 *values, u64 n) {
  histogram_reset();
  for (u64 i = 0; i < n; i++) histogram_add(values[i]);
  histogram_print(name);
}

void guest_main(void) {
  event *happens = event_chosen();
  u64 n = option_number("n", 500), bytes = option_number("bytes", 256 << 10);
  u32 count = (u32)((bytes < MOST_BYTES ? bytes : MOST_BYTES) / LINE_BYTES);
  if (n > MOST_TRIALS) n = MOST_TRIALS;
  if (count < distances[0].accesses) give_up("the working set is too small");
  lay_out(count);

  struct line *at = lines;
  u64 sum = 0;
  for (u64 trial = 0; trial < n; trial++) {
    for (int with = 0; with < 2; with++) {
      at = walk(at, count);
      u64 before = ticks();
      if (with) happens();
      u64 then = ticks();
      if (with) sum += event_spent[trial] = (u32)(then - before);
      u32 done = 0;
      for (u32 i = 0; i < DISTANCES && distances[i].accesses <= count; i++) {
        at = walk(at, distances[i].accesses - done);
        done = distances[i].accesses;
        u64 now = ticks();
        spent[with][i][trial] = (u32)(now - then);
        then = now;
      }
    }
  }
  print("\n");
  print_ticks("event", n, sum);
  print_spent("event", event_spent, n);
  for (u32 i = 0; i < DISTANCES && distances[i].accesses <= count; i++) {
    print_spent(distances[i].without, spent[0][i], n);
    print_spent(distances[i].after, spent[1][i], n);
  }
}
