/*
 * Control and debug registers, their masks and shadows (SDM volume 3, 25.6.6, 26.1.3 and 26.3; the
 * qualifications are tables 28-3 and 28-4), TLB invalidations and descriptor tables.
 */
#include "soft/controls/intercept.h"
#include "soft/system/segment.h"
#include "soft/system/system_ops.h"

#define ACCESS_MOV_FROM (1u << 4)
#define ACCESS_CLTS (2u << 4)
#define ACCESS_LMSW (3u << 4)
#define LMSW_MEMORY (1u << 6)
#define QUALIFICATION_REGISTER_SHIFT 8
#define LMSW_SOURCE_SHIFT 16
#define DR_MOV_FROM (1u << 4)

#define CR0_MSW 0xf

/* CR0 and CR4 as the guest reads them, and as a write that does not exit leaves them. */
static uint64_t shadowed(uint64_t value, uint64_t mask, uint64_t shadow) { return (value & ~mask) | (shadow & mask); }
static uint64_t unmasked(uint64_t old, uint64_t mask, uint64_t value) { return (old & mask) | (value & ~mask); }

static uint64_t qualify(const struct op *op, uint32_t access) {
  return op->code | access | (uint64_t)op->dst << QUALIFICATION_REGISTER_SHIFT;
}

static bool cr3_target(const struct sx_controls *set, uint64_t value) {
  for (uint32_t i = 0; i < set->cr3_target_count; i++) {
    if (set->cr3_targets[i] == value) return true;
  }
  return false;
}

static bool write_exits(const struct sx_controls *set, uint8_t number, uint64_t value) {
  switch (number) {
    case 0: return (value ^ set->cr0_shadow) & set->cr0_mask;
    case 3: return set->primary & SX_PRIMARY_CR3_LOAD && !cr3_target(set, value);
    case 4: return (value ^ set->cr4_shadow) & set->cr4_mask;
    case 8: return set->primary & SX_PRIMARY_CR8_LOAD;
    default: return false;
  }
}

void intercept_mov_to_cr(struct cpu *cpu, const struct op *op) {
  const struct sx_controls *set = &cpu->controls->set;
  uint64_t value = get_natural(cpu, REG_OFFSET(op->dst));
  if (cpu->cpl) NEXT;
  if (write_exits(set, op->code, value)) exit_now(cpu, op, SX_EXIT_CR_ACCESS, qualify(op, 0));
  if (op->code == 0 && set->cr0_mask) {
    control_write(cpu, op, 0, unmasked(cpu->cr0, set->cr0_mask, value));
    finish(cpu, op);
  } else if (op->code == 4 && set->cr4_mask) {
    control_write(cpu, op, 4, unmasked(cpu->cr4, set->cr4_mask, value));
    finish(cpu, op);
  } else {
    NEXT;
  }
}

void intercept_mov_from_cr(struct cpu *cpu, const struct op *op) {
  const struct sx_controls *set = &cpu->controls->set;
  bool exits = (op->code == 3 && set->primary & SX_PRIMARY_CR3_STORE) || (op->code == 8 && set->primary & SX_PRIMARY_CR8_STORE);
  if (cpu->cpl) NEXT;
  if (exits) exit_now(cpu, op, SX_EXIT_CR_ACCESS, qualify(op, ACCESS_MOV_FROM));
  if (op->code != 0 && op->code != 4) NEXT;
  uint64_t value = op->code == 0 ? shadowed(cpu->cr0, set->cr0_mask, set->cr0_shadow)
                                 : shadowed(cpu->cr4, set->cr4_mask, set->cr4_shadow);
  set_register(cpu, REG_OFFSET(op->dst), cpu->code_size == 8 ? 8 : 4, value);
  finish(cpu, op);
}

void intercept_clts(struct cpu *cpu, const struct op *op) {
  const struct sx_controls *set = &cpu->controls->set;
  if (cpu->cpl || !(set->cr0_mask & CR0_TS)) NEXT;
  if (set->cr0_shadow & CR0_TS) exit_now(cpu, op, SX_EXIT_CR_ACCESS, ACCESS_CLTS);
  finish(cpu, op); /* TS is not the guest's */
}

