/* Selectors that are refused, with which error code; LAR, LSL, VERR, VERW; call gates; far returns. */
#include "lib/system.h"

SNIPPET(load_ds, "mov %edi, %ds");
SNIPPET(load_ss, "mov %edi, %ss");
SNIPPET(load_fs, "mov %edi, %fs");
SNIPPET(load_tr, "ltr %di");
SNIPPET(load_ldt, "lldt %di");
SNIPPET(far_return, "lea 1f(%rip), %rax\npush %rdi\npush %rax\nlretq\n1:");
SNIPPET(iret_cs, "mov %rsp, %rdx\nlea 1f(%rip), %rax\npush $0x18\npush %rdx\npush $2\npush %rdi\npush %rax\niretq\n1:");
SNIPPET(iret_ss, "mov %rsp, %rdx\nlea 1f(%rip), %rax\npush %rdi\npush %rdx\npush $2\npush $0x10\npush %rax\niretq\n1:");
SNIPPET(iret_rip, "mov %rsp, %rdx\npush $0x18\npush %rdx\npush $2\npush $0x10\npush %rdi\niretq");
SNIPPET(iret_nt, "mov %rsp, %rdx\nlea 1f(%rip), %rax\npush $0x18\npush %rdx\npush $2\npush $0x10\npush %rax\npush $0x4002\npopfq\niretq\n1:");
SNIPPET(load_null_ss, "xor %eax, %eax\nmov %eax, %ss");
SNIPPET(load_null_ss_rpl, "mov $3, %eax\nmov %eax, %ss");

u64 gate_cs, gate_ss, gate_rsp;
/* Entered through a call gate. */
__asm__(".text\ncall_gate_entry:\nmov %cs, gate_cs\nmov %ss, gate_ss\nmov %rsp, gate_rsp\nlretq\n");
extern char call_gate_entry[];
static struct __attribute__((packed)) { u32 offset; u16 selector; } far_pointer;
SNIPPET(far_call, "lcall *(%rdi)\nmov %cs, %eax");

/* Descriptors of 64-bit mode: type and rights as in bits 40 to 47. */
static u64 descriptor(u8 rights, u8 flags, u32 limit) {
  return (limit & 0xffff) | (u64)rights << 40 | (u64)(limit >> 16 & 0xf) << 48 | (u64)flags << 52;
}

#define SLOT(n) (TEST + 8 * (n))

