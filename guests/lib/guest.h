/* The micro-guest library: everything a guest of ours uses. No libc, no heap, one file a subject. */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../stub/abi.h"
#include "layout.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

/* Written by the guest: where vCPU 0 starts. Returning powers off with code 0. */
void guest_main(void);

/* May be written by the guest: where every other vCPU starts. Returning parks it for good. */
__attribute__((weak)) void vcpu_main(u32 vcpu);

/* ---- cpu.h in C: instructions ---- */
static inline void out8(u16 port, u8 value) {
  __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
static inline void out16(u16 port, u16 value) {
  __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
static inline void out32(u16 port, u32 value) {
  __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
static inline u8 in8(u16 port) {
  u8 value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}
static inline u16 in16(u16 port) {
  u16 value;
  __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}
static inline u32 in32(u16 port) {
  u32 value;
  __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}
static inline void cpuid(u32 leaf, u32 subleaf, u32 out[4]) {
  __asm__ volatile("cpuid"
                   : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                   : "a"(leaf), "c"(subleaf));
}
static inline void relax(void) {
  __asm__ volatile("pause" ::: "memory");
}
/* TSC ticks, not reordered with what stands around it. */
static inline u64 ticks(void) {
  u32 low, high;
  __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high)::"memory");
  return (u64)high << 32 | low;
}

/* ---- platform.c: what the guest runs on ---- */
struct platform {
  bool splitx;         /* false: another hypervisor, only the PC's ports are there */
  bool interrupts;     /* are on, and there are controllers: see interrupts.h */
  u32 tick_khz;        /* 0 when unknown */
  const char *command; /* command line */
};
extern struct platform platform;
/* The hypercall page of this vCPU; only under SplitX. */
struct sx_hypercall_page *hypercall_page(void);

/* ---- options.c: NAME=VALUE words of the command line ---- */
u64 option_number(const char *name, u64 otherwise);
/* True when NAME's comma-separated value holds `word`. */
bool option_has(const char *name, const char *word);

/* ---- hypercall.c ---- */
struct answer {
  int status; /* 0 or a negative errno */
  u64 value;
};
/* A synchronous call, by the notification that the hypervisor asks for. */
struct answer call(u32 number, u64 a0, u64 a1, u64 a2);
struct answer call_by_exit(u32 number, u64 a0, u64 a1, u64 a2);
struct answer call_by_ring(u32 number, u64 a0, u64 a1, u64 a2);
/* A posted call: goes on at once, waits only while the ring is full. */
void post(u32 number, u64 a0, u64 a1, u64 a2);
/* Waits until the hypervisor has served everything posted. */
void post_drain(void);

/* ---- console.c ---- */
void print(const char *text);
void print_number(u64 value);
void print_hex(u64 value, int digits);
void print_flush(void);

/* ---- block.c: the block service ---- */
struct answer block_read(u64 offset, void *to, u32 length);
struct answer block_write(u64 offset, const void *from, u32 length);

/* ---- memory.c ---- */
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
/* What is small and of a known size is copied where it stands. */
#define memcpy(to, from, size) __builtin_memcpy(to, from, size)
#define memset(to, value, size) __builtin_memset(to, value, size)

/* ---- histogram.c: counts of tick values, within 1 % of the value ---- */
void histogram_reset(void);
void histogram_add(u64 value);
/* Prints "@hist NAME value:count ..." */
void histogram_print(const char *name);

/* ---- report.c: lines that the host reads ---- */
/* "@ticks NAME n ticks": n things took so many ticks altogether. */
void print_ticks(const char *name, u64 n, u64 spent);
/* "@count NAME value" */
void print_count(const char *name, u64 value);
/* "sha256 HEX" */
void print_digest(const u8 digest[32]);

/* ---- random.c ---- */
/* The next number of a sequence that depends on its state, which is not 0. */
u64 random_next(u64 *state);

/* ---- sha256.c ---- */
struct sha256 {
  u32 state[8];
  u64 bytes;
  u8 block[64];
};
bool sha256_has_instructions(void);
void sha256_start(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const u8 *data, size_t size);
void sha256_end(struct sha256 *sha, u8 digest[32]);
/* The two ways to fold 64-byte blocks into the state. */
typedef void sha256_fold(u32 state[8], const u8 *blocks, size_t count);
sha256_fold sha256_fold_portable, sha256_fold_instructions;

/* ---- power.c ---- */
__attribute__((noreturn)) void power_off(u8 code);
/* Says why on a line of its own and powers off with code 1. */
__attribute__((noreturn)) void give_up(const char *why);
/* Leaves the core idle for so long, 0: until a kick. Always an exit, as HLT is. */
void park(u64 nanoseconds);

#endif
