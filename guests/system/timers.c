/* The local APIC's timer: one shot, periodic, TSC deadline. */
#include "lib/apic.h"

#define VECTOR 0x70
#define MASKED 0x10000
#define PERIODIC 0x20000
#define DEADLINE 0x40000
#define DIVIDE_BY_1 0xb
#define MSR_TSC_DEADLINE 0x6e0
#define CPUID_TSC_DEADLINE (1u << 24)
/* A few microseconds to milliseconds, and seconds: timers count at very different speeds. */
#define FEW 10000
#define MANY 1000000000
#define LONG 300000000ull /* ticks of the TSC that nothing here takes */

static volatile u64 count, taken_at;

static bool take(struct trap *trap) {
  (void)trap;
  taken_at = read_tsc();
  count++;
  apic_end();
  return true;
}

/* Waits for so many with interrupts on, but not for ever. */
static void await(u64 wanted) {
  u64 end = read_tsc() + 100 * LONG;
  __asm__ volatile("sti" : : : "memory");
  while (count < wanted && read_tsc() < end) relax();
  __asm__ volatile("cli" : : : "memory");
}

static void idle(u64 ticks) {
  u64 end = read_tsc() + ticks;
  __asm__ volatile("sti" : : : "memory");
  while (read_tsc() < end) relax();
  __asm__ volatile("cli" : : : "memory");
}

static void counted(void) {
  apic_write(APIC_DIVIDE, DIVIDE_BY_1);
  apic_write(APIC_LVT_TIMER, VECTOR);
  apic_write(APIC_INITIAL_COUNT, MANY);
  u32 first = apic_read(APIC_CURRENT_COUNT), second = first;
  while (second == first && second != 0) second = apic_read(APIC_CURRENT_COUNT);
  print("counts down: %u\n", (u64)(first <= MANY && second < first));
  apic_write(APIC_INITIAL_COUNT, FEW);
  await(1);
  idle(LONG / 10);
  print("one shot: %u taken, count %u\n", count, (u64)apic_read(APIC_CURRENT_COUNT));
  count = 0;
  apic_write(APIC_LVT_TIMER, VECTOR | PERIODIC);
  apic_write(APIC_INITIAL_COUNT, FEW);
  await(5);
  apic_write(APIC_LVT_TIMER, VECTOR | PERIODIC | MASKED);
  __asm__ volatile("sti; nop; nop; cli" : : : "memory");
  print("periodic: 5 taken: %u", (u64)(count >= 5));
  count = 0;
  idle(LONG / 10);
  print(", masked: %u\n", count);
  apic_write(APIC_INITIAL_COUNT, 0);
  apic_write(APIC_LVT_TIMER, VECTOR);
  apic_write(APIC_INITIAL_COUNT, MANY);
  apic_write(APIC_INITIAL_COUNT, 0);
  idle(LONG / 10);
  print("stopped: %u taken, count %u\n", count, (u64)apic_read(APIC_CURRENT_COUNT));
  count = 0;
  apic_write(APIC_INITIAL_COUNT, FEW);
  while (!count) __asm__ volatile("sti; hlt; cli" : : : "memory");
  print("HLT until it: %u taken\n", count);
}

static void by_deadline(void) {
  if (!(cpuid(1, 0).ecx & CPUID_TSC_DEADLINE)) {
    print("deadline: absent\n");
    return;
  }
  count = 0;
  apic_write(APIC_LVT_TIMER, VECTOR | DEADLINE);
  __asm__ volatile("mfence");
  u64 deadline = read_tsc() + LONG / 100;
  write_msr(MSR_TSC_DEADLINE, deadline);
  print("deadline: reads as written: %u", (u64)(read_msr(MSR_TSC_DEADLINE) == deadline || read_tsc() >= deadline));
  await(1);
  print(", taken %u, not early: %u, reads %u then\n", count, (u64)(taken_at >= deadline), read_msr(MSR_TSC_DEADLINE));
  count = 0;
  write_msr(MSR_TSC_DEADLINE, read_tsc() - 1);
  await(1);
  print("deadline: one that is past: %u taken\n", count);
  count = 0;
  write_msr(MSR_TSC_DEADLINE, read_tsc() + LONG / 10);
  write_msr(MSR_TSC_DEADLINE, 0);
  idle(LONG / 5);
  print("deadline: disarmed: %u taken\n", count);
  write_msr(MSR_TSC_DEADLINE, read_tsc() + LONG / 100);
  while (!count) __asm__ volatile("sti; hlt; cli" : : : "memory");
  print("deadline: HLT until it: %u taken\n", count);
}

void system_main(void) {
  apic_start();
  handlers[VECTOR] = take;
  counted();
  by_deadline();
}
