/* Code that changes under the processor: by itself, by an alias, by a new mapping. */
#include "lib/system.h"

typedef u64 function(void);

/* mov $n, %eax; ret */
static void write_function(u8 *at, u32 n) {
  *(volatile u8 *)at = 0xb8;
  *(volatile u32 *)(at + 1) = n;
  *(volatile u8 *)(at + 5) = 0xc3;
}

/* call to; ret */
static void write_call(u8 *at, const u8 *to) {
  *(volatile u8 *)at = 0xe8;
  *(volatile u32 *)(at + 1) = (u32)((u64)to - (u64)at - 5);
  *(volatile u8 *)(at + 5) = 0xc3;
}

static u64 call(void *at) {
  u64 v;
  __asm__ volatile("call *%1" : "=a"(v) : "r"(at) : "memory", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
  return (u32)v;
}

/* Changes the immediate of its next instruction, then calls itself 100 times in a loop. */
SNIPPET(next_instruction, "movl $0x22, 1f + 1(%rip)\n1: mov $0x11, %eax");
SNIPPET(loop, "xor %edx, %edx\nmov $100, %ecx\n2: incl 1f + 1(%rip)\n1: mov $0, %eax\nadd %eax, %edx\ndec %ecx\njnz 2b\nmov %edx, %eax");
/* Makes a jump of its own block a NOP. */
SNIPPET(own_jump, "mov $1, %eax\nmovw $0x9090, 1f(%rip)\n1: jmp 2f\nmov $2, %eax\n2:");
SNIPPET(string, "lea 1f(%rip), %rdi\nmov $0x90, %al\nmov $2, %ecx\nrep stosb\nmov $3, %eax\n1: jmp 2f\nmov $4, %eax\n2:");

void system_main(void) {
  print("the next instruction: %x\n", call(next_instruction));
  print("the next one of a loop: %u\n", call(loop));
  print("a jump away: %u\n", call(own_jump));
  print("by a string instruction: %u\n", call(string));

  write_function(spare[0], 1);
  print("written: %u", call(spare[0]));
  write_function(spare[0], 2);
  print(", again: %u", call(spare[0]));
  map_page(0, (u64)spare[0], PAGE_PRESENT | PAGE_WRITABLE);
  write_function(window(0), 3);
  print(", by an alias: %u", call(spare[0]));
  print(", at the alias: %u", call(window(0)));
  write_function(spare[0], 4);
  print(", written behind it: %u\n", call(window(0)));

  write_function(spare[1], 5);
  map_page(0, (u64)spare[1], PAGE_PRESENT | PAGE_WRITABLE);
  print("another page there: %u", call(window(0)));
  map_page(0, (u64)spare[0], PAGE_PRESENT | PAGE_WRITABLE);
  print(", the first again: %u\n", call(window(0)));

  /* An instruction across two pages, of which the second changes. */
  map_page(0, (u64)spare[2], PAGE_PRESENT | PAGE_WRITABLE);
  map_page(1, (u64)spare[3], PAGE_PRESENT | PAGE_WRITABLE);
  u8 *across = window(1) - 3;
  write_function(across, 0x01020304);
  print("across pages: %x", call(across));
  *(volatile u8 *)(across + 4) = 0x55;
  print(", its last byte written: %x", call(across));
  spare[4][0] = 0x77;
  spare[4][1] = 0x66;
  spare[4][2] = 0xc3;
  map_page(1, (u64)spare[4], PAGE_PRESENT | PAGE_WRITABLE);
  print(", another second page: %x\n", call(across));

  /* A call to a fixed place in a global page of the lower half, behind INVLPG. */
  u64 cr4 = read_cr4();
  write_cr4(cr4 | CR4_PGE);
  write_function(spare[7], 7);
  write_function(spare[8], 8);
  write_call(spare[9], window(2));
  map_page(2, (u64)spare[7], PAGE_PRESENT | PAGE_WRITABLE | PAGE_GLOBAL);
  print("a global page: %u", call(spare[9]));
  print(", again: %u", call(spare[9]));
  map_page(2, (u64)spare[8], PAGE_PRESENT | PAGE_WRITABLE | PAGE_GLOBAL);
  print(", another one there: %u", call(spare[9]));
  print(", by its address: %u\n", call(window(2)));
  write_cr4(cr4);

  u64 sum = 0;
  for (u32 i = 0; i < 1000; i++) {
    write_function(spare[5] + i % 7 * 16, i);
    sum += call(spare[5] + i % 7 * 16);
  }
  print("a thousand times: %u\n", sum);
  /* Data beside code. */
  write_function(spare[6], 6);
  volatile u64 *data = (u64 *)(spare[6] + 64);
  sum = 0;
  for (u32 i = 0; i < 1000; i++) {
    *data += call(spare[6]);
  }
  print("data beside code: %u\n", *data);
}
