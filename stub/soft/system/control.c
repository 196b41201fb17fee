/* Control and debug registers, and the instructions that flush the TLB (SDM volume 3, 2.5, 4.10). */
#include "soft/apic/apic.h"
#include "soft/machine.h"
#include "soft/system/debug.h"
#include "soft/system/segment.h"
#include "soft/system/system.h"
#include "soft/system/system_ops.h"

#define CR0_KNOWN \
  (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
/* Translations are cached under these. */
#define CR0_PAGING (CR0_PE | CR0_PG | CR0_WP)
#define CR0_MSW 0xf
#define CR3_NO_FLUSH (1ull << 63)
#define CR3_RESERVED 0x7fffff0000000000 /* physical addresses have 40 bits: cpuid.c says so */
#define CR3_PCID 0xfff
#define CR4_KNOWN                                                                            \
  (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE |  \
   CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE | CR4_SMEP | \
   CR4_SMAP)
#define CR4_PAGING (CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP)
#define DR6_WRITABLE 0x0000e00f
#define DR6_ONES 0xffff0ff0
#define DR7_WRITABLE 0xffff23ff
#define DR7_ONES 0x400

static bool cr0_allowed(const struct cpu *cpu, uint64_t value) {
  if (value >> 32 || (value & CR0_PG && !(value & CR0_PE)) || (value & CR0_NW && !(value & CR0_CD))) {
    return false;
  }
  bool paging = value & CR0_PG, paged = cpu->cr0 & CR0_PG;
  if (paging && !paged && cpu->efer & EFER_LME) {
    return cpu->cr4 & CR4_PAE && !(cpu->segment[CS].access & AR_L);
  }
  return paging || !paged || (cpu->code_size != 8 && !(cpu->cr4 & CR4_PCIDE));
}

static void set_cr0(struct cpu *cpu, const struct op *op, uint64_t value) {
  if (!cr0_allowed(cpu, value)) cpu_fault(cpu, op, VECTOR_GP, 0);
  uint64_t changed = cpu->cr0 ^ value;
  cpu->cr0 = (value & CR0_KNOWN) | CR0_ET;
  if (changed & CR0_PG) {
    cpu->efer &= ~(uint64_t)EFER_LMA;
    if (value & CR0_PG && cpu->efer & EFER_LME) cpu->efer |= EFER_LMA;
  }
  if (changed & CR0_PAGING) tlb_flush_all(cpu);
  cpu_mode_changed(cpu);
}

static void set_cr3(struct cpu *cpu, const struct op *op, uint64_t value) {
  bool keep = false;
  if (cpu->cr4 & CR4_PCIDE) {
    keep = value & CR3_NO_FLUSH;
    value &= ~CR3_NO_FLUSH;
  }
  if (value & (CR3_RESERVED | CR3_NO_FLUSH)) cpu_fault(cpu, op, VECTOR_GP, 0);
  tlb_switch(cpu, value, keep);
}

static bool cr4_allowed(const struct cpu *cpu, uint64_t value) {
  if (value & ~(uint64_t)CR4_KNOWN || (cpu_long_mode(cpu) && !(value & CR4_PAE))) return false;
  bool enables_pcid = value & ~cpu->cr4 & CR4_PCIDE;
  return !enables_pcid || (cpu_long_mode(cpu) && !(cpu->cr3 & CR3_PCID));
}

static void set_cr4(struct cpu *cpu, const struct op *op, uint64_t value) {
  if (!cr4_allowed(cpu, value)) cpu_fault(cpu, op, VECTOR_GP, 0);
  uint64_t changed = cpu->cr4 ^ value;
  cpu->cr4 = value;
  if (changed & CR4_PAGING) tlb_flush_all(cpu);
  cpu_mode_changed(cpu);
}

static void set_cr8(struct cpu *cpu, const struct op *op, uint64_t value) {
  if (value > 15) cpu_fault(cpu, op, VECTOR_GP, 0);
  if (cpu->machine->has_apics) apic_set_cr8(cpu->apic, (uint8_t)value);
  else cpu->cr8 = value;
}

void control_write(struct cpu *cpu, const struct op *op, uint8_t number, uint64_t value) {
  switch (number) {
    case 0: set_cr0(cpu, op, value); break;
    case 2: cpu->cr2 = value; break;
    case 3: set_cr3(cpu, op, value); break;
    case 4: set_cr4(cpu, op, value); break;
    case 8: set_cr8(cpu, op, value); break;
  }
}

void exec_mov_to_cr(struct cpu *cpu, const struct op *op) {
  need_cpl0(cpu, op);
  control_write(cpu, op, op->code, get_natural(cpu, op->src));
  finish(cpu, op);
}

static uint64_t get_cr(const struct cpu *cpu, uint8_t number) {
  switch (number) {
    case 0: return cpu->cr0;
    case 2: return cpu->cr2;
    case 3: return cpu->cr3;
    case 4: return cpu->cr4;
    default: return cpu->machine->has_apics ? apic_cr8(cpu->apic) : cpu->cr8;
  }
}

void exec_mov_from_cr(struct cpu *cpu, const struct op *op) {
  need_cpl0(cpu, op);
  set_register(cpu, op->dst, cpu->code_size == 8 ? 8 : 4, get_cr(cpu, op->code));
  NEXT;
}

void exec_clts(struct cpu *cpu, const struct op *op) {
  need_cpl0(cpu, op);
  cpu->cr0 &= ~(uint64_t)CR0_TS;
  finish(cpu, op);
}

/* Sets PE but never clears it. */
void exec_lmsw(struct cpu *cpu, const struct op *op) {
  need_cpl0(cpu, op);
  uint64_t word = REG16(op->src) & CR0_MSW;
  set_cr0(cpu, op, (cpu->cr0 & ~(uint64_t)(CR0_MSW & ~CR0_PE)) | word);
  finish(cpu, op);
}

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE is set (SDM volume 3, 17.2.2). */
static uint8_t debug_register(struct cpu *cpu, const struct op *op) {
  uint8_t number = op->code;
  if (number == 4 || number == 5) {
    if (cpu->cr4 & CR4_DE) cpu_fault(cpu, op, VECTOR_UD, 0);
    number += 2;
  }
  need_cpl0(cpu, op);
  if (cpu->dr[7] & DR7_GD) cpu_debug_fault(cpu, op, DR6_BD);
  return number;
}

void exec_mov_from_dr(struct cpu *cpu, const struct op *op) {
  uint8_t number = debug_register(cpu, op);
  set_register(cpu, op->dst, cpu->code_size == 8 ? 8 : 4, cpu->dr[number]);
  NEXT;
}

void exec_mov_to_dr(struct cpu *cpu, const struct op *op) {
  uint8_t number = debug_register(cpu, op);
  uint64_t value = get_natural(cpu, op->src);
  if (number >= 6 && value >> 32) cpu_fault(cpu, op, VECTOR_GP, 0);
  if (number == 6) value = (value & DR6_WRITABLE) | DR6_ONES;
  if (number == 7) value = (value & DR7_WRITABLE) | DR7_ONES;
  cpu->dr[number] = value;
  debug_changed(cpu);
  finish(cpu, op);
}

void exec_invlpg(struct cpu *cpu, const struct op *op) {
  need_cpl0(cpu, op);
  tlb_flush_address(cpu, ea(cpu, op));
  finish(cpu, op);
}

enum { INVPCID_ADDRESS, INVPCID_CONTEXT, INVPCID_ALL, INVPCID_ALL_BUT_GLOBAL };

void exec_invpcid(struct cpu *cpu, const struct op *op) {
  need_cpl0(cpu, op);
  uint64_t type = get_natural(cpu, op->src);
  union xmm descriptor;
  load128(cpu, op, ea(cpu, op), &descriptor);
  uint64_t pcid = descriptor.u64[0], address = descriptor.u64[1];
  bool by_pcid = type <= INVPCID_CONTEXT;
  if (type > INVPCID_ALL_BUT_GLOBAL || pcid & ~(uint64_t)CR3_PCID ||
      (by_pcid && pcid && !(cpu->cr4 & CR4_PCIDE)) ||
      (type == INVPCID_ADDRESS && !address_canonical(address))) {
    cpu_fault(cpu, op, VECTOR_GP, 0);
  }
  uint64_t present = cpu->cr4 & CR4_PCIDE ? cpu->cr3 & CR3_PCID : 0;
  if (type == INVPCID_ADDRESS) tlb_flush_address(cpu, address);
  else if (type != INVPCID_CONTEXT) tlb_flush_all(cpu);
  else if (pcid == present) tlb_flush_space(cpu);
  else tlb_flush_pcid(cpu, (uint32_t)pcid);
  finish(cpu, op);
}
