/* Segments of 32-bit code: limits, types, stacks whose pointer has 16 bits. */
#include "lib/compatible.h"

#define CODE32 (TEST | 3)
#define SMALL ((TEST + 8) | 3)        /* data, 4 KiB */
#define READ_ONLY ((TEST + 16) | 3)   /* all of memory */
#define DOWN32 ((TEST + 24) | 3)      /* above 4 KiB */
#define DOWN16 ((TEST + 32) | 3)      /* from 4 KiB to 64 KiB */
#define STACK16 ((TEST + 40) | 3)     /* 64 KiB, SP */
#define CODE_ONLY ((TEST + 48) | 3)   /* not readable */
#define CODE_SHORT ((TEST + 56) | 3)  /* 6 bytes */
#define STACK16_DOWN ((TEST + 64) | 3)

/* 4 bytes. */
#define LOAD_ES "mov %edi, %eax\nmov %eax, %es\n"
/* 6 bytes and the pointer's 5. */
#define LOAD_SS(pointer) "mov %esp, %edx\nmov %edi, %eax\nmov %eax, %ss\nmov $" #pointer ", %esp\n"

SNIPPET32(last_byte, 32, LOAD_ES "mov %es:0xfff, %al\nxor %eax, %eax");
SNIPPET32(last_dword, 32, LOAD_ES "mov %es:0xffc, %eax\nxor %eax, %eax");
SNIPPET32(word_over, 32, LOAD_ES "mov %es:0xfff, %ax");
SNIPPET32(dword_over, 32, LOAD_ES "mov %es:0xffd, %eax");
SNIPPET32(write_over, 32, LOAD_ES "mov %eax, %es:0xffe");
SNIPPET32(add_over, 32, LOAD_ES "addl $1, %es:0xffd");
SNIPPET32(zero_extends, 32, LOAD_ES "movzwl %es:0xfff, %eax");
SNIPPET32(x87_over, 32, LOAD_ES "fldt %es:0xff8");
SNIPPET32(x87_within, 32, "fninit\n" LOAD_ES "fldl %es:0xff8\nxor %eax, %eax");
SNIPPET32(sse_over, 32, LOAD_ES "movups %es:0xff8, %xmm0");
SNIPPET32(far_over, 32, LOAD_ES "les %es:0xffc, %eax");
SNIPPET32(string_over, 32, LOAD_ES "mov $0xffd, %edi\nstosl");
SNIPPET32(string_some, 32, LOAD_ES "mov $0xff8, %edi\nmov $9, %ecx\nrep stosl");
SNIPPET32(string_source, 32, LOAD_ES "mov $0xffd, %esi\nlodsl %es:(%esi)");
SNIPPET32(compare_over, 32, LOAD_ES "mov $0xffd, %edi\nscasl");
SNIPPET32(table_over, 32, LOAD_ES "mov $0xff0, %ebx\nmov $0x10, %al\nxlat %es:(%ebx)");
SNIPPET32(bit_over, 32, LOAD_ES "mov $0x8000, %ecx\nbts %ecx, %es:0");
SNIPPET32(sixteen_over, 32, LOAD_ES "mov $0xffff, %ebx\naddr16 mov %es:1(%bx), %al\nxor %eax, %eax");
SNIPPET32(by_gs, 32, "mov %edi, %eax\nmov %eax, %gs\nmov %gs:0xffd, %eax");
SNIPPET32(address_only, 32, LOAD_ES "lea %es:0x2000, %eax");
SNIPPET32(write_flat, 32, "mov %edi, %eax\nmov %eax, %ds\nmovl $0, recover_stack + 0x40000004");
SNIPPET32(read_flat, 32, "mov %edi, %eax\nmov %eax, %ds\nmov recover_stack + 0x40000004, %eax\nxor %eax, %eax");
SNIPPET32(below, 32, LOAD_ES "mov %es:0xfff, %al");
SNIPPET32(above, 32, LOAD_ES "mov %es:0x1000, %eax\nxor %eax, %eax");
SNIPPET32(top, 32, LOAD_ES "mov %es:0xfffe, %ax\nxor %eax, %eax");
SNIPPET32(over_top, 32, LOAD_ES "mov %es:0xffff, %ax");
SNIPPET32(reads_code, 32, "mov %cs:0x40000000, %eax");

SNIPPET32(push_last, 32, LOAD_SS(0x1000) "push %eax\nmov %esp, %eax");
SNIPPET32(push_over, 32, LOAD_SS(0x1002) "push %eax");
SNIPPET32(push_below, 32, LOAD_SS(2) "push %eax");
SNIPPET32(push_word, 32, LOAD_SS(2) "push %ax\nmov %esp, %eax");
SNIPPET32(pop_over, 32, LOAD_SS(0xffd) "pop %eax");
SNIPPET32(call_over, 32, LOAD_SS(2) "call 1f\n1:");
SNIPPET32(ret_over, 32, LOAD_SS(0xffd) "ret");
SNIPPET32(pusha_over, 32, LOAD_SS(0x10) "pusha");
SNIPPET32(popa_over, 32, LOAD_SS(0xff0) "popa");
SNIPPET32(enter_over, 32, LOAD_SS(0x10) "enter $0x20, $0");
SNIPPET32(leave_over, 32, LOAD_SS(0x800) "mov $0xffe, %ebp\nleave");
SNIPPET32(pushf_over, 32, LOAD_SS(2) "pushf");
SNIPPET32(by_esp, 32, LOAD_SS(0xffd) "mov (%esp), %eax");
SNIPPET32(by_ebp, 32, LOAD_SS(0x800) "mov $0xffd, %ebp\nmov (%ebp), %eax");
SNIPPET32(sp_wraps, 32, LOAD_SS(0x12340000) "push %eax\nmov %esp, %eax");
SNIPPET32(sp_across, 32, LOAD_SS(0x12340002) "push %eax");
SNIPPET32(sp_pops, 32, LOAD_SS(0x1234fffc) "pop %eax\nmov %esp, %eax");
SNIPPET32(bp_counts, 32, LOAD_SS(0x12341000) "mov $0x56780800, %ebp\nleave\nmov %esp, %eax");
SNIPPET32(down_below, 32, LOAD_SS(0x1002) "push %eax");
SNIPPET32(down_within, 32, LOAD_SS(0x1004) "push %eax\nmov %esp, %eax");

