/* Single steps: which instruction boundaries trap, and what is in DR6. */
#include "lib/system.h"

static u64 steps[64], count, dr6, outside;
static u64 base;

static bool step(struct trap *trap) {
  u64 v;
  __asm__ volatile("mov %%dr6, %0" : "=r"(v));
  dr6 = v;
  __asm__ volatile("mov %0, %%dr6" : : "r"(0xffff0ff0ull));
  if (!recover_stack) outside++;
  if (count < 64) steps[count++] = trap->rip;
  return true;
}

/* In ring 3 the way out is a gate, which clears TF. */
static void show(const char *what, void *code, u64 argument, bool in_user, u64 flags) {
  count = 0;
  base = in_user ? user(code) : (u64)code;
  bool trapped = in_user ? attempt_user(code, argument, flags) : attempt(code, argument);
  print("%s:", what);
  for (u64 i = 0; i < count; i++) {
    u64 offset = steps[i] - base;
    if (offset < 256) print(" +%u", offset);
    else print(steps[i] == user(user_end) ? " end" : " elsewhere");
  }
  print("; ");
  print_outcome(trapped, code);
  print("\n");
}

#define SET "pushfq\norl $0x100, (%rsp)\npopfq\n"
#define CLEAR "\npushfq\nandl $~0x100, (%rsp)\npopfq"

SNIPPET(plain, SET "nop\nnop" CLEAR);
SNIPPET(moves, "nop\nmov %eax, %eax\nnop");
SNIPPET(jumps, "jmp 1f\nnop\n1: nop\ncall 2f\nnop\njmp 3f\n2: ret\n3: nop");
SNIPPET(repeats, "mov %rdi, %rsi\nmov $3, %ecx\nrep movsb\nnop");
SNIPPET(repeats_none, "xor %ecx, %ecx\nrep movsb\nnop");
SNIPPET(mov_ss, SET "mov $0x18, %eax\nmov %eax, %ss\nnop\nnop" CLEAR);
SNIPPET(faults, "nop\nud2");
SNIPPET(gate, SET "nop\nint $0x90\nnop" CLEAR);
SNIPPET(out_port, SET "nop\nout %al, $0x80\nnop" CLEAR);
SNIPPET(in_port, SET "nop\nin $0x61, %al\nnop" CLEAR);
SNIPPET(device, SET "nop\nmov 0xfee00020, %eax\nnop" CLEAR);
SNIPPET(cpuids, SET "nop\ncpuid\nnop" CLEAR);
SNIPPET(control, SET "nop\nmov %cr3, %rax\nmov %rax, %cr3\nnop" CLEAR);
SNIPPET(msr, SET "nop\nmov $0x10, %ecx\nrdmsr\nnop" CLEAR);
SNIPPET(sti, SET "nop\nsti\nnop\nnop\ncli\nnop" CLEAR);
SNIPPET(pushes_tf, SET "pushfq\npop %rdx" CLEAR);
SNIPPET(icebp, "nop\n.byte 0xf1\nnop");
SNIPPET(syscall_it, "nop\nsyscall\nnop");
SNIPPET(change_dr7, "mov %rdi, %dr7");

static bool back(struct trap *trap) {
  (void)trap;
  return true;
}
__asm__(".text\nstep_syscall:\nnop\nsysretq\n");
extern char step_syscall[];

void system_main(void) {
  handlers[1] = step;
  handlers[0x90] = back;
  show("POPF sets TF", plain, 0, false, 0);
  print("DR6 %x\n", dr6);
  show("ring 3, moves", moves, 0, true, FLAG_TF);
  show("ring 3, jumps, call and return", jumps, 0, true, FLAG_TF);
  show("ring 3, REP MOVSB of 3", repeats, user(spare[0]), true, FLAG_TF);
  show("ring 3, REP MOVSB of 0", repeats_none, user(spare[0]), true, FLAG_TF);
  show("ring 3, a fault", faults, 0, true, FLAG_TF);
  print(" TF in its frame: %u\n", seen.flags >> 8 & 1);
  show("MOV SS", mov_ss, 0, false, 0);
  show("INT", gate, 0, false, 0);
  show("STI", sti, 0, false, 0);
  show("CPUID", cpuids, 0, false, 0);
  show("CR3", control, 0, false, 0);
  show("RDMSR", msr, 0, false, 0);
  show("OUT", out_port, 0, false, 0);
  show("IN", in_port, 0, false, 0);
  show("a device's register", device, 0, false, 0);
  show("PUSHF with TF", pushes_tf, 0, false, 0);
  handlers[1] = 0;
  report("INT1", attempt(icebp, 0), icebp);
  handlers[1] = step;
  write_msr(0xc0000081, (u64)SYSRET_BASE << 48 | (u64)KERNEL_CODE << 32);
  write_msr(0xc0000082, (u64)step_syscall);
  write_msr(0xc0000084, FLAG_TF);
  show("ring 3, SYSCALL that clears TF", syscall_it, 0, true, FLAG_TF);
  print("traps of nobody's code: %u\n", outside);
  report("DR7, bits above 31", attempt(change_dr7, 1ull << 32), change_dr7);
}
