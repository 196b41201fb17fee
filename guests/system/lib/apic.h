/* The local APIC in xAPIC mode (SDM volume 3, chapter 11). */
#ifndef APIC_H
#define APIC_H

#include "system.h"

#define APIC_ADDRESS 0xfee00000ull
#define APIC_ID 0x20
#define APIC_TPR 0x80
#define APIC_PPR 0xa0
#define APIC_EOI 0xb0
#define APIC_SVR 0xf0
#define APIC_ISR 0x100
#define APIC_IRR 0x200
#define APIC_ICR_LOW 0x300
#define APIC_ICR_HIGH 0x310
#define APIC_LVT_TIMER 0x320
#define APIC_INITIAL_COUNT 0x380
#define APIC_CURRENT_COUNT 0x390
#define APIC_DIVIDE 0x3e0

#define ICR_NMI 0x400
#define ICR_INIT 0x500
#define ICR_STARTUP 0x600
#define ICR_ASSERT 0x4000
#define ICR_SELF 0x40000
#define ICR_PENDING 0x1000

static inline u32 apic_read(u32 offset) { return *(volatile u32 *)(APIC_ADDRESS + offset); }
static inline void apic_write(u32 offset, u32 v) { *(volatile u32 *)(APIC_ADDRESS + offset) = v; }
static inline void apic_start(void) {
  apic_write(APIC_SVR, 0x1ff);
  apic_write(APIC_TPR, 0);
}
static inline void apic_end(void) { apic_write(APIC_EOI, 0); }
static inline bool apic_requested(u8 vector) { return apic_read(APIC_IRR + vector / 32 * 16) >> vector % 32 & 1; }

/* To this processor; returns when the request is there. */
static inline void send_self(u8 vector) {
  apic_write(APIC_ICR_LOW, ICR_SELF | ICR_ASSERT | vector);
  while (!apic_requested(vector)) relax();
}
static inline void send(u32 id, u32 command) {
  apic_write(APIC_ICR_HIGH, id << 24);
  apic_write(APIC_ICR_LOW, ICR_ASSERT | command);
  while (apic_read(APIC_ICR_LOW) & ICR_PENDING) relax();
}

#endif
