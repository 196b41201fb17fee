/* When an interrupt comes and when it is held back: IF and its shadows, priorities, NMI, HLT. */
#include "lib/apic.h"

#define VECTOR 0x60

static u64 count, order[8], rip_at;

static bool take(struct trap *trap) {
  rip_at = trap->rip;
  order[count++ & 7] = trap->vector;
  apic_end();
  return true;
}

static void print_order(const char *what) {
  print("%s:", what);
  for (u64 i = 0; i < count; i++) print(" %x", order[i]);
  print("\n");
  count = 0;
}

static void where(const char *what, const char *code) {
  print("%s: %u taken, at +%u\n", what, count, count ? rip_at - (u64)code : 0);
  count = 0;
}

/* Each runs with a request pending and IF clear. The bytes of an instruction: STI, CLI, NOP 1. */
SNIPPET(sti_nops, "sti\nnop\nnop\nnop\ncli");
SNIPPET(sti_cli, "sti\ncli");
SNIPPET(sti_sti, "sti\nsti\nnop\ncli");
SNIPPET(popf_nops, "pushq $0x202\npopfq\nnop\nnop\ncli");
SNIPPET(iret_nops, "mov %rsp, %rdx\nlea 1f(%rip), %rax\npush $0x18\npush %rdx\npush $0x202\npush $0x10\npush %rax\niretq\n1: nop\nnop\ncli");
SNIPPET(sti_hlt, "sti\nhlt\nnop\ncli");
SNIPPET(cr8_nops, "sti\nnop\nxor %eax, %eax\nmov %rax, %cr8\nnop\nnop\ncli");

static void shadows(void) {
  static const struct { const char *name; char *code; } all[] = {
      {"STI, NOP, NOP", sti_nops}, {"STI, CLI", sti_cli}, {"STI, STI, NOP", sti_sti},
      {"POPF, NOP", popf_nops},    {"IRET, NOP", iret_nops}, {"STI, HLT", sti_hlt}};
  handlers[VECTOR] = take;
  for (u32 i = 0; i < sizeof all / sizeof *all; i++) {
    send_self(VECTOR);
    attempt(all[i].code, 0);
    where(all[i].name, all[i].code);
    if (apic_requested(VECTOR)) {
      __asm__ volatile("sti; nop; nop; cli" : : : "memory");
      print(" still pending, and taken later: %u\n", count);
      count = 0;
    }
  }
}

static void priorities(void) {
  for (u32 i = 0x30; i <= 0xf0; i += 0x10) handlers[i] = take;
  handlers[0x61] = handlers[0x62] = take;
  write_cr8(6);
  print("CR8 of 6 is a TPR of %x, a PPR of %x\n", (u64)apic_read(APIC_TPR), (u64)apic_read(APIC_PPR));
  send_self(0x60);
  send_self(0x50);
  send_self(0x70);
  __asm__ volatile("sti; nop; nop; cli" : : : "memory");
  print_order("60, 50 and 70 with CR8 of 6");
  attempt(cr8_nops, 0);
  where("CR8 of 0 with IF, the last one", cr8_nops);
  send_self(0x40);
  send_self(0x80);
  send_self(0x62);
  send_self(0x61);
  send_self(0x80);
  __asm__ volatile("sti; nop; nop; nop; cli" : : : "memory");
  print_order("40, 80, 62, 61 and 80 again");
  apic_write(APIC_TPR, 0x75);
  print("TPR of 75: CR8 %x, PPR %x\n", read_cr8(), (u64)apic_read(APIC_PPR));
  send_self(0x70);
  send_self(0x80);
  __asm__ volatile("sti; nop; nop; nop; cli" : : : "memory");
  print_order("70 and 80 with it");
  apic_write(APIC_TPR, 0);
  __asm__ volatile("sti; nop; nop; nop; cli" : : : "memory");
  print_order("and with 0");
}

static u64 nested;
/* Lets more in before its end: only those of a higher class come. */
static bool nest(struct trap *trap) {
  order[count++ & 7] = trap->vector;
  if (trap->vector == 0x60) {
    send_self(0x50);
    send_self(0x61);
    send_self(0x70);
    __asm__ volatile("sti; nop; nop; nop; cli" : : : "memory");
    nested = count;
    print("in 60: ISR %x, PPR %x\n", (u64)apic_read(APIC_ISR + 0x30), (u64)apic_read(APIC_PPR));
  }
  apic_end();
  return true;
}

static void nesting(void) {
  handlers[0x50] = handlers[0x60] = handlers[0x61] = handlers[0x70] = nest;
  send_self(0x60);
  __asm__ volatile("sti; nop; nop; nop; cli" : : : "memory");
  print("before the end of 60: %u of 4\n", nested);
  print_order("nested");
}

/* NMI: one more is remembered while one is served, and comes behind its IRET. */
static u64 nmis, depth, deepest, in_handler;
static bool take_nmi(struct trap *trap) {
  (void)trap;
  nmis++;
  if (++depth > deepest) deepest = depth;
  if (nmis == 1) {
    for (int i = 0; i < 3; i++) apic_write(APIC_ICR_LOW, ICR_SELF | ICR_ASSERT | ICR_NMI);
    for (int i = 0; i < 1000; i++) relax();
    in_handler = nmis;
  }
  depth--;
  return true;
}

static bool unblock(struct trap *trap) {
  /* Reached by INT in the handler of an NMI: its IRET lets the next NMI in. */
  (void)trap;
  return true;
}
static u64 before_inner, after_inner;
static bool take_nmi_with_iret(struct trap *trap) {
  (void)trap;
  nmis++;
  if (nmis == 1) {
    apic_write(APIC_ICR_LOW, ICR_SELF | ICR_ASSERT | ICR_NMI);
    for (int i = 0; i < 1000; i++) relax();
    before_inner = nmis;
    __asm__ volatile("int $0x90" : : : "memory");
    for (int i = 0; i < 1000; i++) relax();
    after_inner = nmis;
  }
  return true;
}

static void non_maskable(void) {
  handlers[2] = take_nmi;
  apic_write(APIC_ICR_LOW, ICR_SELF | ICR_ASSERT | ICR_NMI);
  for (int i = 0; i < 1000; i++) relax();
  print("NMI with IF clear: %u taken, %u before the first one's IRET, depth %u\n", nmis, in_handler, deepest);
  nmis = 0;
  handlers[2] = take_nmi_with_iret;
  handlers[0x90] = unblock;
  apic_write(APIC_ICR_LOW, ICR_SELF | ICR_ASSERT | ICR_NMI);
  for (int i = 0; i < 1000; i++) relax();
  print("an inner IRET ends the blocking: %u taken before it, %u behind it\n", before_inner, after_inner);
}

void system_main(void) {
  apic_start();
  shadows();
  priorities();
  nesting();
  non_maskable();
}
