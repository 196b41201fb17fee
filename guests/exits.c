/*
 * Micro-benchmarks of everything that can need the hypervisor, one histogram each.
 * ops=WORD,WORD... chooses them, n=COUNT repeats each; `load` is for load, not for figures.
 */
#include "lib/guest.h"

#define UNMAPPED ((volatile u32 *)0xd0000000)

#define MEASURE(name, operation)                      \
  static void name(u64 n) {                           \
    histogram_reset();                                \
    for (u64 i = 0; i < n; i++) {                     \
      u64 before = ticks();                           \
      operation;                                      \
      histogram_add(ticks() - before);                \
    }                                                 \
    histogram_print(#name);                           \
  }

static u32 scratch[4];

MEASURE(nothing, (void)0)
MEASURE(out, out8(SX_PORT_POST, (u8)i))
MEASURE(in, (void)in8(SX_PORT_COM1_STATUS))
MEASURE(mmio, (void)*UNMAPPED)
MEASURE(cpuid_leaf, cpuid(1, 0, scratch))
MEASURE(call_exit, call_by_exit(SX_CALL_NOP, 0, 0, 0))
MEASURE(call_ring, call_by_ring(SX_CALL_NOP, 0, 0, 0))
MEASURE(park_ring, call_by_ring(SX_CALL_PARK, 1000000, 0, 0)) /* a millisecond */

/* Posted console bytes, from the first until the hypervisor has served the last. */
static void posted(u64 n) {
  print_flush();
  u64 before = ticks();
  for (u64 i = 0; i < n; i++) post(SX_CALL_CONSOLE_PUT, i % 64 == 63 ? '\n' : '.', 0, 0);
  post_drain();
  u64 spent = ticks() - before;
  if (n % 64) print("\n");
  print_ticks("posted", n, spent);
}

/* Native speed: a loop of n turns with no exit. */
static void loop(u64 n) {
  u64 before = ticks(), left = n;
  __asm__ volatile("1: dec %0; jnz 1b" : "+r"(left));
  print_ticks("loop", n, ticks() - before);
}

/*
 * A load of every kind for ms=MILLISECONDS: synchronous calls, posted console bytes, block reads
 * when there is a disk, and now and then an exit. n counts the turns.
 */
static void load(u64 n) {
  static u8 buffer[4096];
  u64 end = ticks() + option_number("ms", 1000) * platform.tick_khz;
  u64 turns = 0, before = ticks();
  u64 disk = call(SX_CALL_BLOCK_SIZE, 0, 0, 0).value;
  for (; turns < n || ticks() < end; turns++) {
    call_by_ring(SX_CALL_NOP, 0, 0, 0);
    for (int i = 0; i < 16; i++) post(SX_CALL_CONSOLE_PUT, i == 15 ? '\n' : '.', 0, 0);
    if (turns % 16 == 0) call_by_ring(SX_CALL_CLOCK, 0, 0, 0);
    if (disk && turns % 64 == 0) block_read(turns / 64 * 4096 % disk, buffer, sizeof buffer);
    if (turns % 1024 == 0) out8(SX_PORT_POST, 0);
  }
  post_drain();
  print_ticks("load", turns, ticks() - before);
}

void guest_main(void) {
  static const struct {
    const char *name;
    void (*run)(u64);
    bool splitx_only;
  } operations[] = {
      {"nothing", nothing, false}, {"out", out, false},
      {"in", in, false},           {"mmio", mmio, true},
      {"cpuid", cpuid_leaf, false}, {"call_exit", call_exit, true},
      {"call_ring", call_ring, true}, {"posted", posted, true},
      {"park_ring", park_ring, true},
      {"loop", loop, false},        {"load", load, true},
  };
  u64 n = option_number("n", 1000);
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
    if (!option_has("ops", operations[i].name)) continue;
    if (n == 0 || (operations[i].splitx_only && !platform.splitx)) continue;
    operations[i].run(n);
  }
}
