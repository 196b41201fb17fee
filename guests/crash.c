/* One misbehaviour for each word in do=WORD,WORD... */
#include "lib/guest.h"

extern u8 idt[];

static u64 seed;

static void unmapped_mmio(void) {
  volatile u32 *nowhere = (volatile u32 *)0xd0000000;
  *nowhere = 1;
  print("mmio read 0x");
  print_hex(*nowhere, 8);
  print("\n");
}

static void wild_port(void) {
  out8(0x1234, 1);
  print("port read 0x");
  print_hex(in32(0x1234), 8);
  print("\n");
}

/* With no present gate an exception becomes a double fault and then a triple fault. */
static void triple_fault(void) {
  for (u32 i = 0; i < VECTORS * 16; i++) ((volatile u8 *)idt)[i] = 0;
  __asm__ volatile("ud2");
}

static void exception(void) {
  __asm__ volatile("ud2");
}

static void endless_loop(void) {
  print_flush();
  for (;;) __asm__ volatile("");
}

/*
 * Rounds of random words over the whole hypercall page, as it is being served. A request that
 * happens to power off would end the test early; every other number may come.
 */
static void ring_garbage(u64 rounds) {
  volatile u32 *page = (volatile u32 *)hypercall_page();
  for (u64 round = 0; round < rounds; round++) {
    for (u32 i = 0; i < sizeof(struct sx_hypercall_page) / 4; i++) {
      u64 value = random_next(&seed);
      page[i] = value >> 63 ? (u32)value : (u32)(value >> 32) % 8;
    }
    if (round % 64 == 0) out32(SX_PORT_DOORBELL, 0);
  }
}

void guest_main(void) {
  seed = option_number("seed", 1) | 1;
  if (option_has("do", "mmio")) unmapped_mmio();
  if (option_has("do", "port")) wild_port();
  if (option_has("do", "garbage") && platform.splitx) {
    ring_garbage(option_number("rounds", 100));
    power_off(7);
  }
  if (option_has("do", "exception")) exception();
  if (option_has("do", "triple")) triple_fault();
  if (option_has("do", "loop")) endless_loop();
  print("survived\n");
}
