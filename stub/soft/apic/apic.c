/* The local APIC: its registers, priorities and modes. */
#include "soft/apic/apic_state.h"

#include <stdlib.h>
#include <string.h>

#define VERSION (0x14u | (LVT_ENTRIES - 1) << 16)

#define BASE_RESERVED (~0xfffffffffffull | 0x2ffu) /* of 44 bits of physical address */

#define X2APIC_MSR 0x800u
#define X2APIC_MSRS 0x100u

#define TPR_BITS 0xffu
#define PRIORITY_CLASS 0xf0u
#define SVR_BITS 0x1ffu
#define SVR_RESET 0xffu
#define LDR_BITS 0xff000000u
#define DFR_FIXED 0x0fffffffu /* bits that are always set */
#define ID_SHIFT 24

#define ICR_STATUS 0x1000u
#define ICR_LOW_RESERVED 0xfff32000u
#define ICR_HIGH_SHIFT 32
#define ICR_HIGH_BITS 0xff000000u /* xAPIC */

static const uint32_t lvt_bits[LVT_ENTRIES] = {
    [LVT_TIMER] = LVT_VECTOR | LVT_MASKED | LVT_MODE,
    [LVT_THERMAL] = LVT_VECTOR | LVT_DELIVERY | LVT_MASKED,
    [LVT_PERFORMANCE] = LVT_VECTOR | LVT_DELIVERY | LVT_MASKED,
    [LVT_LINT0] = LVT_VECTOR | LVT_DELIVERY | LVT_POLARITY | LVT_LEVEL | LVT_MASKED,
    [LVT_LINT1] = LVT_VECTOR | LVT_DELIVERY | LVT_POLARITY | LVT_LEVEL | LVT_MASKED,
    [LVT_ERROR] = LVT_VECTOR | LVT_MASKED,
};

static uint32_t word_of(uint8_t vector) { return vector / 32; }
static uint32_t bit_of(uint8_t vector) { return 1u << vector % 32; }

static int highest(const uint32_t *words) {
  for (int i = APIC_VECTOR_WORDS - 1; i >= 0; i--) {
    if (words[i]) return i * 32 + 31 - __builtin_clz(words[i]);
  }
  return -1;
}

static int highest_requested(const struct apic *apic) {
  for (int i = APIC_VECTOR_WORDS - 1; i >= 0; i--) {
    uint32_t word = atomic_load(&apic->irr[i]);
    if (word) return i * 32 + 31 - __builtin_clz(word);
  }
  return -1;
}

/* SDM volume 3, 11.8.3.1. */
static uint32_t processor_priority(const struct apic *apic) {
  int serviced = highest(apic->isr);
  uint32_t class = serviced < 0 ? 0 : (uint32_t)serviced & PRIORITY_CLASS;
  return (apic->tpr & PRIORITY_CLASS) >= class ? apic->tpr : class;
}

bool apic_interrupt(struct apic *apic, uint8_t vector, bool level) {
  if (!apic_hardware_enabled(apic) || !apic_software_enabled(apic)) return false;
  if (vector < APIC_FIRST_VECTOR) {
    apic_error(apic, ESR_RECEIVE_VECTOR);
    return false;
  }
  uint32_t word = word_of(vector), bit = bit_of(vector);
  if (level) {
    atomic_fetch_or(&apic->tmr[word], bit);
  } else {
    atomic_fetch_and(&apic->tmr[word], ~bit);
  }
  if (!(atomic_fetch_or(&apic->irr[word], bit) & bit)) cpu_attend(apic->cpu);
  return true;
}

void apic_error(struct apic *apic, uint32_t bit) {
  if (atomic_fetch_or(&apic->errors, bit) & bit) return;
  uint32_t entry = atomic_load(&apic->lvt[LVT_ERROR]);
  if (!(entry & LVT_MASKED)) apic_interrupt(apic, entry & LVT_VECTOR, false);
}

static void clear(struct apic *apic) {
  for (int i = 0; i < APIC_VECTOR_WORDS; i++) {
    atomic_store(&apic->irr[i], 0);
    atomic_store(&apic->tmr[i], 0);
    apic->isr[i] = 0;
  }
  atomic_store(&apic->svr, SVR_RESET);
  atomic_store(&apic->ldr, 0);
  atomic_store(&apic->dfr, UINT32_MAX);
  atomic_store(&apic->errors, 0);
  for (int i = 0; i < LVT_ENTRIES; i++) atomic_store(&apic->lvt[i], LVT_MASKED);
  apic->esr = 0;
  apic->tpr = 0;
  apic->icr = 0;
  apic_timer_reset(apic);
}

/* SDM volume 3, 11.4.7. INIT leaves the mode and the id. */
void apic_reset(struct apic *apic, bool init) {
  clear(apic);
  if (init) return;
  memset(apic->eois, 0, sizeof apic->eois);
  atomic_store(&apic->signals, 0);
  atomic_store(&apic->base, APIC_BASE | APIC_BASE_ENABLE | (apic->id == 0 ? APIC_BASE_BSP : 0));
}

