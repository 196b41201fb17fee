/* Inside the local APIC: what apic.c, apic_icr.c and apic_timer.c share. */
#ifndef SX_SOFT_APIC_STATE_H
#define SX_SOFT_APIC_STATE_H

#include "soft/apic/apic.h"
#include "soft/machine.h"

/* Registers by their offset in the page (SDM volume 3, table 11-1). */
#define APIC_ID 0x20
#define APIC_VERSION 0x30
#define APIC_TPR 0x80
#define APIC_APR 0x90
#define APIC_PPR 0xa0
#define APIC_EOI 0xb0
#define APIC_RRD 0xc0
#define APIC_LDR 0xd0
#define APIC_DFR 0xe0
#define APIC_SVR 0xf0
#define APIC_ISR 0x100 /* eight registers of 32 vectors each, as the next two */
#define APIC_TMR 0x180
#define APIC_IRR 0x200
#define APIC_ESR 0x280
#define APIC_ICR_LOW 0x300
#define APIC_ICR_HIGH 0x310
#define APIC_LVT 0x320 /* in the order of `enum apic_lvt` */
#define APIC_INITIAL_COUNT 0x380
#define APIC_CURRENT_COUNT 0x390
#define APIC_DIVIDE 0x3e0
#define APIC_SELF_IPI 0x3f0 /* x2APIC only */
#define APIC_STRIDE 0x10
#define APIC_VECTOR_WORDS 8

enum apic_lvt {
  LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_ENTRIES
};

/* Fields of LVT entries (figure 11-8). */
#define LVT_VECTOR 0xffu
#define LVT_DELIVERY 0x700u
#define LVT_POLARITY 0x2000u
#define LVT_LEVEL 0x8000u
#define LVT_MASKED 0x10000u
#define LVT_MODE 0x60000u /* of the timer; 0: one-shot */
#define LVT_PERIODIC 0x20000u
#define LVT_TSC_DEADLINE 0x40000u

#define SVR_ENABLE 0x100u
#define DIVIDE_BITS 0xbu

/* ESR (figure 11-9). */
#define ESR_SEND_VECTOR 0x20u
#define ESR_RECEIVE_VECTOR 0x40u
#define ESR_REGISTER 0x80u

/* Vectors below it cannot be sent or taken. */
#define APIC_FIRST_VECTOR 16

struct apic_timer {
  uint32_t initial, divide; /* the registers */
  bool counting;
  uint32_t from;            /* count at `start`; `initial` unless the divider changed since */
  uint64_t start;           /* TSC */
  uint64_t expiries;        /* since then, in periodic mode */
  uint64_t tsc_deadline;    /* 0: disarmed */
};

struct apic {
  struct cpu *cpu;
  uint32_t id;

  /* What the senders of messages read and write, from any thread. */
  _Atomic uint32_t irr[APIC_VECTOR_WORDS], tmr[APIC_VECTOR_WORDS];
  _Atomic uint32_t signals, sipi_vector;
  _Atomic uint64_t base;
  _Atomic uint32_t ldr, dfr, svr; /* ldr and dfr are xAPIC's: x2APIC derives its own from the id */
  _Atomic uint32_t lvt[LVT_ENTRIES];
  _Atomic uint32_t errors;        /* since the last write to ESR */

  uint32_t isr[APIC_VECTOR_WORDS];
  uint32_t eois[APIC_VECTOR_WORDS]; /* ended vectors that the hypervisor is to hear of */
  uint32_t esr;
  uint8_t tpr;
  uint64_t icr;
  struct apic_timer timer;
};

static inline bool apic_hardware_enabled(const struct apic *apic) {
  return atomic_load(&apic->base) & APIC_BASE_ENABLE;
}

static inline bool apic_x2apic(const struct apic *apic) {
  return atomic_load(&apic->base) & APIC_BASE_X2APIC;
}

static inline bool apic_software_enabled(const struct apic *apic) {
  return atomic_load(&apic->svr) & SVR_ENABLE;
}

static inline uint32_t apic_x2apic_ldr(const struct apic *apic) {
  return apic->id >> 4 << 16 | 1u << (apic->id & 0xf);
}

/* From any thread: false when the APIC did not take it. */
bool apic_interrupt(struct apic *apic, uint8_t vector, bool level);
void apic_error(struct apic *apic, uint32_t bit);

/* apic_icr.c: what a write to the ICR or to SELF IPI sends. */
void apic_send(struct apic *apic, uint64_t icr);
void apic_send_self(struct apic *apic, uint8_t vector);

/* apic_timer.c */
void apic_timer_reset(struct apic *apic);
uint32_t apic_timer_current(const struct apic *apic);
void apic_timer_set_initial(struct apic *apic, uint32_t count);
void apic_timer_set_divide(struct apic *apic, uint32_t divide);
void apic_timer_set_lvt(struct apic *apic, uint32_t entry);

#endif
