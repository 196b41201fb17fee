/* The local APIC's timer (SDM volume 3, 11.5.4), computed from the guest's TSC. */
#include "soft/apic/apic_state.h"

typedef unsigned __int128 wide;

/* Bits 0, 1 and 3 are an exponent minus one, modulo 8 (figure 11-10). */
static uint32_t divider(uint32_t divide) {
  uint32_t code = (divide & 3) | (divide & 8) >> 1;
  return 1u << ((code + 1) & 7);
}

static uint32_t mode(const struct apic *apic) {
  return atomic_load(&apic->lvt[LVT_TIMER]) & LVT_MODE;
}

/* TSC ticks per second times the divider: as much as APIC_TIMER_HZ counts. */
static uint64_t scale(const struct apic *apic) {
  return apic->cpu->machine->tsc_khz * 1000 * divider(apic->timer.divide);
}

static uint64_t counts(const struct apic *apic, uint64_t ticks) {
  return (uint64_t)((wide)ticks * APIC_TIMER_HZ / scale(apic));
}

/* Rounded up, so that `count` has passed at the tick. */
static uint64_t ticks(const struct apic *apic, wide count) {
  return (uint64_t)((count * scale(apic) + APIC_TIMER_HZ - 1) / APIC_TIMER_HZ);
}

static uint64_t next_expiry(const struct apic *apic) {
  const struct apic_timer *timer = &apic->timer;
  if (mode(apic) == LVT_TSC_DEADLINE) return timer->tsc_deadline ? timer->tsc_deadline : UINT64_MAX;
  if (!timer->counting) return UINT64_MAX;
  return timer->start + ticks(apic, timer->from + (wide)timer->expiries * timer->initial);
}

static void load(struct apic *apic, uint32_t count) {
  apic->timer.counting = count != 0;
  apic->timer.from = count;
  apic->timer.start = cpu_tsc(apic->cpu);
  apic->timer.expiries = 0;
}

/* The dispatcher planned with another deadline. */
static void changed(struct apic *apic) {
  apic_run_timer(apic, cpu_tsc(apic->cpu));
  cpu_attend(apic->cpu);
}

void apic_timer_reset(struct apic *apic) {
  apic->timer = (struct apic_timer){0};
}

uint32_t apic_timer_current(const struct apic *apic) {
  const struct apic_timer *timer = &apic->timer;
  if (!timer->counting) return 0;
  uint64_t passed = counts(apic, cpu_tsc(apic->cpu) - timer->start);
  if (passed < timer->from) return timer->from - (uint32_t)passed;
  if (mode(apic) != LVT_PERIODIC) return 0;
  return timer->initial - (uint32_t)((passed - timer->from) % timer->initial);
}

void apic_timer_set_initial(struct apic *apic, uint32_t count) {
  if (mode(apic) == LVT_TSC_DEADLINE) return;
  apic->timer.initial = count;
  load(apic, count);
  changed(apic);
}

void apic_timer_set_divide(struct apic *apic, uint32_t divide) {
  apic_run_timer(apic, cpu_tsc(apic->cpu));
  uint32_t left = apic_timer_current(apic);
  apic->timer.divide = divide & DIVIDE_BITS;
  if (!apic->timer.counting) return;
  load(apic, left);
  changed(apic);
}

void apic_timer_set_lvt(struct apic *apic, uint32_t entry) {
  apic_run_timer(apic, cpu_tsc(apic->cpu));
  bool was_deadline = mode(apic) == LVT_TSC_DEADLINE;
  atomic_store(&apic->lvt[LVT_TIMER], entry);
  if (was_deadline != (mode(apic) == LVT_TSC_DEADLINE)) {
    apic->timer.counting = false;
    apic->timer.initial = 0;
    apic->timer.tsc_deadline = 0;
  }
  cpu_attend(apic->cpu);
}

uint64_t apic_tsc_deadline(const struct apic *apic) { return apic->timer.tsc_deadline; }

void apic_set_tsc_deadline(struct apic *apic, uint64_t value) {
  if (mode(apic) != LVT_TSC_DEADLINE) return;
  apic->timer.tsc_deadline = value;
  changed(apic);
}

void apic_shift_tsc(struct apic *apic, int64_t difference) {
  apic->timer.start += (uint64_t)difference;
  changed(apic);
}

/* A masked timer expires unnoticed: nobody needs to wake for it. */
uint64_t apic_deadline(const struct apic *apic) {
  if (atomic_load(&apic->lvt[LVT_TIMER]) & LVT_MASKED) return UINT64_MAX;
  return next_expiry(apic);
}

void apic_run_timer(struct apic *apic, uint64_t now) {
  struct apic_timer *timer = &apic->timer;
  uint64_t expiry = next_expiry(apic);
  if (expiry == UINT64_MAX || now < expiry) return;
  switch (mode(apic)) {
    case LVT_TSC_DEADLINE:
      timer->tsc_deadline = 0;
      break;
    case LVT_PERIODIC: /* late by some periods: they are one interrupt */
      timer->expiries = (counts(apic, now - timer->start) - timer->from) / timer->initial + 1;
      break;
    default:
      timer->counting = false;
  }
  uint32_t entry = atomic_load(&apic->lvt[LVT_TIMER]);
  if (!(entry & LVT_MASKED)) apic_interrupt(apic, entry & LVT_VECTOR, false);
}
