/* Hardware breakpoints: which instructions and accesses meet them, when they trap, what DR6 says. */
#include "lib/system.h"

#define FLAG_RF 0x10000
#define CR4_DE 0x8
#define DR6_CLEAR 0xffff0ff0ull
#define DR6_TOLD 0x600f /* BS, BD, B0 to B3 */
#define DR7_GD 0x2000
#define DR7_LOCAL 1
#define DR7_GLOBAL 2

enum { FETCH, WRITE, PORT, DATA };

static u64 dr7(u32 n, u32 on, u32 kind, u32 bytes) {
  u64 length = bytes == 8 ? 2 : bytes - 1;
  return (u64)on << 2 * n | (u64)kind << (16 + 4 * n) | length << (18 + 4 * n);
}

static void set_address(u32 n, u64 address) {
  switch (n) {
    case 0: __asm__ volatile("mov %0, %%dr0" : : "r"(address)); break;
    case 1: __asm__ volatile("mov %0, %%dr1" : : "r"(address)); break;
    case 2: __asm__ volatile("mov %0, %%dr2" : : "r"(address)); break;
    default: __asm__ volatile("mov %0, %%dr3" : : "r"(address));
  }
}
static void set_dr7(u64 v) { __asm__ volatile("mov %0, %%dr7" : : "r"(v) : "memory"); }

/* Debug exceptions so far: where they came, DR6, RF in the frame. */
static struct { u64 rip, dr6, resumes; } met[64];
static u64 count, breakpoint, refusals;

/* Lets the instruction at `breakpoint` go on, after as many refusals. */
static bool debug(struct trap *trap) {
  u64 dr6;
  __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
  __asm__ volatile("mov %0, %%dr6" : : "r"(DR6_CLEAR));
  if (count < 64) {
    met[count].rip = trap->rip;
    met[count].dr6 = dr6 & DR6_TOLD;
    met[count++].resumes = trap->flags >> 16 & 1;
  }
  if (trap->rip != breakpoint || !(dr6 & 0xf)) return true;
  if (refusals) refusals--;
  else trap->flags |= FLAG_RF;
  return true;
}

static void print_met(u64 code) {
  for (u64 i = 0; i < count; i++) {
    u64 offset = met[i].rip - code;
    if (offset < 256) print(" +%u", offset);
    else print(met[i].rip == user(user_end) ? " end" : " elsewhere");
    print("(%x%s)", met[i].dr6, met[i].resumes ? ", RF" : "");
  }
  print("; ");
}

/* Runs code under DR7. */
static void show(const char *what, u64 on, void *code, u64 argument, bool in_user, u64 flags) {
  count = 0;
  set_dr7(on);
  bool trapped = in_user ? attempt_user(code, argument, flags) : attempt(code, argument);
  set_dr7(0);
  print("%s:", what);
  print_met(in_user ? user(code) : (u64)code);
  print_outcome(trapped, code);
  print("\n");
}

static void show_at(const char *what, u32 on, char *code, u64 offset, u64 argument) {
  breakpoint = (u64)code + offset;
  set_address(0, breakpoint);
  show(what, dr7(0, on, FETCH, 1), code, argument, false, 0);
}

#define SET "pushfq\norl $0x100, (%rsp)\npopfq\n"
#define CLEAR "\npushfq\nandl $~0x100, (%rsp)\npopfq"

SNIPPET(nops, "nop\nnop\nnop");
SNIPPET(loops, "mov $3, %ecx\n1: dec %ecx\njnz 1b");
SNIPPET(undefined, "nop\nud2");
SNIPPET(moves_ss, "mov $0x18, %eax\nmov %eax, %ss\nnop\nnop");
SNIPPET(sets_rf, "pushfq\norl $0x10000, (%rsp)\npopfq\nnop");
SNIPPET(repeats, "mov %rdi, %rsi\nmov $3, %ecx\nrep movsb\nnop");
SNIPPET(repeats_stepped, SET "mov %rdi, %rsi\nmov $3, %ecx\nrep movsb" CLEAR);
SNIPPET(calls, "call 1f\nnop\njmp 2f\n1: ret\n2: nop");
SNIPPET(cpuids, "cpuid\nnop");
SNIPPET(device_read, "mov 0xfee00020, %eax\nnop");
SNIPPET(changes_itself, "movb $0x90, 1f(%rip)\n1: nop\nnop");

