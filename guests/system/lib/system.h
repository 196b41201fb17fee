/*
 * The library of the ring-0 guests: each shows one property of a processor, prints what it saw to
 * the first serial port and ends the machine by the debug exit port, so that the same image runs on
 * any hypervisor.
 */
#ifndef SYSTEM_H
#define SYSTEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "layout.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define PAGE_BYTES 4096
#define COM1 0x3f8
#define EXIT_PORT 0xf4

#define CR0_MP 0x2
#define CR0_EM 0x4
#define CR0_TS 0x8
#define CR0_WP 0x10000
#define CR4_PGE 0x80
#define CR4_OSFXSR 0x200
#define CR4_FSGSBASE 0x10000
#define CR4_PCIDE 0x20000
#define CR4_OSXSAVE 0x40000
#define CR4_SMEP 0x100000
#define CR4_SMAP 0x200000

#define FLAG_TF 0x100
#define FLAG_IF 0x200
#define FLAG_DF 0x400
#define FLAG_IOPL 0x3000
#define FLAG_NT 0x4000
#define FLAG_AC 0x40000

/* What a vector's entry in boot.S has left on the stack. */
struct trap {
  u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
  u64 vector, error, rip, cs, flags, rsp, ss;
};

/* The trap that ended the last attempt(). */
extern struct trap seen;
extern u64 seen_cr2;
extern u64 seen_at; /* the address of its frame */

/* A function that takes a vector's traps; true to go on where it came from. */
typedef bool trap_handler(struct trap *trap);
extern trap_handler *handlers[256];

/* Runs `code(argument)`: in ring 0, and in ring 3 with these flags. @return whether it trapped */
bool attempt(void *code, u64 argument);
bool attempt_user(void *code, u64 argument, u64 flags);
/* Likewise at an address as it is, of a code segment. */
bool attempt_user_at(u64 address, u64 argument, u64 flags, u16 cs);

/* Memory of the image as ring 3 sees it. */
static inline u64 user(const void *address) { return (u64)address + USER_ALIAS; }

/* "%s", "%u", "%x" of 64 bits, "%c". */
void print(const char *format, ...);
/* "ok" or the trap: vector, error code, CR2 of a page fault, offset from `code` unless that is NULL. */
void print_outcome(bool trapped, const void *code);
void report(const char *what, bool trapped, const void *code);
_Noreturn void finish(int code);

/* The guest. */
void system_main(void);
void system_start(void);

/*
 * Code whose addresses and bytes are known: RDI has its argument. What it returns to is right in
 * either ring.
 */
#define SNIPPET(name, text) \
  extern char name[];       \
  __asm__(".text\n.balign 16\n.globl " #name "\n" #name ":\n" text "\nret\n")

/* Tables. */
extern volatile u64 pml4[512], pdpt[512], kernel_directory[512], window_directory[512], window_table[512];
extern volatile u64 gdt[], idt[][2];
extern volatile u8 tss[];
extern char vectors[], stack_end[], trap_stack_end[], other_stack_end[], user_stack_end[];
extern char trap_return[], recover[], user_end[];
extern u64 recover_stack;
struct __attribute__((packed)) table_pointer { u16 limit; u64 base; };
extern struct table_pointer gdt_pointer, idt_pointer;

#define GATE_INTERRUPT 0x8e
#define GATE_TRAP 0x8f
#define GATE_DPL3 0x60
void set_gate(u8 vector, u64 address, u16 selector, u8 type, u8 ist);
/* A gate to the vector's own entry. */
void default_gate(u8 vector, u8 type, u8 ist);
void set_tss_stack(u32 offset, u64 address);
#define TSS_RSP0 4
#define TSS_IST(n) (36 + 8 * ((n) - 1))

/* Page `number` of the window. */
static inline u8 *window(u32 number) { return (u8 *)(u64)WINDOW + (u64)number * PAGE_BYTES; }
static inline void invlpg(const void *address) { __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory"); }
static inline void map_page(u32 number, u64 physical, u64 flags) {
  *(volatile u64 *)&window_table[number] = physical | flags;
  invlpg(window(number));
}

/* Pages of memory for whatever the guest likes. */
extern u8 spare[16][PAGE_BYTES];

static inline u64 read_cr0(void) { u64 v; __asm__ volatile("mov %%cr0, %0" : "=r"(v)); return v; }
static inline u64 read_cr2(void) { u64 v; __asm__ volatile("mov %%cr2, %0" : "=r"(v)); return v; }
static inline u64 read_cr3(void) { u64 v; __asm__ volatile("mov %%cr3, %0" : "=r"(v)); return v; }
static inline u64 read_cr4(void) { u64 v; __asm__ volatile("mov %%cr4, %0" : "=r"(v)); return v; }
static inline u64 read_cr8(void) { u64 v; __asm__ volatile("mov %%cr8, %0" : "=r"(v)); return v; }
static inline void write_cr0(u64 v) { __asm__ volatile("mov %0, %%cr0" : : "r"(v) : "memory"); }
static inline void write_cr3(u64 v) { __asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory"); }
static inline void write_cr4(u64 v) { __asm__ volatile("mov %0, %%cr4" : : "r"(v) : "memory"); }
static inline void write_cr8(u64 v) { __asm__ volatile("mov %0, %%cr8" : : "r"(v) : "memory"); }
static inline u64 read_msr(u32 number) {
  u32 low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
  return (u64)high << 32 | low;
}
static inline void write_msr(u32 number, u64 v) {
  __asm__ volatile("wrmsr" : : "c"(number), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}
static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static inline u8 inb(u16 port) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline u64 read_tsc(void) {
  u32 low, high;
  __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
  return (u64)high << 32 | low;
}
struct cpuid_words { u32 eax, ebx, ecx, edx; };
static inline struct cpuid_words cpuid(u32 leaf, u32 subleaf) {
  struct cpuid_words w;
  __asm__ volatile("cpuid" : "=a"(w.eax), "=b"(w.ebx), "=c"(w.ecx), "=d"(w.edx) : "0"(leaf), "2"(subleaf) : "memory");
  return w;
}
static inline void lidt(const struct table_pointer *p) { __asm__ volatile("lidt %0" : : "m"(*p)); }
static inline void lgdt(const struct table_pointer *p) { __asm__ volatile("lgdt %0" : : "m"(*p)); }
#define barrier() __asm__ volatile("" : : : "memory")
#define relax() __asm__ volatile("pause" : : : "memory")

#endif
