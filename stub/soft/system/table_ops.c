/* Instructions on descriptor tables and the task register, and those that look at descriptors. */
#include "soft/system/segment.h"
#include "soft/system/system.h"
#include "soft/system/system_ops.h"

static void need_protected(struct cpu *cpu, const struct op *op) {
  if (segments_real(cpu)) cpu_fault(cpu, op, VECTOR_UD, 0);
}

/* A system descriptor of the GDT for LDTR or TR, with the upper half of its base. */
static struct descriptor system_fetch(struct cpu *cpu, const struct op *op, uint16_t selector,
                                      uint64_t *base) {
  uint32_t error = SELECTOR_ERROR(selector);
  if (selector & SELECTOR_TI) cpu_fault(cpu, op, VECTOR_GP, error);
  bool wide = cpu_long_mode(cpu);
  struct descriptor found = descriptor_fetch(cpu, op, selector, wide ? 16 : 8);
  *base = descriptor_base(found.raw);
  if (!wide) return found;
  uint64_t high = system_load(cpu, found.address + 8, 8);
  *base |= high << 32;
  if (high >> 40 & (AR_S | AR_TYPE) || !address_canonical(*base)) cpu_fault(cpu, op, VECTOR_GP, error);
  return found;
}

static __attribute__((noinline)) void lldt(struct cpu *cpu, const struct op *op) {
  need_protected(cpu, op);
  need_cpl0(cpu, op);
  uint16_t selector = REG16(op->src);
  if (selector_null(selector)) {
    segment_set_null(cpu, LDTR, selector);
    return;
  }
  uint64_t base;
  struct descriptor table = system_fetch(cpu, op, selector, &base);
  uint32_t access = descriptor_access(table.raw);
  if ((access & (AR_S | AR_TYPE)) != TYPE_LDT) cpu_fault(cpu, op, VECTOR_GP, SELECTOR_ERROR(selector));
  if (!(access & AR_PRESENT)) cpu_fault(cpu, op, VECTOR_NP, SELECTOR_ERROR(selector));
  segment_set(cpu, LDTR, selector, &table);
  cpu->segment[LDTR].base = base;
}

void exec_lldt(struct cpu *cpu, const struct op *op) {
  lldt(cpu, op);
  NEXT;
}

static __attribute__((noinline)) void ltr(struct cpu *cpu, const struct op *op) {
  need_protected(cpu, op);
  need_cpl0(cpu, op);
  uint16_t selector = REG16(op->src);
  if (selector_null(selector)) cpu_fault(cpu, op, VECTOR_GP, 0);
  uint64_t base;
  struct descriptor task = system_fetch(cpu, op, selector, &base);
  uint32_t access = descriptor_access(task.raw);
  uint32_t type = access & (AR_S | AR_TYPE);
  if (type != TYPE_TSS32 && (type != TYPE_TSS16 || cpu_long_mode(cpu))) {
    cpu_fault(cpu, op, VECTOR_GP, SELECTOR_ERROR(selector));
  }
  if (!(access & AR_PRESENT)) cpu_fault(cpu, op, VECTOR_NP, SELECTOR_ERROR(selector));
  task.raw |= (uint64_t)TYPE_BUSY << 40;
  system_store(cpu, task.address + 5, task.raw >> 40 & 0xff, 1);
  segment_set(cpu, TR, selector, &task);
  cpu->segment[TR].base = base;
}

void exec_ltr(struct cpu *cpu, const struct op *op) {
  ltr(cpu, op);
  NEXT;
}

static void set_zf(struct cpu *cpu, bool set) {
  cc_flags(cpu, (cc_status(cpu) & ~FLAG_ZF) | (set ? FLAG_ZF : 0));
}

/* Whether a descriptor may be looked at from CPL and RPL. */
static bool visible(const struct cpu *cpu, uint16_t selector, uint32_t access) {
  uint32_t dpl = access_dpl(access);
  return access_conforming(access) || (dpl >= cpu->cpl && dpl >= (selector & SELECTOR_RPL));
}

static bool find_visible(struct cpu *cpu, const struct op *op, uint16_t selector, struct descriptor *out) {
  need_protected(cpu, op);
  instruction_at(cpu, op);
  return !selector_null(selector) && descriptor_find(cpu, selector, 8, out) &&
         visible(cpu, selector, descriptor_access(out->raw));
}

/* Types of system descriptors that LSL and LAR know, a bit each (SDM volume 2, LAR). */
#define LSL_TYPES (1 << TYPE_TSS16 | 1 << TYPE_LDT | 1 << TYPE_TSS16_BUSY | 1 << TYPE_TSS32 | 1 << TYPE_TSS32_BUSY)
#define LAR_TYPES (LSL_TYPES | 1 << TYPE_CALL_GATE16 | 1 << TYPE_TASK_GATE | 1 << TYPE_CALL_GATE32)
#define LONG_TYPES (1 << TYPE_LDT | 1 << TYPE_TSS32 | 1 << TYPE_TSS32_BUSY | 1 << TYPE_CALL_GATE32)

