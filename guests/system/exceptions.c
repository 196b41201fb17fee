/* Exceptions: vector, error code, and where their RIP points. */
#include "lib/system.h"

SNIPPET(divide, "xor %ecx, %ecx\ndiv %ecx");
SNIPPET(divide_overflow, "mov $2, %edx\nmov $1, %ecx\ndiv %ecx");
SNIPPET(idiv_least, "mov $0x80000000, %eax\ncltd\nmov $-1, %ecx\nidiv %ecx");
SNIPPET(breakpoint, "nop\nint3");
SNIPPET(undefined, "nop\nud2");
SNIPPET(lock_register, ".byte 0xf0\nadd %eax, %eax");
SNIPPET(lock_mov, ".byte 0xf0\nmov %eax, (%rdi)");
SNIPPET(into64, ".byte 0xce");
SNIPPET(too_long, ".byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66\nnop");
SNIPPET(just_long, ".byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66\nnop");
SNIPPET(read_at, "mov (%rdi), %al");
SNIPPET(read_by_rbp, "mov %rdi, %rbp\nmov (%rbp), %al");
SNIPPET(read_by_rsp, "mov %rsp, %rdx\nmov %rdi, %rsp\nmov (%rsp), %al\nmov %rdx, %rsp");
SNIPPET(push_bad, "mov %rdi, %rsp\npush %rax");
SNIPPET(jump_to, "jmp *%rdi");
SNIPPET(call_to, "call *%rdi");
SNIPPET(return_to, "push %rdi\nret");
SNIPPET(movaps_at, "movaps (%rdi), %xmm0");
SNIPPET(movups_at, "movups (%rdi), %xmm0");
SNIPPET(paddd_at, "paddd (%rdi), %xmm0");
SNIPPET(cmpxchg16b_at, "cmpxchg16b (%rdi)");
SNIPPET(fxsave_at, "fxsave (%rdi)");
SNIPPET(fld, "fld1\nfstp %st(0)");
SNIPPET(wait, "fwait");
SNIPPET(mmx, "pxor %mm0, %mm0\nemms");
SNIPPET(sse, "pxor %xmm0, %xmm0");
SNIPPET(int_number, "int $0x90");
SNIPPET(int_beyond, "int $0xf0");
SNIPPET(hlt, "hlt");
SNIPPET(read_cr, "mov %cr0, %rax");
SNIPPET(cr1, ".byte 0x0f, 0x20, 0xc8");
SNIPPET(rdmsr_of, "mov %edi, %ecx\nrdmsr");
SNIPPET(wrmsr_bad_address, "mov %edi, %ecx\nmov $0x8000, %edx\nxor %eax, %eax\nwrmsr");
SNIPPET(xsetbv_bad, "xor %ecx, %ecx\nxor %edx, %edx\nmov $2, %eax\nxsetbv");
SNIPPET(sgdt_user, "sub $16, %rsp\nsgdt (%rsp)\nadd $16, %rsp");
SNIPPET(rdtsc_user, "rdtsc");
SNIPPET(swapgs_user, "swapgs");
SNIPPET(invlpg_user, "invlpg (%rdi)");
SNIPPET(invlpg_anywhere, "invlpg (%rdi)");

#define BAD 0x800000000000ull

static void in_user(const char *what, void *code) { report(what, attempt_user(code, 0, 0), code); }

static void by_addresses(void) {
  report("read, not canonical", attempt(read_at, BAD), read_at);
  report("read by RBP, not canonical", attempt(read_by_rbp, BAD), read_by_rbp);
  report("read by RSP, not canonical", attempt_user(read_by_rsp, BAD, 0), read_by_rsp);
  report("push, not canonical, ring 3", attempt_user(push_bad, BAD + 16, 0), push_bad);
  report("jump, not canonical", attempt(jump_to, BAD), jump_to);
  report("call, not canonical", attempt(call_to, BAD), call_to);
  report("return, not canonical", attempt(return_to, BAD), return_to);
  report("INVLPG, not canonical", attempt(invlpg_anywhere, BAD), invlpg_anywhere);
  u64 odd = (u64)spare[0] + 8;
  report("MOVAPS, not aligned", attempt(movaps_at, odd), movaps_at);
  report("MOVUPS, not aligned", attempt(movups_at, odd), movups_at);
  report("PADDD, not aligned", attempt(paddd_at, odd), paddd_at);
  report("CMPXCHG16B, not aligned", attempt(cmpxchg16b_at, odd), cmpxchg16b_at);
  report("CMPXCHG16B, aligned", attempt(cmpxchg16b_at, odd + 8), cmpxchg16b_at);
  report("FXSAVE, not aligned", attempt(fxsave_at, odd), fxsave_at);
}