static void by_instructions(void) {
  show_at("an instruction, local", DR7_LOCAL, nops, 1, 0);
  show_at("an instruction, global", DR7_GLOBAL, nops, 1, 0);
  show_at("the first one", DR7_LOCAL, nops, 0, 0);
  show_at("off", 0, nops, 1, 0);
  show_at("not its first byte", DR7_LOCAL, loops, 1, 0);
  show_at("in a loop", DR7_LOCAL, loops, 5, 0);
  refusals = 2;
  show_at("RF left clear twice", DR7_LOCAL, nops, 1, 0);
  set_address(2, (u64)nops + 1);
  breakpoint = (u64)nops + 1;
  set_address(0, breakpoint);
  show("two at one", dr7(0, DR7_LOCAL, FETCH, 1) | dr7(2, DR7_GLOBAL, FETCH, 1), nops, 0, false, 0);
  show("LE and GE alone", 0x300, nops, 0, false, 0);
  set_address(2, 0);
  show_at("of an undefined one", DR7_LOCAL, undefined, 1, 0);
  print(" RF in its frame: %u\n", seen.flags >> 16 & 1);
  show_at("behind MOV SS", DR7_LOCAL, moves_ss, 7, 0);
  show_at("two behind MOV SS", DR7_LOCAL, moves_ss, 8, 0);
  show_at("behind POPF with RF", DR7_LOCAL, sets_rf, 9, 0);
  show_at("REP MOVSB", DR7_LOCAL, repeats, 8, (u64)spare[0]);
  show_at("REP MOVSB, stepped", DR7_LOCAL, repeats_stepped, 17, (u64)spare[0]);
  show_at("the target of a call", DR7_LOCAL, calls, 8, 0);
  show_at("behind a call", DR7_LOCAL, calls, 5, 0);
  show_at("CPUID", DR7_LOCAL, cpuids, 0, 0);
  show_at("a device's register", DR7_LOCAL, device_read, 0, 0);
  show_at("changed code", DR7_LOCAL, changes_itself, 7, 0);
  breakpoint = (u64)window(9);
  set_address(0, breakpoint);
  show("where nothing is mapped", dr7(0, DR7_LOCAL, FETCH, 1), window(9), 0, false, 0);
  breakpoint = user(nops) + 1;
  set_address(0, breakpoint);
  show("in ring 3", dr7(0, DR7_LOCAL, FETCH, 1), nops, 0, true, 0);
  show("in ring 3, stepped", dr7(0, DR7_LOCAL, FETCH, 1), nops, 0, true, FLAG_TF);
  breakpoint = 0;
}

SNIPPET(writes, "movb $1, (%rdi)\nnop");
SNIPPET(reads, "mov (%rdi), %al\nnop");
SNIPPET(reads_word, "mov (%rdi), %ax\nnop");
SNIPPET(writes8, "mov %rax, (%rdi)\nnop");
SNIPPET(adds, "add $1, (%rdi)\nnop");
SNIPPET(writes16, "movups %xmm0, (%rdi)\nnop");
SNIPPET(exchanges, "xchg %eax, (%rdi)\nnop");
SNIPPET(compares, "mov $1, %eax\nmovl $2, (%rdi)\nlock cmpxchg %ecx, (%rdi)\nnop");
SNIPPET(stores_string, "mov $4, %ecx\nrep stosb\nnop");
SNIPPET(moves_string, "mov %rdi, %rsi\nmov $0x8000a000, %edi\nmovsb\nnop");
SNIPPET(pushes, "mov %rsp, %rdx\nmov %rdi, %rsp\nadd $8, %rsp\npush %rax\nmov %rdx, %rsp");
SNIPPET(pops_ss, "mov %ss, (%rdi)\nnop\nmov (%rdi), %ss\nnop\nnop");
SNIPPET(writes_stepped, SET "movb $1, (%rdi)\nnop" CLEAR);
SNIPPET(writes_dr7, "nop\nmov %rdi, %dr7");
SNIPPET(loads_x87, "fninit\nfldt (%rdi)\nfstp %st(0)\nnop");
SNIPPET(saves_x87, "fxsave (%rdi)\nnop");
SNIPPET(tests_bit, "xor %esi, %esi\nbts %rsi, (%rdi)\nnop");

static void show_data(const char *what, u32 kind, u32 bytes, void *code, u64 watched, u64 argument) {
  set_address(1, watched);
  show(what, dr7(1, DR7_LOCAL, kind, bytes), code, argument, false, 0);
}

/* Offsets around an aligned breakpoint at which an access of one byte, or of 8, meets it. */
static void show_reach(u32 bytes, void *code) {
  u64 middle = (u64)spare[1] + 64, reached = 0;
  set_address(1, middle);
  set_dr7(dr7(1, DR7_LOCAL, WRITE, bytes));
  for (u32 i = 0; i < 24; i++) {
    count = 0;
    attempt(code, middle - 8 + i);
    if (count) reached |= 1ull << i;
  }
  set_dr7(0);
  print("%u bytes, %s:", bytes, code == writes ? "a byte at" : "8 bytes at");
  for (u32 i = 0; i < 24; i++) {
    if (!(reached >> i & 1)) continue;
    if (i < 8) print(" -%u", 8 - i);
    else print(" %u", i - 8);
  }
  print("\n");
}

