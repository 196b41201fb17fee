/* RFLAGS by privilege, I/O permission, and the fast system calls. */
#include "lib/system.h"

SNIPPET(popf_all, "push %rdi\npopfq\npushfq\npop %rax\npushq $2\npopfq");
SNIPPET(popf_word, "push %di\npopfw\npushfq\npop %rax\npushq $2\npopfq");
SNIPPET(iret_flags, "mov %rsp, %rdx\nlea 1f(%rip), %rax\nmov %ss, %ecx\npush %rcx\npush %rdx\npush %rdi\nmov %cs, %ecx\npush %rcx\npush %rax\niretq\n1: pushfq\npop %rax\npushq $2\npopfq");
SNIPPET(cli_it, "cli");
SNIPPET(sti_it, "sti\ncli");
SNIPPET(out_one, "mov %edi, %edx\nout %al, %dx");
SNIPPET(out_two, "mov %edi, %edx\nout %ax, %dx");
SNIPPET(in_four, "mov %edi, %edx\nin %dx, %eax");
SNIPPET(sahf_lahf, "mov %edi, %eax\nsahf\nlahf\nmovzx %ah, %eax");

#define IOPL3 0x3000
#define ALL 0x003d4cd5ull /* every flag but TF, IF, IOPL, VM */

static u64 result;
static bool take_rax(struct trap *trap) {
  result = trap->rax;
  return false;
}

static void user_flags(const char *what, void *code, u64 flags, u64 wanted) {
  bool trapped = attempt_user(code, wanted, flags);
  print("ring 3, %s: ", what);
  if (trapped && seen.vector != END_OF_USER) print_outcome(true, code);
  else print("%x", result);
  print("\n");
}

static u64 kernel_rax;
static void in_kernel(u64 wanted) {
  __asm__ volatile("push %1\n\tpopfq\n\tpushfq\n\tpop %0\n\tpushq $2\n\tpopfq" : "=r"(kernel_rax) : "r"(wanted) : "cc", "memory");
}

static void flags(void) {
  handlers[END_OF_USER] = take_rax;
  attempt(in_kernel, ALL);
  print("ring 0, POPF of all: %x\n", kernel_rax);
  attempt(in_kernel, 0x3000);
  print("ring 0, POPF of IOPL 3: %x\n", kernel_rax);
  attempt(in_kernel, 0x1b0000);
  print("ring 0, POPF of RF, VM, VIF, VIP: %x\n", kernel_rax);
  user_flags("POPF of all, IOPL 0", popf_all, 0, ALL);
  user_flags("POPF of IF and IOPL, IOPL 0, IF set", popf_all, FLAG_IF, 0x3000);
  user_flags("POPF of IF and IOPL, IOPL 0", popf_all, 0, 0x3200);
  user_flags("POPF of 16 bits, AC and ID set", popf_word, 0x240000, 0x8d5);
  user_flags("IRET of all, IOPL 0", iret_flags, 0, ALL);
  user_flags("IRET of IF and IOPL, IOPL 3, IF set", iret_flags, FLAG_IF | IOPL3, 0);
  user_flags("SAHF of all, LAHF", sahf_lahf, 0, 0xff00);
  user_flags("SAHF of none, LAHF", sahf_lahf, 0, 0);
  report("ring 3, CLI, IOPL 0", attempt_user(cli_it, 0, 0), cli_it);
  report("ring 3, STI, IOPL 0", attempt_user(sti_it, 0, 0), sti_it);
  report("ring 3, CLI, IOPL 3", attempt_user(cli_it, 0, IOPL3), cli_it);
  report("ring 3, STI, IOPL 3", attempt_user(sti_it, 0, IOPL3), sti_it);
}

static void allow(u16 port, bool allowed) {
  u8 bit = (u8)(1 << port % 8);
  volatile u8 *byte = &tss[TSS_BYTES + port / 8];
  *byte = allowed ? *byte & (u8)~bit : *byte | bit;
}

