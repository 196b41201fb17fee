/* The second processor: its start through real mode, interrupts both ways, memory and code in common. */
#include "lib/apic.h"

#define START_PAGE 0x8000
#define OTHER 1 /* its APIC id */
#define CALL_VECTOR 0x60
#define ANSWER_VECTOR 0x61
#define LIMIT 30000000000ull /* ticks of the TSC */

/* Copied to START_PAGE; the data lies at fixed places behind the code. */
#define REAL_DATA 0x800
__asm__(
    ".text\n.code16\nreal_start:\n"
    "cli\n"
    "mov %cs, %ax\nmov %ax, %ds\n"
    "movw %ax, 0x800\n"               /* CS */
    "smsw %ax\nmovw %ax, 0x802\n"     /* CR0 */
    "xor %ax, %ax\nmov %ax, %es\nmov %ax, %ss\nmov $0x7000, %sp\n"
    "movw $real_int - real_start, %es:0x60 * 4\n"
    "mov %ds, %ax\nmovw %ax, %es:0x60 * 4 + 2\n"
    "std\nint $0x60\n1: cld\n"
    "movw %sp, 0x80a\n"
    /* A 32-bit operand and address, and an offset of 16 bits that wraps. */
    "movl $0x12345678, 0x80c\n"
    "mov $0xffff, %bx\nmovb 0x811(%bx), %al\nmovb %al, 0x814\n"
    "lgdtl %cs:real_gdt - real_start\n"
    "mov %cr0, %eax\nor $1, %al\nmov %eax, %cr0\n"
    "ljmpl $0x08, $protected_start\n"
    "real_int:\n"
    "push %bp\nmov %sp, %bp\n"
    "mov 2(%bp), %ax\nsubw $1b - real_start, %ax\nmovw %ax, 0x804\n" /* IP */
    "mov 6(%bp), %ax\nmovw %ax, 0x806\n"                             /* FLAGS */
    "pop %bp\niret\n"
    "real_gdt: .word 0x7fff\n.long gdt\n"
    "real_end:\n"
    ".code32\nprotected_start:\n"
    "mov $0x18, %eax\nmov %eax, %ds\nmov %eax, %es\nmov %eax, %ss\n"
    "mov $other_stack_end, %esp\n"
    "call enter_long_mode\n"
    "ljmpl $0x10, $other_start\n"
    ".code64\nother_start:\n"
    "mov $0x18, %eax\nmov %eax, %ds\nmov %eax, %es\nmov %eax, %ss\n"
    "mov $other_stack_end, %esp\n"
    "call other_main\n");
extern char real_start[], real_end[];

static volatile u64 starts, calls, answers, other_nmis, halted;
typedef void work_function(void);
static work_function *volatile work;
static volatile u64 work_done;

static bool take_call(struct trap *trap) {
  (void)trap;
  calls++;
  apic_end();
  send(0, ANSWER_VECTOR);
  return true;
}
static bool take_answer(struct trap *trap) {
  (void)trap;
  answers++;
  apic_end();
  return true;
}
static bool take_nmi(struct trap *trap) {
  (void)trap;
  other_nmis++;
  return true;
}

void other_main(void) {
  lidt(&idt_pointer);
  apic_start();
  starts++;
  for (;;) {
    work_function *now = work;
    if (now) {
      work = 0;
      now();
      work_done++;
    } else {
      __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    }
  }
}

static bool await(volatile u64 *what, u64 wanted) {
  u64 end = read_tsc() + LIMIT;
  __asm__ volatile("sti" : : : "memory");
  while (*what < wanted && read_tsc() < end) relax();
  __asm__ volatile("cli" : : : "memory");
  return *what >= wanted;
}

static void start_other(void) {
  send(OTHER, ICR_INIT);
  u64 end = read_tsc() + 30000000;
  while (read_tsc() < end) relax();
  send(OTHER, ICR_STARTUP | START_PAGE >> 12);
}

static void run(work_function *function) {
  u64 before = work_done;
  work = function;
  if (!await(&work_done, before + 1)) print("no answer\n");
}

/* Code that another processor changes: it serialises before it runs it (SDM volume 3, 8.1.3). */
static volatile u64 round_number, sum;
static void run_changing_code(void) {
  for (u64 i = 1; i <= 200; i++) {
    while (round_number != i * 2 - 1) relax();
    cpuid(0, 0);
    u64 v;
    __asm__ volatile("call *%1" : "=a"(v) : "r"(spare[0]) : "memory");
    sum += (u32)v;
    round_number = i * 2;
  }
}