static void by_data(void) {
  u64 at = (u64)spare[1] + 64;
  show_data("a write", WRITE, 1, writes, at, at);
  show_data("a read of what is for writes", WRITE, 1, reads, at, at);
  show_data("a read", DATA, 1, reads, at, at);
  show_data("a write of what is for both", DATA, 1, writes, at, at);
  for (u32 bytes = 1; bytes <= 8; bytes *= 2) show_reach(bytes, writes);
  for (u32 bytes = 1; bytes <= 8; bytes *= 2) show_reach(bytes, writes8);
  show_data("whose address is not aligned", WRITE, 4, writes, at + 3, at);
  show_data("ADD to memory", WRITE, 4, adds, at, at);
  show_data("across pages", WRITE, 2, writes8, (u64)spare[2], (u64)spare[2] - 4);
  show_data("16 bytes", WRITE, 8, writes16, at, at - 8);
  show_data("XCHG", WRITE, 4, exchanges, at, at);
  show_data("CMPXCHG that fails", WRITE, 4, compares, at, at);
  show_data("REP STOSB", WRITE, 1, stores_string, at + 2, at);
  show_data("REP STOSB, the last", WRITE, 1, stores_string, at + 3, at);
  show_data("MOVSB whose write faults", DATA, 1, moves_string, at, at);
  show_data("PUSH", WRITE, 8, pushes, at, at);
  show_data("MOV SS", DATA, 2, pops_ss, at, at);
  show_data("stepped", WRITE, 1, writes_stepped, at, at);
  show_data("FLD of 80 bits", DATA, 2, loads_x87, at + 8, at);
  show_data("FXSAVE", WRITE, 4, saves_x87, at + 64, at);
  show_data("BTS", WRITE, 8, tests_bit, at, at);
  show_data("a device's register", DATA, 4, device_read, 0xfee00020, 0);
  set_address(1, at);
  set_address(3, at + 1);
  show("two at once", dr7(1, DR7_LOCAL, DATA, 1) | dr7(3, DR7_GLOBAL, DATA, 1), reads_word, at, false, 0);
  set_address(1, user(spare[1]));
  show("in ring 3", dr7(1, DR7_LOCAL, WRITE, 1), writes, user(spare[1]), true, 0);
  show("its other address", dr7(1, DR7_LOCAL, WRITE, 1), writes, (u64)spare[1], false, 0);
}

SNIPPET(out_port, "out %al, $0x80\nnop");
SNIPPET(out_string, "mov $0x80, %edx\nmov %rdi, %rsi\nmov $2, %ecx\nrep outsb\nnop");
SNIPPET(in_port, "mov $0x61, %edx\nin %dx, %al\nnop");
SNIPPET(reads_dr4, "mov %dr4, %rax");

static void by_ports(void) {
  u64 cr4 = read_cr4();
  write_cr4(cr4 | CR4_DE);
  set_address(0, 0x80);
  show("OUT", dr7(0, DR7_LOCAL, PORT, 1), out_port, 0, false, 0);
  show("REP OUTSB", dr7(0, DR7_LOCAL, PORT, 1), out_string, (u64)spare[0], false, 0);
  set_address(0, 0x60);
  show("IN from the second port of two", dr7(0, DR7_LOCAL, PORT, 2), in_port, 0, false, 0);
  show("IN from another port", dr7(0, DR7_LOCAL, PORT, 1), in_port, 0, false, 0);
  report("DR4 with DE", attempt(reads_dr4, 0), reads_dr4);
  write_cr4(cr4);
  report("DR4 without DE", attempt(reads_dr4, 0), reads_dr4);
}

static void by_registers(void) {
  u64 value;
  breakpoint = 0;
  show("DR7 with GD", DR7_GD, writes_dr7, 0, false, 0);
  set_dr7(0);
  __asm__ volatile("mov %%dr7, %0" : "=r"(value));
  print("DR7 %x\n", value);
  set_address(3, 0x123456789abcdef0);
  __asm__ volatile("mov %%dr3, %0" : "=r"(value));
  print("DR3 %x\n", value);
  set_address(3, 0);
}

void system_main(void) {
  handlers[1] = debug;
  by_instructions();
  by_data();
  by_ports();
  by_registers();
}