static bool known_type(const struct cpu *cpu, uint32_t access, uint32_t types) {
  if (access & AR_S) return true;
  if (cpu_long_mode(cpu)) types &= LONG_TYPES;
  return types >> (access & AR_TYPE) & 1;
}

static __attribute__((noinline)) void lar(struct cpu *cpu, const struct op *op) {
  struct descriptor found;
  bool valid = find_visible(cpu, op, REG16(op->src), &found) &&
               known_type(cpu, descriptor_access(found.raw), LAR_TYPES);
  if (valid) {
    uint32_t mask = op->code == 2 ? 0xff00 : 0xf0ff00;
    set_register(cpu, op->dst, op->code, found.raw >> 32 & mask);
  }
  set_zf(cpu, valid);
}

void exec_lar(struct cpu *cpu, const struct op *op) {
  lar(cpu, op);
  NEXT;
}

static __attribute__((noinline)) void lsl(struct cpu *cpu, const struct op *op) {
  struct descriptor found;
  bool valid = find_visible(cpu, op, REG16(op->src), &found) &&
               known_type(cpu, descriptor_access(found.raw), LSL_TYPES);
  if (valid) set_register(cpu, op->dst, op->code, descriptor_limit(found.raw));
  set_zf(cpu, valid);
}

void exec_lsl(struct cpu *cpu, const struct op *op) {
  lsl(cpu, op);
  NEXT;
}

static __attribute__((noinline)) void verr(struct cpu *cpu, const struct op *op) {
  struct descriptor found;
  bool valid = find_visible(cpu, op, REG16(op->src), &found);
  uint32_t access = valid ? descriptor_access(found.raw) : 0;
  set_zf(cpu, access & AR_S && (!(access & AR_CODE) || access & AR_READABLE));
}

void exec_verr(struct cpu *cpu, const struct op *op) {
  verr(cpu, op);
  NEXT;
}

static __attribute__((noinline)) void verw(struct cpu *cpu, const struct op *op) {
  struct descriptor found;
  bool valid = find_visible(cpu, op, REG16(op->src), &found);
  set_zf(cpu, valid && access_writable(descriptor_access(found.raw)));
}

void exec_verw(struct cpu *cpu, const struct op *op) {
  verw(cpu, op);
  NEXT;
}

/* UMIP (SDM volume 3, 2.5). */
static void need_umip(struct cpu *cpu, const struct op *op) {
  if (cpu->cr4 & CR4_UMIP) need_cpl0(cpu, op);
}

static void put16(struct cpu *cpu, const struct op *op, uint64_t value) {
  if (op->code) set_register(cpu, op->dst, op->code, value);
  else store16(cpu, op, ea(cpu, op), (uint16_t)value);
}

void exec_sldt(struct cpu *cpu, const struct op *op) {
  need_protected(cpu, op);
  need_umip(cpu, op);
  put16(cpu, op, cpu->segment[LDTR].selector);
  NEXT;
}

void exec_str(struct cpu *cpu, const struct op *op) {
  need_protected(cpu, op);
  need_umip(cpu, op);
  put16(cpu, op, cpu->segment[TR].selector);
  NEXT;
}

void exec_smsw(struct cpu *cpu, const struct op *op) {
  need_umip(cpu, op);
  put16(cpu, op, cpu->cr0);
  NEXT;
}

static void store_table(struct cpu *cpu, const struct op *op, const struct table_register *table) {
  need_umip(cpu, op);
  uint64_t address = ea(cpu, op);
  bool wide = cpu->code_size == 8;
  memory_probe_write(cpu, op, address, wide ? 10 : 6);
  store16(cpu, op, address, (uint16_t)table->limit);
  if (wide) store64(cpu, op, address + 2, table->base);
  else store32(cpu, op, address + 2, (uint32_t)table->base);
}

static void load_table(struct cpu *cpu, const struct op *op, struct table_register *table) {
  need_cpl0(cpu, op);
  uint64_t address = ea(cpu, op);
  uint16_t limit = load16(cpu, op, address);
  uint64_t base = cpu->code_size == 8 ? load64(cpu, op, address + 2) : load32(cpu, op, address + 2);
  if (!address_canonical(base)) cpu_fault(cpu, op, VECTOR_GP, 0);
  if (op->code == 2) base &= 0xffffff;
  *table = (struct table_register){.base = base, .limit = limit};
}

void exec_sgdt(struct cpu *cpu, const struct op *op) {
  store_table(cpu, op, &cpu->gdtr);
  NEXT;
}

void exec_sidt(struct cpu *cpu, const struct op *op) {
  store_table(cpu, op, &cpu->idtr);
  NEXT;
}

void exec_lgdt(struct cpu *cpu, const struct op *op) {
  load_table(cpu, op, &cpu->gdtr);
  NEXT;
}

void exec_lidt(struct cpu *cpu, const struct op *op) {
  load_table(cpu, op, &cpu->idtr);
  NEXT;
}
