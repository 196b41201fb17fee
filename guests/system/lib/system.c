/* Start, traps and printing. */
#include "system.h"

/* Code whose addresses count is shorter. */
#define SNIPPET_BYTES 256

struct trap seen;
u64 seen_cr2, seen_at;
trap_handler *handlers[256];
u8 spare[16][PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

static void put(char c) {
  while (!(inb(COM1 + 5) & 0x20)) relax();
  outb(COM1, (u8)c);
}

static void put_number(u64 value, u32 base) {
  char digits[20];
  u32 count = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value);
  while (count) put(digits[--count]);
}

void print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  for (; *format; format++) {
    if (*format != '%') {
      put(*format);
      continue;
    }
    switch (*++format) {
      case 's':
        for (const char *s = va_arg(arguments, const char *); *s; s++) put(*s);
        break;
      case 'u': put_number(va_arg(arguments, u64), 10); break;
      case 'x': put_number(va_arg(arguments, u64), 16); break;
      case 'c': put((char)va_arg(arguments, int)); break;
    }
  }
  va_end(arguments);
}

void finish(int code) {
  for (;;) outb(EXIT_PORT, (u8)code);
}

static bool has_error(u64 vector) {
  return vector == 8 || vector == 17 || (vector >= 10 && vector <= 14);
}

void print_outcome(bool trapped, const void *code) {
  if (!trapped || (seen.vector == END_OF_USER && seen.rip == user(user_end) + 2)) {
    print("ok");
    return;
  }
  print("#%u", seen.vector);
  if (has_error(seen.vector)) print("(%x)", seen.error);
  if (seen.vector == 14) print(" cr2 %x", seen_cr2);
  if (!code) return;
  u64 offset = seen.rip - (u64)code;
  if (offset >= USER_ALIAS) offset -= USER_ALIAS;
  if (offset < SNIPPET_BYTES) print(" +%u", offset);
  else print(" elsewhere");
}

void report(const char *what, bool trapped, const void *code) {
  print("%s: ", what);
  print_outcome(trapped, code);
  print("\n");
}

void trap(struct trap *trap) {
  u64 cr2 = read_cr2();
  trap_handler *handler = handlers[trap->vector];
  if (handler && handler(trap)) return;
  seen = *trap;
  seen_cr2 = cr2;
  seen_at = (u64)&trap->error + (has_error(trap->vector) ? 0 : 8);
  if (recover_stack) {
    __asm__ volatile("jmp recover");
    __builtin_unreachable();
  }
  print("unexpected trap %u error %x rip %x cr2 %x\n", trap->vector, trap->error, trap->rip, cr2);
  finish(1);
}

_Noreturn void enter_user(u64 code, u64 argument, u64 flags, u64 stack, u64 cs);

struct entry { u64 code, argument, flags; u16 cs; };

static void go(const struct entry *entry) {
  u64 stack = (u64)user_stack_end - sizeof(u64);
  *(volatile u64 *)stack = user(user_end);
  enter_user(entry->code, entry->argument, entry->flags | 2, stack + USER_ALIAS, entry->cs);
}

bool attempt_user_at(u64 address, u64 argument, u64 flags, u16 cs) {
  struct entry entry = {address, argument, flags, cs};
  return attempt(go, (u64)&entry);
}

bool attempt_user(void *code, u64 argument, u64 flags) {
  return attempt_user_at(user(code), argument, flags, USER_CODE);
}

void set_gate(u8 vector, u64 address, u16 selector, u8 type, u8 ist) {
  idt[vector][0] = (address & 0xffff) | (u64)selector << 16 | (u64)ist << 32 | (u64)type << 40 |
                   (address >> 16 & 0xffff) << 48;
  idt[vector][1] = address >> 32;
}

void default_gate(u8 vector, u8 type, u8 ist) {
  set_gate(vector, (u64)vectors + vector * 16u, KERNEL_CODE, type, ist);
}

void set_tss_stack(u32 offset, u64 address) {
  *(volatile u32 *)(tss + offset) = (u32)address;
  *(volatile u32 *)(tss + offset + 4) = (u32)(address >> 32);
}

void system_start(void) {
  u64 base = (u64)tss, limit = TSS_BYTES + TSS_PORTS / 8;
  gdt[TASK / 8] = limit | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
  gdt[TASK / 8 + 1] = base >> 32;
  __asm__ volatile("ltr %w0" : : "r"(TASK));
  for (u32 i = 0; i < 256; i++) default_gate((u8)i, GATE_INTERRUPT, 0);
  default_gate(3, GATE_INTERRUPT | GATE_DPL3, 0);
  default_gate(4, GATE_INTERRUPT | GATE_DPL3, 0);
  default_gate(END_OF_USER, GATE_INTERRUPT | GATE_DPL3, 0);
  set_tss_stack(TSS_RSP0, (u64)trap_stack_end);
  lidt(&idt_pointer);
  system_main();
  finish(0);
}