static void change_code(void) {
  *(volatile u8 *)spare[0] = 0xb8;
  *(volatile u8 *)(spare[0] + 5) = 0xc3;
  work = run_changing_code;
  u64 end = read_tsc() + LIMIT;
  for (u64 i = 1; i <= 200; i++) {
    *(volatile u32 *)(spare[0] + 1) = (u32)i;
    round_number = i * 2 - 1;
    while (round_number != i * 2 && read_tsc() < end) relax();
  }
  print("code that the other one changes: %u of 20100\n", sum);
}

static volatile u64 locked_sum, plain[2];
static void add(void) {
  for (u32 i = 0; i < 50000; i++) __atomic_fetch_add(&locked_sum, 1, __ATOMIC_SEQ_CST);
}
static u8 wide[16] __attribute__((aligned(16)));
static void add_wide(void) {
  for (u32 i = 0; i < 20000; i++) {
    u64 low = *(volatile u64 *)wide, high = *(volatile u64 *)(wide + 8);
    bool done;
    do {
      __asm__ volatile("lock cmpxchg16b %0" : "+m"(wide), "+a"(low), "+d"(high), "=@ccz"(done) : "b"(low + 1), "c"(high + 2) : "memory");
    } while (!done);
  }
}

static void together(void) {
  u64 before = work_done;
  work = add;
  while (work) relax();
  add();
  await(&work_done, before + 1);
  before = work_done;
  work = add_wide;
  while (work) relax();
  add_wide();
  await(&work_done, before + 1);
  print("locked additions: %u, of 16 bytes: %u %u\n", locked_sum, *(volatile u64 *)wide, *(volatile u64 *)(wide + 8));
}

static volatile u64 read_there;
static void read_window(void) { read_there = *(volatile u64 *)window(0); }
static void forget_window(void) { invlpg(window(0)); }

static void translations(void) {
  *(u64 *)spare[1] = 11;
  *(u64 *)spare[2] = 22;
  map_page(0, (u64)spare[1], PAGE_PRESENT | PAGE_WRITABLE);
  run(read_window);
  print("a page there: %u", read_there);
  map_page(0, (u64)spare[2], PAGE_PRESENT | PAGE_WRITABLE);
  run(forget_window);
  run(read_window);
  print(", another and INVLPG there: %u\n", read_there);
}

static void halt(void) {
  halted = 1;
  __asm__ volatile("sti; hlt; cli" : : : "memory");
  halted = 2;
}

void system_main(void) {
  apic_start();
  handlers[CALL_VECTOR] = take_call;
  handlers[ANSWER_VECTOR] = take_answer;
  handlers[2] = take_nmi;
  for (u64 i = 0; i < (u64)(real_end - real_start); i++) ((volatile u8 *)START_PAGE)[i] = (u8)real_start[i];
  ((volatile u8 *)START_PAGE)[0x810] = 0x5a;
  print("before the start: %u\n", starts);
  start_other();
  bool started = await(&starts, 1);
  volatile u16 *data = (u16 *)(START_PAGE + REAL_DATA);
  print("started: %u\n", (u64)started);
  if (!started) return;
  print("real mode: CS %x, CR0 %x; INT 60: IP +%u, DF %u, SP behind it %x; %x, wrapped %x\n", (u64)data[0],
        (u64)(data[1] & 0xf), (u64)data[2], (u64)(data[3] >> 10 & 1), (u64)data[5],
        (u64) * (volatile u32 *)(data + 6), (u64)(u8)data[10]);
  for (u64 i = 1; i <= 100; i++) {
    send(OTHER, CALL_VECTOR);
    if (!await(&answers, i)) break;
  }
  print("interrupts: %u there, %u back\n", calls, answers);
  work = halt;
  await(&halted, 1);
  send(OTHER, CALL_VECTOR);
  print("HLT ended by one: %u\n", (u64)await(&halted, 2));
  await(&answers, 101);
  send(OTHER, ICR_NMI);
  print("NMI: %u\n", (u64)await(&other_nmis, 1));
  apic_write(APIC_ICR_LOW, 0xc0000 | ICR_ASSERT | CALL_VECTOR); /* all but this one */
  await(&answers, 102);
  print("to all others: %u there, %u back\n", calls, answers);
  change_code();
  together();
  translations();
  start_other();
  print("INIT and a second start: %u\n", (u64)await(&starts, 2));
  run(add);
  print("and it works: %u\n", locked_sum);
}