static void ports(void) {
  report("OUT, no bit", attempt_user(out_one, 0x80, 0), out_one);
  allow(0x80, true);
  report("OUT, its bit", attempt_user(out_one, 0x80, 0), out_one);
  report("OUT of two, one bit", attempt_user(out_two, 0x80, 0), out_two);
  allow(0x87, true);
  allow(0x88, true);
  report("OUT of two across bytes", attempt_user(out_two, 0x87, 0), out_two);
  report("IN of four across bytes, two bits", attempt_user(in_four, 0x87, 0), in_four);
  report("OUT beyond the bitmap", attempt_user(out_one, TSS_PORTS + 8, 0), out_one);
  report("OUT beyond the bitmap, IOPL 3", attempt_user(out_one, 0x80, IOPL3), out_one);
}

#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_SFMASK 0xc0000084
#define MSR_EFER 0xc0000080
#define MSR_SYSENTER_CS 0x174

u64 call_rcx, call_r11, call_flags, call_rsp, call_cs, call_ss, user_rsp;
/* Keeps what SYSCALL left, gives RDI & 1 a way back by SYSRET, else ends by INT in ring 0. */
__asm__(
    ".text\nsyscall_entry:\n"
    "mov %rcx, call_rcx\nmov %r11, call_r11\nmov %rsp, call_rsp\n"
    "mov %rsp, user_rsp\nmov $trap_stack_end, %esp\npushfq\npopq call_flags\n"
    "mov %cs, call_cs\nmov %ss, call_ss\n"
    "mov user_rsp, %rsp\nsysretq\n"
    "sysenter_entry:\n"
    "mov %rsp, call_rsp\nmov $trap_stack_end, %esp\npushfq\npopq call_flags\n"
    "mov %cs, call_cs\nmov %ss, call_ss\n"
    "mov %r8, %rcx\nmov %r9, %rdx\nrex.w sysexit\n");
extern char syscall_entry[], sysenter_entry[];
SNIPPET(do_syscall, "mov $0x1234, %r11d\nstc\nsyscall\nmov %cs, %eax\nmov %ss, %edx\npushfq\npop %rcx");
SNIPPET(do_sysenter, "mov %rsp, %r8\nlea 1f(%rip), %r9\nstc\nsysenter\n1: mov %cs, %eax\nmov %ss, %edx");
SNIPPET(do_sysret, "sysretq");

static void fast_calls(void) {
  write_msr(MSR_STAR, (u64)SYSRET_BASE << 48 | (u64)KERNEL_CODE << 32);
  write_msr(MSR_LSTAR, (u64)syscall_entry);
  write_msr(MSR_SFMASK, 0x1 | FLAG_IF | FLAG_DF);
  bool trapped = attempt_user(do_syscall, 0, FLAG_DF | FLAG_IF);
  report("SYSCALL and SYSRET", trapped, do_syscall);
  print(" RCX: +%u, R11 %x, flags %x, CS %x, SS %x, RSP as it was: %u\n", call_rcx - user(do_syscall), call_r11,
        call_flags, call_cs & 0xffff, call_ss & 0xffff, (u64)(call_rsp == user(user_stack_end) - 8));
  print(" back: CS %x, SS %x, flags %x\n", seen.rax & 0xffff, seen.rdx & 0xffff, seen.rcx);
  report("SYSRET in ring 3", attempt_user(do_sysret, 0, 0), do_sysret);
  write_msr(MSR_EFER, read_msr(MSR_EFER) & ~1ull);
  report("SYSCALL without SCE", attempt_user(do_syscall, 0, 0), do_syscall);
  write_msr(MSR_EFER, read_msr(MSR_EFER) | 1);

  write_msr(MSR_SYSENTER_CS, 0);
  report("SYSENTER without a segment", attempt_user(do_sysenter, 0, 0), do_sysenter);
  write_msr(MSR_SYSENTER_CS, KERNEL_CODE);
  write_msr(MSR_SYSENTER_CS + 1, (u64)other_stack_end);
  write_msr(MSR_SYSENTER_CS + 2, (u64)sysenter_entry);
  trapped = attempt_user(do_sysenter, 0, FLAG_IF);
  report("SYSENTER and SYSEXIT", trapped, do_sysenter);
  if (seen.vector != END_OF_USER) return;
  print(" flags %x, CS %x, SS %x, RSP from the MSR: %u; back: CS %x, SS %x\n", call_flags, call_cs & 0xffff,
        call_ss & 0xffff, (u64)(call_rsp == (u64)other_stack_end), seen.rax & 0xffff, seen.rdx & 0xffff);
}

void system_main(void) {
  flags();
  ports();
  fast_calls();
}
