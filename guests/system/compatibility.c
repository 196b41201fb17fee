/* 32-bit and 16-bit code under 64-bit mode: segments have limits there, and old instructions exist. */
#include "lib/compatible.h"

#define CODE32 (TEST | 3)
#define DATA_SMALL ((TEST + 8) | 3)
#define CODE16 ((TEST + 16) | 3)
#define STACK_SMALL ((TEST + 24) | 3)
#define CODE_SMALL ((TEST + 32) | 3)

SNIPPET32(nothing, 32, "xor %eax, %eax");
SNIPPET32(inc_eax, 32, "mov $7, %eax\n.byte 0x40"); /* INC EAX, which is REX in 64-bit mode */
SNIPPET32(into_set, 32, "mov $0x7fffffff, %eax\ninc %eax\ninto");
SNIPPET32(into_clear, 32, "xor %eax, %eax\ninto");
SNIPPET32(bounds, 32, "mov $9, %eax\npush $5\npush $1\nbound %eax, (%esp)");
SNIPPET32(aam_zero, 32, "aam $0");
SNIPPET32(daa_it, 32, "mov $0x1b, %eax\nadd $0, %al\ndaa\nmovzx %al, %eax");
SNIPPET32(push_all, 32, "mov $1, %eax\nmov $2, %ecx\nmov %esp, %ebp\npusha\npopa\nsub %esp, %ebp\nmov %ebp, %eax");
SNIPPET32(wraps, 32, "mov $0xfffffff0, %eax\nlea 0x20(%eax), %eax");
SNIPPET32(load_small, 32, "mov %edi, %eax\nmov %eax, %es\nmov %es:0xffc, %eax\nmov %es:0x1000, %ebx");
SNIPPET32(load_null, 32, "xor %eax, %eax\nmov %eax, %es\nmov %es:0, %eax");
SNIPPET32(stack_small, 32, "mov %esp, %edx\nmov %edi, %eax\nmov %eax, %ss\nmov $0x1004, %esp\npush %eax\npop %eax");
SNIPPET32(write_code, 32, "mov $0x40000000 + recover_stack, %eax\nmovl $0, %cs:4(%eax)\nxor %eax, %eax");
SNIPPET32(sixteen, 16, "mov $0x1234, %ax\npush %ax\nmov (%esp), %cx\nadd $2, %esp");
SNIPPET32(far_to_64, 32, "mov %esp, %edx\npush $0x33\npush $0x40000000 + far_back\nlret\n.code64\nfar_back: mov %cs, %eax\n.code32");
SNIPPET32(arpl_it, 32, "mov $0x20, %eax\nmov $3, %ecx\narpl %cx, %ax");
SNIPPET32(salc_it, 32, "stc\n.byte 0xd6\nmovzx %al, %eax");
SNIPPET32(les_it, 32, "push $0x2b\npush $0x1234\nles (%esp), %eax\nadd $8, %esp");
SNIPPET32(jump_far_away, 32, "mov $0xa0000000, %eax\njmp *%eax");

void system_main(void) {
  u64 base = user(spare[0]);
  gdt[TEST / 8] = descriptor(0, 0xfffff, 0xfb, 0xc);
  gdt[TEST / 8 + 1] = descriptor(base, 0xfff, 0xf3, 0x4);
  gdt[TEST / 8 + 2] = descriptor(USER_ALIAS + 0x100000, 0xffff, 0xfb, 0);
  gdt[TEST / 8 + 3] = descriptor(base, 0xfff, 0xf3, 0x4);
  gdt[TEST / 8 + 4] = descriptor(0, 0x1000, 0xfb, 0x4);
  show("nothing", nothing, 0, CODE32);
  show("one byte INC", inc_eax, 0, CODE32);
  show("INTO with OF", into_set, 0, CODE32);
  show("INTO without OF", into_clear, 0, CODE32);
  show("BOUND", bounds, 0, CODE32);
  show("AAM 0", aam_zero, 0, CODE32);
  show("DAA", daa_it, 0, CODE32);
  show("PUSHA, POPA", push_all, 0, CODE32);
  show("LEA wraps", wraps, 0, CODE32);
  show("a limit", load_small, DATA_SMALL, CODE32);
  show("null segment", load_null, 0, CODE32);
  show("stack beyond its limit", stack_small, STACK_SMALL, CODE32);
  show("write to code", write_code, 0, CODE32);
  show("ARPL", arpl_it, 0, CODE32);
  show("SALC", salc_it, 0, CODE32);
  show("LES", les_it, 0, CODE32);
  show("RETF to 64-bit", far_to_64, 0, CODE32);
  show("jump to where nothing is mapped", jump_far_away, 0, CODE32);
  /* Its offset in a segment of 16 bits that begins at the image. */
  bool trapped = attempt_user_at((u64)sixteen - 0x100000, 0, 0, CODE16);
  print("16-bit code: ");
  print_outcome(trapped && seen.vector != END_OF_USER, 0);
  print(", AX %x, CX %x\n", seen.rax & 0xffff, seen.rcx & 0xffff);
  trapped = attempt_user_at(0x2000, 0, 0, CODE_SMALL);
  print("IRET beyond the limit of code: #%u(%x), in ring %u\n", seen.vector, seen.error, seen.cs & 3);
}