/* Returns whether the instruction is done. */
static bool load_status_word(struct cpu *cpu, const struct op *op, uint16_t word, bool memory) {
  const struct sx_controls *set = &cpu->controls->set;
  uint64_t differs = (word ^ set->cr0_shadow) & set->cr0_mask & CR0_MSW;
  if (!(word & CR0_PE)) differs &= ~(uint64_t)CR0_PE; /* it never clears PE */
  if (differs) {
    uint64_t qualification = ACCESS_LMSW | (uint64_t)word << LMSW_SOURCE_SHIFT | (memory ? LMSW_MEMORY : 0);
    struct sx_controlled_exit *record = exit_begin(cpu, op, SX_EXIT_CR_ACCESS, qualification);
    if (memory) record->guest_linear = ea(cpu, op);
    exit_leave(cpu);
  }
  if (!(set->cr0_mask & CR0_MSW)) return false;
  uint64_t bits = CR0_MSW & ~set->cr0_mask & ~(uint64_t)(word & CR0_PE ? 0 : CR0_PE);
  control_write(cpu, op, 0, (cpu->cr0 & ~bits) | (word & bits));
  finish(cpu, op);
  return true;
}

void intercept_lmsw(struct cpu *cpu, const struct op *op) {
  if (cpu->cpl || !load_status_word(cpu, op, (uint16_t)cpu->reg[op->dst], false)) NEXT;
}

void intercept_lmsw_memory(struct cpu *cpu, const struct op *op) {
  if (cpu->cpl || !load_status_word(cpu, op, load16(cpu, op, ea(cpu, op)), true)) NEXT;
}

static bool status_word_shadowed(const struct cpu *cpu) {
  return cpu->controls->set.cr0_mask && !(cpu->cpl && cpu->cr4 & CR4_UMIP);
}

static uint64_t shadowed_cr0(const struct cpu *cpu) {
  return shadowed(cpu->cr0, cpu->controls->set.cr0_mask, cpu->controls->set.cr0_shadow);
}

void intercept_smsw(struct cpu *cpu, const struct op *op) {
  if (!status_word_shadowed(cpu)) NEXT;
  set_register(cpu, REG_OFFSET(op->dst), op->code, shadowed_cr0(cpu));
  finish(cpu, op);
}

void intercept_smsw_memory(struct cpu *cpu, const struct op *op) {
  if (!status_word_shadowed(cpu)) NEXT;
  store16(cpu, op, ea(cpu, op), (uint16_t)shadowed_cr0(cpu));
  finish(cpu, op);
}

/* Before any check of the instruction's own (26.1.3). */
static void access_dr(struct cpu *cpu, const struct op *op, uint32_t direction) {
  if (!(cpu->controls->set.primary & SX_PRIMARY_MOV_DR)) return;
  exit_now(cpu, op, SX_EXIT_MOV_DR, qualify(op, direction));
}

void intercept_mov_to_dr(struct cpu *cpu, const struct op *op) {
  access_dr(cpu, op, 0);
  NEXT;
}

void intercept_mov_from_dr(struct cpu *cpu, const struct op *op) {
  access_dr(cpu, op, DR_MOV_FROM);
  NEXT;
}

void intercept_invlpg(struct cpu *cpu, const struct op *op) {
  if (!cpu->cpl && cpu->controls->set.primary & SX_PRIMARY_INVLPG) exit_now(cpu, op, SX_EXIT_INVLPG, ea(cpu, op));
  NEXT;
}

void intercept_invpcid(struct cpu *cpu, const struct op *op) {
  const struct sx_controls *set = &cpu->controls->set;
  if (!(set->secondary & SX_SECONDARY_INVPCID)) cpu_fault(cpu, op, VECTOR_UD, 0);
  if (!cpu->cpl && set->primary & SX_PRIMARY_INVLPG) exit_displacement(cpu, op, SX_EXIT_INVPCID);
  NEXT;
}

/* Stores are for anyone unless UMIP guards them. */
static bool table_allowed(const struct cpu *cpu, const struct op *op) {
  return !cpu->cpl || (op->code == TABLE_STORE && !(cpu->cr4 & CR4_UMIP));
}

void intercept_table(struct cpu *cpu, const struct op *op) {
  bool exits = cpu->controls->set.secondary & SX_SECONDARY_DESCRIPTOR_TABLE;
  if (exits && table_allowed(cpu, op)) exit_displacement(cpu, op, SX_EXIT_GDTR_IDTR);
  NEXT;
}

void intercept_table_segment(struct cpu *cpu, const struct op *op) {
  bool exits = cpu->controls->set.secondary & SX_SECONDARY_DESCRIPTOR_TABLE;
  if (exits && table_allowed(cpu, op) && !segments_real(cpu)) exit_displacement(cpu, op, SX_EXIT_LDTR_TR);
  NEXT;
}