struct apic *apic_create(struct cpu *cpu, uint32_t id) {
  struct apic *apic = calloc(1, sizeof *apic);
  if (!apic) return NULL;
  apic->cpu = cpu;
  apic->id = id;
  apic_reset(apic, false);
  return apic;
}

void apic_destroy(struct apic *apic) { free(apic); }

uint64_t apic_base(const struct apic *apic) { return atomic_load(&apic->base); }

/* SDM volume 3, 11.12.5: from x2APIC the only way is off, and into it from xAPIC only. */
bool apic_set_base(struct apic *apic, uint64_t value) {
  const uint64_t modes = APIC_BASE_ENABLE | APIC_BASE_X2APIC;
  uint64_t from = atomic_load(&apic->base) & modes, to = value & modes;
  if ((value & BASE_RESERVED) || to == APIC_BASE_X2APIC) return false;
  if (from == modes && to == APIC_BASE_ENABLE) return false;
  if (from == 0 && to == modes) return false;
  atomic_store(&apic->base, value);
  if (from && !to) clear(apic);
  return true;
}

static void attend_pending(struct apic *apic) {
  if (apic_pending(apic) >= 0) cpu_attend(apic->cpu);
}

static void end_of_interrupt(struct apic *apic) {
  int vector = highest(apic->isr);
  if (vector < 0) return;
  uint32_t word = word_of((uint8_t)vector), bit = bit_of((uint8_t)vector);
  apic->isr[word] &= ~bit;
  if (atomic_load(&apic->cpu->machine->eoi_exits[word]) & bit) {
    apic->eois[word] |= bit;
    cpu_attend(apic->cpu);
  } else {
    attend_pending(apic);
  }
}

static void set_tpr(struct apic *apic, uint32_t value) {
  apic->tpr = (uint8_t)value;
  attend_pending(apic);
}

static void set_lvt(struct apic *apic, enum apic_lvt which, uint32_t value) {
  value &= lvt_bits[which];
  if (!apic_software_enabled(apic)) value |= LVT_MASKED;
  if (which == LVT_TIMER) {
    apic_timer_set_lvt(apic, value);
  } else {
    atomic_store(&apic->lvt[which], value);
  }
}

static void set_svr(struct apic *apic, uint32_t value) {
  atomic_store(&apic->svr, value & SVR_BITS);
  for (int i = 0; i < LVT_ENTRIES; i++) set_lvt(apic, i, atomic_load(&apic->lvt[i]));
}

/* What xAPIC and x2APIC have in common. */
static bool read_register(const struct apic *apic, uint32_t offset, uint32_t *value) {
  uint32_t index = (offset & 0x7f) / APIC_STRIDE;
  switch (offset) {
    case APIC_VERSION: *value = VERSION; return true;
    case APIC_TPR: *value = apic->tpr; return true;
    case APIC_PPR: *value = processor_priority(apic); return true;
    case APIC_SVR: *value = atomic_load(&apic->svr); return true;
    case APIC_ESR: *value = apic->esr; return true;
    case APIC_ICR_LOW: *value = (uint32_t)apic->icr; return true;
    case APIC_INITIAL_COUNT: *value = apic->timer.initial; return true;
    case APIC_CURRENT_COUNT: *value = apic_timer_current(apic); return true;
    case APIC_DIVIDE: *value = apic->timer.divide; return true;
  }
  if (offset >= APIC_LVT && offset < APIC_LVT + LVT_ENTRIES * APIC_STRIDE) {
    *value = atomic_load(&apic->lvt[(offset - APIC_LVT) / APIC_STRIDE]);
    return true;
  }
  switch (offset & ~0x7fu) {
    case APIC_ISR: *value = apic->isr[index]; return true;
    case APIC_TMR: *value = atomic_load(&apic->tmr[index]); return true;
    case APIC_IRR: *value = atomic_load(&apic->irr[index]); return true;
  }
  return false;
}

static bool write_register(struct apic *apic, uint32_t offset, uint32_t value) {
  switch (offset) {
    case APIC_TPR: set_tpr(apic, value); return true;
    case APIC_EOI: end_of_interrupt(apic); return true;
    case APIC_SVR: set_svr(apic, value); return true;
    case APIC_ESR: apic->esr = atomic_exchange(&apic->errors, 0); return true;
    case APIC_INITIAL_COUNT: apic_timer_set_initial(apic, value); return true;
    case APIC_DIVIDE: apic_timer_set_divide(apic, value); return true;
  }
  if (offset >= APIC_LVT && offset < APIC_LVT + LVT_ENTRIES * APIC_STRIDE) {
    set_lvt(apic, (offset - APIC_LVT) / APIC_STRIDE, value);
    return true;
  }
  return false;
}

static bool in_xapic_mode(const struct apic *apic) {
  return (apic_base(apic) & (APIC_BASE_ENABLE | APIC_BASE_X2APIC)) == APIC_BASE_ENABLE;
}

