/* Delivery: stacks, alignment, IST, gates and flags, and what a fault in it becomes. */
#include "lib/system.h"

SNIPPET(breakpoint, "int3");
SNIPPET(breakpoint_odd, "mov %rsp, %rdx\nsub $5, %rsp\nint3\nmov %rdx, %rsp");
SNIPPET(undefined, "ud2");
SNIPPET(undefined_flags, "mov $0x4cd7, %eax\npush %rax\npopfq\nud2");
SNIPPET(breakpoint_if, "sti\nnop\nint3\ncli");
SNIPPET(bad_stack, "mov %rdi, %rsp\nint3");
SNIPPET(bad_stack_ud, "mov %rdi, %rsp\nud2");
SNIPPET(divide, "xor %ecx, %ecx\ndiv %ecx");
SNIPPET(read_at, "mov (%rdi), %al");

/* Where a frame lies: the distance of its end from a stack's. */
static void where(const char *what, bool trapped, const void *code, const char *stack) {
  print("%s: ", what);
  print_outcome(trapped, code);
  u64 end = (u64)stack - seen_at - (5 * 8 + (seen.vector == 8 || seen.vector == 14 ? 8 : 0));
  print(", CS %x SS %x, frame's end at the stack's less %u\n", seen.cs, seen.ss, end);
}

static u64 interrupted_flags;
static bool keep_flags(struct trap *trap) {
  (void)trap;
  __asm__ volatile("pushfq\n\tpopq %0" : "=r"(interrupted_flags));
  return true;
}

void system_main(void) {
  /* In ring 0 the frame lies on the same stack, aligned to 16 bytes; RSP in it is as it was. */
  bool trapped = attempt(breakpoint, 0);
  print("ring 0: CS %x SS %x, RSP of the frame %s, aligned to 16: %u\n", seen.cs, seen.ss,
        seen.rsp < (u64)stack_end && seen.rsp > (u64)stack_end - STACK_BYTES ? "on the stack" : "elsewhere",
        (u64)((seen_at + (trapped ? 40 : 0)) % 16 == 0));
  attempt(breakpoint_odd, 0);
  print("ring 0, RSP odd: frame's end is %u below it, aligned to 16: %u\n", seen.rsp - (seen_at + 40),
        (u64)((seen_at + 40) % 16 == 0));

  where("ring 3", attempt_user(breakpoint, 0, 0), breakpoint, trap_stack_end);
  print(" RSP of the frame: the user's stack less %u\n", user(user_stack_end) - seen.rsp);
  set_tss_stack(TSS_RSP0, (u64)trap_stack_end - 13);
  where("ring 3, RSP0 odd", attempt_user(breakpoint, 0, 0), breakpoint, trap_stack_end);
  set_tss_stack(TSS_RSP0, (u64)trap_stack_end);
  set_tss_stack(TSS_IST(3), (u64)other_stack_end - 8);
  default_gate(3, GATE_INTERRUPT | GATE_DPL3, 3);
  where("ring 3, IST", attempt_user(breakpoint, 0, 0), breakpoint, other_stack_end);
  where("ring 0, IST", attempt(breakpoint, 0), breakpoint, other_stack_end);
  default_gate(3, GATE_INTERRUPT | GATE_DPL3, 0);
  where("a page fault's frame", attempt_user(read_at, WINDOW, 0), read_at, trap_stack_end);

  handlers[3] = keep_flags;
  attempt(breakpoint_if, 0);
  print("interrupt gate: IF %u", interrupted_flags >> 9 & 1);
  default_gate(3, GATE_TRAP | GATE_DPL3, 0);
  attempt(breakpoint_if, 0);
  print(", trap gate: IF %u\n", interrupted_flags >> 9 & 1);
  handlers[3] = 0;
  attempt(undefined_flags, 0);
  print("flags in the frame but RF: %x\n", seen.flags & ~0x10000ull);

  /* What a fault in the delivery becomes, on a stack that is good. */
  set_tss_stack(TSS_IST(2), (u64)other_stack_end);
  default_gate(8, GATE_INTERRUPT, 2);
  where("page fault on a stack that is not there", attempt(bad_stack, WINDOW + 0x800), bad_stack, other_stack_end);
  print(" CR2 %x\n", seen_cr2);
  where("#UD, stack not canonical", attempt(bad_stack_ud, 0x800000000000), bad_stack_ud, other_stack_end);
  set_tss_stack(TSS_IST(1), 0x900000000000);
  default_gate(6, GATE_INTERRUPT, 1);
  report("#UD, IST not canonical", attempt(undefined, 0), undefined);
  default_gate(6, GATE_INTERRUPT, 0);
  /* A contributory fault in the delivery of a page fault, and of a benign exception. */
  idt[14][0] &= ~(0x80ull << 40);
  where("page fault, its gate absent", attempt(read_at, WINDOW), read_at, other_stack_end);
  default_gate(14, GATE_INTERRUPT, 0);
  idt[0][0] &= ~(0x80ull << 40);
  idt[11][0] &= ~(0x80ull << 40);
  where("#DE, its gate absent", attempt(divide, 0), divide, other_stack_end);
  default_gate(0, GATE_INTERRUPT, 0);
  default_gate(11, GATE_INTERRUPT, 0);
  /* The stack of ring 0 not there: #PF while #BP is delivered, which is benign, then on the same stack #PF. */
  set_tss_stack(TSS_RSP0, WINDOW + 0x800);
  where("ring 3, RSP0 not there", attempt_user(undefined, 0, 0), undefined, other_stack_end);
  set_tss_stack(TSS_RSP0, (u64)trap_stack_end);
  report("and it is as before", attempt_user(undefined, 0, 0), undefined);
}