static void by_fpu(void) {
  u64 cr0 = read_cr0(), cr4 = read_cr4();
  static const struct { const char *name; u64 cr0; } states[] = {
      {"TS", CR0_MP | CR0_TS}, {"TS without MP", CR0_TS}, {"EM", CR0_EM | CR0_MP}};
  for (u32 i = 0; i < 3; i++) {
    u64 value = (cr0 & ~(u64)(CR0_MP | CR0_TS | CR0_EM)) | states[i].cr0;
    print("%s:", states[i].name);
    static const struct { const char *name; void *code; } all[] = {
        {"x87", fld}, {"FWAIT", wait}, {"MMX", mmx}, {"SSE", sse}};
    for (u32 j = 0; j < 4; j++) {
      write_cr0(value);
      bool trapped = attempt(all[j].code, 0);
      write_cr0(cr0);
      print(" %s ", all[j].name);
      print_outcome(trapped, 0);
    }
    print("\n");
  }
  write_cr4(cr4 & ~(u64)CR4_OSFXSR);
  bool trapped = attempt(sse, 0);
  write_cr4(cr4);
  report("SSE without OSFXSR", trapped, sse);
}

static void by_gates(void) {
  report("INT to a gate", attempt(int_number, 0), int_number);
  in_user("INT to a gate of ring 0, ring 3", int_number);
  idt[0x90][0] &= ~(0x80ull << 40);
  report("INT to an absent gate", attempt(int_number, 0), int_number);
  set_gate(0x90, (u64)vectors, 0, GATE_INTERRUPT, 0);
  report("INT to a gate without a segment", attempt(int_number, 0), int_number);
  set_gate(0x90, (u64)vectors, KERNEL_DATA, GATE_INTERRUPT, 0);
  report("INT to a gate of a data segment", attempt(int_number, 0), int_number);
  set_gate(0x90, (u64)vectors, BOOT_CODE, GATE_INTERRUPT, 0);
  report("INT to a gate of a 32-bit segment", attempt(int_number, 0), int_number);
  set_gate(0x90, (u64)vectors, KERNEL_CODE, 0x85, 0);
  report("INT to a task gate", attempt(int_number, 0), int_number);
  default_gate(0x90, GATE_INTERRUPT, 0);
  struct table_pointer shorter = {0xf0 * 16 - 1, idt_pointer.base};
  lidt(&shorter);
  report("INT beyond the table", attempt(int_beyond, 0), int_beyond);
  lidt(&idt_pointer);
  idt[6][0] &= ~(0x80ull << 40);
  report("#UD to an absent gate", attempt(undefined, 0), undefined);
  default_gate(6, GATE_INTERRUPT, 0);
  default_gate(3, GATE_INTERRUPT, 0);
  in_user("INT3 to a gate of ring 0, ring 3", breakpoint);
  default_gate(3, GATE_INTERRUPT | GATE_DPL3, 0);
}

static void by_registers(void) {
  report("CR1", attempt(cr1, 0), cr1);
  report("RDMSR, unknown", attempt(rdmsr_of, 0x4b564dff), rdmsr_of);
  report("WRMSR, LSTAR not canonical", attempt(wrmsr_bad_address, 0xc0000082), wrmsr_bad_address);
  report("WRMSR, FS base not canonical", attempt(wrmsr_bad_address, 0xc0000100), wrmsr_bad_address);
  report("XSETBV without OSXSAVE", attempt(xsetbv_bad, 0), xsetbv_bad);
  write_cr4(read_cr4() | CR4_OSXSAVE);
  report("XSETBV without x87", attempt(xsetbv_bad, 0), xsetbv_bad);
}

static void by_privilege(void) {
  in_user("ring 3, HLT", hlt);
  in_user("ring 3, MOV from CR0", read_cr);
  in_user("ring 3, RDMSR", rdmsr_of);
  in_user("ring 3, SWAPGS", swapgs_user);
  in_user("ring 3, INVLPG", invlpg_user);
  in_user("ring 3, RDTSC", rdtsc_user);
  in_user("ring 3, SGDT", sgdt_user);
  u64 cr4 = read_cr4();
  write_cr4(cr4 | 4);
  in_user("ring 3, RDTSC with TSD", rdtsc_user);
  write_cr4(cr4 | 0x800);
  in_user("ring 3, SGDT with UMIP", sgdt_user);
  write_cr4(cr4);
}

void system_main(void) {
  report("DIV by 0", attempt(divide, 0), divide);
  report("DIV, too large", attempt(divide_overflow, 0), divide_overflow);
  report("IDIV of the least by -1", attempt(idiv_least, 0), idiv_least);
  report("INT3", attempt(breakpoint, 0), breakpoint);
  in_user("INT3, ring 3", breakpoint);
  report("UD2", attempt(undefined, 0), undefined);
  print("RF in the image of a fault: %u\n", seen.flags >> 16 & 1);
  report("LOCK with a register", attempt(lock_register, 0), lock_register);
  report("LOCK with MOV", attempt(lock_mov, (u64)spare[0]), lock_mov);
  report("INTO, 64-bit", attempt(into64, 0), into64);
  report("16 bytes of an instruction", attempt(too_long, 0), too_long);
  report("15 bytes of an instruction", attempt(just_long, 0), just_long);
  by_addresses();
  by_fpu();
  by_gates();
  by_registers();
  by_privilege();
}