static const struct { const char *name; u8 rights, flags; } kinds[] = {
    {"data, read-only", 0x91, 0xc},
    {"data, writable", 0x93, 0xc},
    {"data, writable, of ring 3", 0xf3, 0xc},
    {"data, absent", 0x13, 0xc},
    {"code, execute only", 0x99, 0xa},
    {"code, readable", 0x9b, 0xa},
    {"code, 32 bits", 0x9b, 0xc},
    {"code, L and D", 0x9b, 0xe},
    {"code, conforming", 0x9f, 0xa},
    {"code of ring 3", 0xfb, 0xa},
    {"code, absent", 0x1b, 0xa},
    {"LDT", 0x82, 0},
    {"TSS, available", 0x89, 0},
    {"TSS, busy", 0x8b, 0},
    {"call gate", 0x8c, 0},
    {"interrupt gate", 0x8e, 0},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static void cell(const char *name, bool trapped) {
  print(" %s ", name);
  print_outcome(trapped, 0);
}

static void look(u16 selector) {
  u64 rights = 0, limit = 0;
  bool lar, lsl, verr, verw;
  __asm__("lar %w2, %k0" : "+r"(rights), "=@ccz"(lar) : "r"(selector));
  __asm__("lsl %w2, %k0" : "+r"(limit), "=@ccz"(lsl) : "r"(selector));
  __asm__("verr %w1" : "=@ccz"(verr) : "r"(selector));
  __asm__("verw %w1" : "=@ccz"(verw) : "r"(selector));
  print("; LAR ");
  if (lar) print("%x", rights);
  else print("no");
  print(" LSL ");
  if (lsl) print("%x", limit);
  else print("no");
  print(" VERR %u VERW %u\n", (u64)verr, (u64)verw);
}

static void by_kind(void) {
  for (u32 i = 0; i < KINDS; i++) {
    u64 made = descriptor(kinds[i].rights, kinds[i].flags, 0x12345);
    gdt[SLOT(0) / 8] = made;
    gdt[SLOT(1) / 8] = 0;
    print("%s:", kinds[i].name);
    cell("DS", attempt(load_ds, SLOT(0)));
    cell("DS rpl 3", attempt(load_ds, SLOT(0) | 3));
    cell("SS", attempt(load_ss, SLOT(0)));
    cell("SS rpl 3", attempt(load_ss, SLOT(0) | 3));
    if (!(kinds[i].rights & 8) || kinds[i].flags == 0xa || kinds[i].flags == 0) cell("RETF", attempt(far_return, SLOT(0)));
    cell("LLDT", attempt(load_ldt, SLOT(0)));
    look(SLOT(0));
  }
  __asm__ volatile("lldt %w0" : : "r"(0));
}

static void special(void) {
  report("DS null", attempt(load_ds, 3), load_ds);
  report("DS beyond the table", attempt(load_ds, 0x2000), load_ds);
  report("FS of an LDT that is not there", attempt(load_fs, 0x0c), load_fs);
  report("SS null", attempt(load_null_ss, 0), load_null_ss);
  report("SS null with an RPL of 3", attempt(load_null_ss_rpl, 0), load_null_ss_rpl);
  report("LTR busy", attempt(load_tr, TASK), load_tr);
  report("LLDT null", attempt(load_ldt, 0), load_ldt);
  report("RETF null", attempt(far_return, 0), far_return);
  report("IRET, CS null", attempt(iret_cs, 0), iret_cs);
  report("IRET, CS of data", attempt(iret_cs, KERNEL_DATA), iret_cs);
  report("IRET, CS of ring 3 with an RPL of 0", attempt(iret_cs, USER_CODE & ~3), iret_cs);
  report("IRET, SS null", attempt(iret_ss, 0), iret_ss);
  report("IRET, SS null with an RPL of 3", attempt(iret_ss, 3), iret_ss);
  report("IRET, SS of code", attempt(iret_ss, KERNEL_CODE), iret_ss);
  report("IRET, SS of ring 3", attempt(iret_ss, USER_DATA), iret_ss);
  gdt[SLOT(0) / 8] = descriptor(0x13, 0xc, 0xfffff);
  report("IRET, SS absent", attempt(iret_ss, SLOT(0)), iret_ss);
  report("IRET, RIP not canonical", attempt(iret_rip, 0x800000000000), iret_rip);
  report("IRET with NT", attempt(iret_nt, 0), iret_nt);
  report("ring 3, DS of ring 0", attempt_user(load_ds, KERNEL_DATA, 0), load_ds);
  report("ring 3, DS of ring 3", attempt_user(load_ds, USER_DATA, 0), load_ds);
  report("ring 3, SS of ring 0", attempt_user(load_ss, KERNEL_DATA, 0), load_ss);
  report("ring 3, SS null", attempt_user(load_null_ss_rpl, 0, 0), load_null_ss_rpl);
  report("ring 3, RETF to ring 0", attempt_user(far_return, KERNEL_CODE, 0), far_return);
}

static void accessed(void) {
  gdt[SLOT(0) / 8] = descriptor(0x92, 0xc, 0xfffff);
  attempt(load_ds, SLOT(0));
  print("rights after a load: %x\n", gdt[SLOT(0) / 8] >> 40 & 0xff);
}

static void gates(void) {
  u64 entry = (u64)call_gate_entry;
  gdt[SLOT(2) / 8] = (entry & 0xffff) | (u64)KERNEL_CODE << 16 | 0xecull << 40 | (entry >> 16 & 0xffff) << 48;
  gdt[SLOT(3) / 8] = entry >> 32;
  far_pointer.selector = SLOT(2) | 3;
  /* Ring 3 reads the pointer through its own view of memory. */
  bool trapped = attempt_user(far_call, user(&far_pointer), 0);
  report("call gate from ring 3", trapped, far_call);
  print(" there CS %x SS %x, RSP0 less %u; back with CS %x\n", gate_cs, gate_ss,
        (u64)trap_stack_end - gate_rsp, seen.rax & 0xffff);
  gdt[SLOT(2) / 8] &= ~(0x60ull << 40);
  report("call gate of ring 0 from ring 3", attempt_user(far_call, user(&far_pointer), 0), far_call);
  gdt[SLOT(2) / 8] &= ~(0x80ull << 40);
  far_pointer.selector = SLOT(2);
  report("absent call gate", attempt(far_call, (u64)&far_pointer), far_call);
}

void system_main(void) {
  by_kind();
  special();
  accessed();
  gates();
}
