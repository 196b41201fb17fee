/* What registers refuse. A processor that takes one of these is not to be trusted any more. */
#include "lib/system.h"

SNIPPET(cr8_set, "mov %rdi, %cr8");
SNIPPET(cr4_set, "mov %rdi, %cr4");
SNIPPET(cr3_set, "mov %rdi, %cr3");
SNIPPET(cr0_set, "mov %rdi, %cr0");
SNIPPET(wrmsr_efer, "mov $0xc0000080, %ecx\nmov %edi, %eax\nshr $32, %rdi\nmov %edi, %edx\nwrmsr");
SNIPPET(far_return, "lea 1f(%rip), %rax\npush %rdi\npush %rax\nlretq\n1:");
SNIPPET(ltr_null, "xor %eax, %eax\nltr %ax");

void system_main(void) {
  report("CR8 of 16", attempt(cr8_set, 16), cr8_set);
  report("CR4, a reserved bit", attempt(cr4_set, read_cr4() | 1ull << 31), cr4_set);
  report("CR4 without PAE", attempt(cr4_set, read_cr4() & ~0x20ull), cr4_set);
  report("CR3, an address of 52 bits", attempt(cr3_set, read_cr3() | 1ull << 51), cr3_set);
  report("CR0, PG without PE", attempt(cr0_set, read_cr0() & ~1ull), cr0_set);
  report("CR0, NW without CD", attempt(cr0_set, read_cr0() | 0x20000000), cr0_set);
  report("CR0, a bit above 31", attempt(cr0_set, read_cr0() | 1ull << 32), cr0_set);
  report("CR0 without PG", attempt(cr0_set, read_cr0() & ~0x80000000ull), cr0_set);
  report("EFER, a reserved bit", attempt(wrmsr_efer, read_msr(0xc0000080) | 1ull << 40), wrmsr_efer);
  report("EFER without LME", attempt(wrmsr_efer, read_msr(0xc0000080) & ~0x100ull), wrmsr_efer);
  gdt[TEST / 8] = 0x00ef9b000000ffff;
  report("code with L and D", attempt(far_return, TEST), far_return);
  report("TR null", attempt(ltr_null, 0), ltr_null);
}
