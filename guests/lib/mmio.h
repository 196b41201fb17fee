/* Device memory: each access is one MOV of its own width, which every hypervisor can decode. */
#ifndef MMIO_H
#define MMIO_H

#include "guest.h"

static inline u8 mmio_read8(const volatile void *at) {
  u8 value;
  __asm__ volatile("movb %1, %0" : "=q"(value) : "m"(*(const volatile u8 *)at) : "memory");
  return value;
}
static inline u16 mmio_read16(const volatile void *at) {
  u16 value;
  __asm__ volatile("movw %1, %0" : "=r"(value) : "m"(*(const volatile u16 *)at) : "memory");
  return value;
}
static inline u32 mmio_read32(const volatile void *at) {
  u32 value;
  __asm__ volatile("movl %1, %0" : "=r"(value) : "m"(*(const volatile u32 *)at) : "memory");
  return value;
}
static inline void mmio_write8(volatile void *at, u8 value) {
  __asm__ volatile("movb %1, %0" : "=m"(*(volatile u8 *)at) : "q"(value) : "memory");
}
static inline void mmio_write16(volatile void *at, u16 value) {
  __asm__ volatile("movw %1, %0" : "=m"(*(volatile u16 *)at) : "r"(value) : "memory");
}
static inline void mmio_write32(volatile void *at, u32 value) {
  __asm__ volatile("movl %1, %0" : "=m"(*(volatile u32 *)at) : "r"(value) : "memory");
}

#endif
