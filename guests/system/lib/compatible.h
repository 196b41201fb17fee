/* Code of 32 and 16 bits in ring 3, under 64-bit mode. */
#ifndef COMPATIBLE_H
#define COMPATIBLE_H

#include "system.h"

/* RDI has its argument; it ends by itself. */
#define SNIPPET32(name, bits, text) \
  extern char name[];               \
  __asm__(".text\n.balign 16\n.code" #bits "\n" #name ":\n" text "\nint $0x80\n.code64\n")

static void print_end(bool trapped, const void *code) {
  if (trapped && seen.vector == END_OF_USER) print("ok, EAX %x, CS %x", seen.rax, seen.cs);
  else print_outcome(trapped, code);
}

static void show(const char *what, char *code, u64 argument, u16 cs) {
  bool trapped = attempt_user_at(user(code), argument, 0, cs);
  print("%s: ", what);
  print_end(trapped, code);
  print("\n");
}

static u64 descriptor(u64 base, u32 limit, u8 rights, u8 flags) {
  return (limit & 0xffff) | (base & 0xffffff) << 16 | (u64)rights << 40 | (u64)(limit >> 16 & 0xf) << 48 |
         (u64)flags << 52 | (base >> 24 & 0xff) << 56;
}

#endif
