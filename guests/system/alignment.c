/* Alignment checks: which accesses of ring 3 fault with AM and AC, and which never do. */
#include "lib/system.h"

#define CR0_AM 0x40000

static void *code;
static u64 argument;

static bool faults(u64 flags) {
  bool trapped = attempt_user(code, argument, flags);
  return trapped && seen.vector == 17;
}

/* The offsets below 16 at which an operand faults. */
static void show(const char *what, void *snippet) {
  print("%s:", what);
  code = snippet;
  u32 others = 0;
  for (u32 i = 0; i < 16; i++) {
    argument = user(spare[1]) + 64 + i;
    if (faults(FLAG_AC)) print(" %u", i);
    else if (seen.vector != END_OF_USER) others |= 1u << i;
  }
  if (others) print(", not for alignment: %x", others);
  print("\n");
}

#define AT(name, text) SNIPPET(name, text)
AT(byte, "mov (%rdi), %al");
AT(word, "mov (%rdi), %ax");
AT(dword, "mov (%rdi), %eax");
AT(qword, "mov (%rdi), %rax");
AT(dword_write, "mov %eax, (%rdi)");
AT(dword_add, "addl $1, (%rdi)");
AT(dword_locked, "lock addl $1, (%rdi)");
AT(exchange, "xchg %eax, (%rdi)");
AT(compare8, "cmpxchg8b (%rdi)");
AT(single, "movss (%rdi), %xmm0");
AT(whole, "movsd (%rdi), %xmm0");
AT(aligned16, "movaps (%rdi), %xmm0");
AT(mmx, "movq (%rdi), %mm0\nemms");
AT(x87_64, "fninit\nfldl (%rdi)\nfstp %st(0)");
AT(x87_80, "fninit\nfldt (%rdi)\nfstp %st(0)");
AT(x87_store80, "fninit\nfldz\nfstpt (%rdi)");
AT(x87_control, "fnstcw (%rdi)");
AT(environment, "fnstenv (%rdi)");
AT(environment16, ".byte 0x66\nfnstenv (%rdi)");
AT(bit, "xor %ecx, %ecx\nbt %ecx, (%rdi)");
AT(string, "mov %rdi, %rsi\nlodsl");
AT(strings, "mov %rdi, %rsi\nmov $1, %ecx\nadd $64, %rdi\nrep movsw");
AT(pushes, "mov %rsp, %rdx\nmov %rdi, %rsp\npush %rax\nmov %rdx, %rsp");
AT(calls, "mov %rsp, %rdx\nmov %rdi, %rsp\ncall 1f\n1: mov %rdx, %rsp");
AT(table, "sgdt (%rdi)");
AT(mxcsr, "stmxcsr (%rdi)");
AT(swapped, "movbe (%rdi), %ax");
AT(flush, "clflush (%rdi)");
AT(sets_ac, "pushfq\norl $0x40000, (%rsp)\npopfq\nmov 1(%rdi), %eax");
AT(clears_ac, "pushfq\nandl $~0x40000, (%rsp)\npopfq\nmov 1(%rdi), %eax");
AT(across, "mov -1(%rdi), %eax");
AT(calls_kernel, "mov %rsp, %rdx\nadd $1, %rsp\nint $0x90\nmov %rdx, %rsp");
AT(ring0, "pushfq\norl $0x40000, (%rsp)\npopfq\nmov 1(%rdi), %eax\npushfq\nandl $~0x40000, (%rsp)\npopfq");

static bool back(struct trap *trap) {
  (void)trap;
  return true;
}

static void in_user(const char *what, void *snippet, u64 at, u64 flags) {
  report(what, attempt_user(snippet, at, flags), snippet);
}

void system_main(void) {
  u64 cr0 = read_cr0(), at = user(spare[1]);
  default_gate(0x90, GATE_INTERRUPT | GATE_DPL3, 0);
  handlers[0x90] = back;
  write_cr0(cr0 & ~(u64)CR0_AM);
  in_user("AC without AM", dword, at + 1, FLAG_AC);
  write_cr0(cr0 | CR0_AM);
  in_user("AM without AC", dword, at + 1, 0);
  in_user("both", dword, at + 1, FLAG_AC);
  in_user("POPF sets AC", sets_ac, at, 0);
  in_user("POPF clears AC", clears_ac, at, FLAG_AC);
  report("ring 0", attempt(ring0, (u64)spare[1]), ring0);
  in_user("across pages", across, at, FLAG_AC);
  in_user("where nothing is mapped", dword, WINDOW + 0x5001, FLAG_AC);
  in_user("a frame on a stack that is not aligned", calls_kernel, at, FLAG_AC);
  show("byte", byte);
  show("word", word);
  show("doubleword", dword);
  show("quadword", qword);
  show("write", dword_write);
  show("ADD", dword_add);
  show("LOCK ADD", dword_locked);
  show("XCHG", exchange);
  show("CMPXCHG8B", compare8);
  show("MOVSS", single);
  show("MOVSD", whole);
  show("MOVAPS", aligned16);
  show("MOVQ", mmx);
  show("FLD, 64 bits", x87_64);
  show("FLD, 80 bits", x87_80);
  show("FSTP, 80 bits", x87_store80);
  show("FNSTCW", x87_control);
  show("FNSTENV", environment);
  show("FNSTENV of 16 bits", environment16);
  show("BT", bit);
  show("LODSD", string);
  show("REP MOVSW", strings);
  show("PUSH", pushes);
  show("CALL", calls);
  show("SGDT", table);
  show("STMXCSR", mxcsr);
  show("MOVBE", swapped);
  show("CLFLUSH", flush);
  write_cr0(cr0);
}