SNIPPET32(runs_over, 32, "nop\nnop\nnop\nnop\nmov $1, %eax");
SNIPPET32(jumps_over, 32, "nop\njmp 1f\n.skip 16\n1:");

/* Code that begins at offset 0 of a segment of 6 bytes. */
static void show_short(const char *what, char *code) {
  gdt[CODE_SHORT / 8] = descriptor(user(code), 5, 0xfb, 0x4);
  bool trapped = attempt_user_at(0, 0, 0, CODE_SHORT);
  print("%s: ", what);
  print_end(trapped, 0);
  print(" at %x\n", seen.rip);
}

void system_main(void) {
  u64 base = user(spare[0]);
  gdt[TEST / 8] = descriptor(0, 0xfffff, 0xfb, 0xc);
  gdt[SMALL / 8] = descriptor(base, 0xfff, 0xf3, 0x4);
  gdt[READ_ONLY / 8] = descriptor(0, 0xfffff, 0xf1, 0xc);
  gdt[DOWN32 / 8] = descriptor(base, 0xfff, 0xf7, 0x4);
  gdt[DOWN16 / 8] = descriptor(base, 0xfff, 0xf7, 0);
  gdt[STACK16 / 8] = descriptor(base, 0xffff, 0xf3, 0);
  gdt[CODE_ONLY / 8] = descriptor(0, 0xfffff, 0xf9, 0xc);
  gdt[STACK16_DOWN / 8] = descriptor(base, 0xfff, 0xf7, 0);
  show("last byte", last_byte, SMALL, CODE32);
  show("last doubleword", last_dword, SMALL, CODE32);
  show("a word across the limit", word_over, SMALL, CODE32);
  show("a doubleword across it", dword_over, SMALL, CODE32);
  show("a write across it", write_over, SMALL, CODE32);
  show("ADD across it", add_over, SMALL, CODE32);
  show("MOVZX across it", zero_extends, SMALL, CODE32);
  show("FLD of 80 bits across it", x87_over, SMALL, CODE32);
  show("FLD of 64 bits before it", x87_within, SMALL, CODE32);
  show("MOVUPS across it", sse_over, SMALL, CODE32);
  show("LES across it", far_over, SMALL, CODE32);
  show("STOS across it", string_over, SMALL, CODE32);
  show("REP STOS to it", string_some, SMALL, CODE32);
  print(" elements left: %u\n", seen.rcx);
  show("LODS across it", string_source, SMALL, CODE32);
  show("SCAS across it", compare_over, SMALL, CODE32);
  show("XLAT beyond it", table_over, SMALL, CODE32);
  show("BTS beyond it", bit_over, SMALL, CODE32);
  show("an address of 16 bits wraps", sixteen_over, SMALL, CODE32);
  show("by GS", by_gs, SMALL, CODE32);
  show("LEA", address_only, SMALL, CODE32);
  show("write to data that is read-only", write_flat, READ_ONLY, CODE32);
  show("read of it", read_flat, READ_ONLY, CODE32);
  show("expand-down, below", below, DOWN32, CODE32);
  show("expand-down, above", above, DOWN32, CODE32);
  show("expand-down of 16 bits, its top", top, DOWN16, CODE32);
  show("expand-down of 16 bits, beyond it", over_top, DOWN16, CODE32);
  show("read of code that is not readable", reads_code, 0, CODE_ONLY);
  show("push below the limit", push_last, SMALL, CODE32);
  show("push across it", push_over, SMALL, CODE32);
  show("push below 0", push_below, SMALL, CODE32);
  show("push of a word", push_word, SMALL, CODE32);
  show("pop across it", pop_over, SMALL, CODE32);
  show("CALL", call_over, SMALL, CODE32);
  show("RET", ret_over, SMALL, CODE32);
  show("PUSHA", pusha_over, SMALL, CODE32);
  show("POPA", popa_over, SMALL, CODE32);
  show("ENTER", enter_over, SMALL, CODE32);
  show("LEAVE", leave_over, SMALL, CODE32);
  show("PUSHF", pushf_over, SMALL, CODE32);
  show("by ESP", by_esp, SMALL, CODE32);
  show("by EBP", by_ebp, SMALL, CODE32);
  show("SP wraps", sp_wraps, STACK16, CODE32);
  show("push across the end of 64 KiB", sp_across, STACK16, CODE32);
  show("SP wraps upward", sp_pops, STACK16, CODE32);
  show("LEAVE by BP", bp_counts, STACK16, CODE32);
  show("expand-down stack, below", down_below, STACK16_DOWN, CODE32);
  show("expand-down stack, above", down_within, STACK16_DOWN, CODE32);
  show_short("an instruction across the limit of code", runs_over);
  show_short("a jump beyond it", jumps_over);
}
