/* The local APIC in x2APIC mode (SDM volume 3, 11.12): its registers by MSRs, its modes, what it refuses. */
#include "lib/apic.h"

#define VECTOR 0x60
#define LIMIT 3000000000ull /* ticks of the TSC */

#define MSR_APIC_BASE 0x1b
#define BASE_ENABLED 0x800
#define BASE_X2APIC 0x400
#define X2APIC(offset) (0x800 + (offset) / 16)
#define APIC_VERSION 0x30
#define APIC_LDR 0xd0
#define APIC_DFR 0xe0
#define APIC_SELF_IPI 0x3f0
#define APIC_NOTHING 0x3d0
#define ICR_LOGICAL 0x800
#define EVERYBODY 0xffffffffull

static volatile u64 count;

static bool take(struct trap *trap) {
  (void)trap;
  count++;
  write_msr(X2APIC(APIC_EOI), 0);
  return true;
}

/* RDI has the number of an MSR, or the value for the one that the name says. */
SNIPPET(read, "mov %edi, %ecx\nrdmsr");
SNIPPET(write_zero, "mov %edi, %ecx\nxor %eax, %eax\nxor %edx, %edx\nwrmsr");
SNIPPET(write_one, "mov %edi, %ecx\nmov $1, %eax\nxor %edx, %edx\nwrmsr");
SNIPPET(write_high, "mov %edi, %ecx\nxor %eax, %eax\nmov $1, %edx\nwrmsr");
SNIPPET(write_base, "mov $0x1b, %ecx\nmov %edi, %eax\nxor %edx, %edx\nwrmsr");

static void outcome(const char *what, char *code, u64 argument) { report(what, attempt(code, argument), code); }

static u64 requested(u8 vector) { return read_msr(X2APIC(APIC_IRR + vector / 32 * 16)) >> vector % 32 & 1; }

/* Lets what is requested in, or waits for it; then says how often it came. */
static void let_in(const char *what, u64 expected) {
  for (u64 end = read_tsc() + LIMIT; count < expected && read_tsc() < end;) __asm__ volatile("sti; nop; cli" : : : "memory");
  for (int i = 0; i < 1000; i++) __asm__ volatile("sti; nop; cli" : : : "memory");
  print("%s: %u taken\n", what, count);
  count = 0;
}

static void send_command(u32 destination, u32 command) {
  write_msr(X2APIC(APIC_ICR_LOW), (u64)destination << 32 | ICR_ASSERT | command);
}

static void registers(void) {
  print("id %x, logical %x\n", read_msr(X2APIC(APIC_ID)), read_msr(X2APIC(APIC_LDR)));
  write_msr(X2APIC(APIC_SVR), 0x1ff);
  print("SVR %x\n", read_msr(X2APIC(APIC_SVR)));
  write_msr(X2APIC(APIC_TPR), 0x30);
  print("TPR of 30 is a CR8 of %x, a PPR of %x\n", read_cr8(), read_msr(X2APIC(APIC_PPR)));
  write_cr8(5);
  print("CR8 of 5 is a TPR of %x\n", read_msr(X2APIC(APIC_TPR)));
  write_cr8(0);
}

static void interrupts(void) {
  write_msr(X2APIC(APIC_SELF_IPI), VECTOR);
  print("self IPI: requested %u\n", requested(VECTOR));
  let_in("self IPI", 1);
  send_command(0, ICR_SELF | VECTOR);
  let_in("shorthand of self", 1);
  send_command(0, VECTOR);
  let_in("its id", 1);
  send_command(7, VECTOR);
  let_in("an id that nobody has", 0);
  send_command(1, ICR_LOGICAL | VECTOR);
  let_in("its bit of its cluster", 1);
  send_command(4, ICR_LOGICAL | VECTOR);
  let_in("another bit of its cluster", 0);
  send_command(0x10001, ICR_LOGICAL | VECTOR);
  let_in("another cluster", 0);
  send_command(EVERYBODY, VECTOR);
  let_in("everybody", 1);
  print("ICR reads %x\n", read_msr(X2APIC(APIC_ICR_LOW)));
  write_msr(X2APIC(APIC_DIVIDE), 0xb);
  write_msr(X2APIC(APIC_LVT_TIMER), VECTOR);
  write_msr(X2APIC(APIC_INITIAL_COUNT), 1000);
  let_in("timer", 1);
  print("its count is %u\n", read_msr(X2APIC(APIC_CURRENT_COUNT)));
}

static void refused(void) {
  outcome("read of EOI", read, X2APIC(APIC_EOI));
  outcome("read of the self IPI", read, X2APIC(APIC_SELF_IPI));
  outcome("read of DFR", read, X2APIC(APIC_DFR));
  outcome("read of the ICR's high half", read, X2APIC(APIC_ICR_HIGH));
  outcome("read of nothing", read, X2APIC(APIC_NOTHING));
  outcome("write of the id", write_zero, X2APIC(APIC_ID));
  outcome("write of the version", write_zero, X2APIC(APIC_VERSION));
  outcome("write of LDR", write_zero, X2APIC(APIC_LDR));
  outcome("write of PPR", write_zero, X2APIC(APIC_PPR));
  outcome("write of an IRR", write_zero, X2APIC(APIC_IRR));
  outcome("write of the current count", write_zero, X2APIC(APIC_CURRENT_COUNT));
  outcome("EOI of 1", write_one, X2APIC(APIC_EOI));
  outcome("TPR with its high half", write_high, X2APIC(APIC_TPR));
  outcome("initial count with its high half", write_high, X2APIC(APIC_INITIAL_COUNT));
}

void system_main(void) {
  u32 base = (u32)read_msr(MSR_APIC_BASE);
  print("CPUID has it: %u\n", (u64)(cpuid(1, 0).ecx >> 21 & 1));
  outcome("an MSR in xAPIC mode", read, X2APIC(APIC_ID));
  outcome("x2APIC without enable", write_base, (base & ~BASE_ENABLED) | BASE_X2APIC);
  outcome("to x2APIC", write_base, base | BASE_X2APIC);
  print("base %x\n", read_msr(MSR_APIC_BASE));
  handlers[VECTOR] = take;
  registers();
  interrupts();
  refused();
  outcome("back to xAPIC", write_base, base);
  outcome("off", write_base, base & ~BASE_ENABLED);
  outcome("an MSR while it is off", read, X2APIC(APIC_ID));
  outcome("from off to x2APIC", write_base, base | BASE_X2APIC);
  outcome("from off to xAPIC", write_base, base);
  print("id %x, SVR %x\n", (u64)apic_read(APIC_ID), (u64)apic_read(APIC_SVR));
}