uint32_t apic_mmio_read(struct apic *apic, uint32_t offset) {
  uint32_t value = 0;
  if (!in_xapic_mode(apic) || offset % APIC_STRIDE) return 0;
  switch (offset) {
    case APIC_ID: return apic->id << ID_SHIFT;
    case APIC_LDR: return atomic_load(&apic->ldr);
    case APIC_DFR: return atomic_load(&apic->dfr);
    case APIC_ICR_HIGH: return (uint32_t)(apic->icr >> ICR_HIGH_SHIFT);
    case APIC_APR:
    case APIC_RRD:
    case APIC_EOI: return 0;
  }
  if (!read_register(apic, offset, &value)) apic_error(apic, ESR_REGISTER);
  return value;
}

void apic_mmio_write(struct apic *apic, uint32_t offset, uint32_t value) {
  if (!in_xapic_mode(apic) || offset % APIC_STRIDE) return;
  switch (offset) {
    case APIC_ID: /* read-only in every processor of ours */
    case APIC_VERSION: return;
    case APIC_LDR: atomic_store(&apic->ldr, value & LDR_BITS); return;
    case APIC_DFR: atomic_store(&apic->dfr, value | DFR_FIXED); return;
    case APIC_ICR_HIGH:
      apic->icr = (apic->icr & UINT32_MAX) | (uint64_t)(value & ICR_HIGH_BITS) << ICR_HIGH_SHIFT;
      return;
    case APIC_ICR_LOW:
      apic->icr = (apic->icr & ~(uint64_t)UINT32_MAX) |
                  (value & ~(ICR_LOW_RESERVED | ICR_STATUS));
      apic_send(apic, apic->icr);
      return;
  }
  if (!write_register(apic, offset, value)) apic_error(apic, ESR_REGISTER);
}

/* An MSR's register, or one that x2APIC has nothing at (SDM volume 3, table 11-6). */
static bool x2apic_offset(const struct apic *apic, uint32_t msr, uint32_t *offset) {
  if (!apic_x2apic(apic) || msr - X2APIC_MSR >= X2APIC_MSRS) return false;
  *offset = (msr - X2APIC_MSR) * APIC_STRIDE;
  return true;
}

bool apic_msr_read(struct apic *apic, uint32_t msr, uint64_t *value) {
  uint32_t offset, word;
  if (!x2apic_offset(apic, msr, &offset)) return false;
  switch (offset) {
    case APIC_ID: *value = apic->id; return true;
    case APIC_LDR: *value = apic_x2apic_ldr(apic); return true;
    case APIC_ICR_LOW: *value = apic->icr; return true;
  }
  if (!read_register(apic, offset, &word)) return false;
  *value = word;
  return true;
}

/* Bits of an x2APIC register that may be set in a write. */
static uint32_t x2apic_writable(uint32_t offset) {
  switch (offset) {
    case APIC_TPR: return TPR_BITS;
    case APIC_SVR: return SVR_BITS;
    case APIC_EOI:
    case APIC_ESR: return 0;
    case APIC_DIVIDE: return DIVIDE_BITS;
    case APIC_SELF_IPI: return LVT_VECTOR;
    case APIC_INITIAL_COUNT: return UINT32_MAX;
  }
  uint32_t lvt = (offset - APIC_LVT) / APIC_STRIDE;
  return lvt < LVT_ENTRIES ? lvt_bits[lvt] | ICR_STATUS : UINT32_MAX;
}

bool apic_msr_write(struct apic *apic, uint32_t msr, uint64_t value) {
  uint32_t offset;
  if (!x2apic_offset(apic, msr, &offset)) return false;
  if (offset == APIC_ICR_LOW) {
    if (value & ICR_LOW_RESERVED) return false;
    apic->icr = value & ~(uint64_t)ICR_STATUS;
    apic_send(apic, apic->icr);
    return true;
  }
  if (value & ~(uint64_t)x2apic_writable(offset)) return false;
  if (offset == APIC_SELF_IPI) {
    apic_send_self(apic, (uint8_t)value);
    return true;
  }
  return write_register(apic, offset, (uint32_t)value);
}

uint8_t apic_cr8(const struct apic *apic) { return apic->tpr >> 4; }

void apic_set_cr8(struct apic *apic, uint8_t value) { set_tpr(apic, (uint32_t)value << 4); }

int apic_pending(struct apic *apic) {
  int vector = highest_requested(apic);
  if (vector < 0 || !apic_hardware_enabled(apic)) return -1;
  uint32_t class = (uint32_t)vector & PRIORITY_CLASS;
  return class > (processor_priority(apic) & PRIORITY_CLASS) ? vector : -1;
}

void apic_accept(struct apic *apic, uint8_t vector) {
  atomic_fetch_and(&apic->irr[word_of(vector)], ~bit_of(vector));
  apic->isr[word_of(vector)] |= bit_of(vector);
}

int apic_take_eoi(struct apic *apic) {
  int vector = highest(apic->eois);
  if (vector >= 0) apic->eois[word_of((uint8_t)vector)] &= ~bit_of((uint8_t)vector);
  return vector;
}
