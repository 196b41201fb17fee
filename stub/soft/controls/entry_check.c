/* What a VM entry checks of the guest's state (SDM volume 3, 27.3.1), as far as it exists here. */
#include "soft/controls/controls.h"
#include "soft/system/segment.h"

#define CR0_KNOWN \
  (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define CR4_KNOWN                                                                            \
  (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE |  \
   CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE | CR4_SMEP | \
   CR4_SMAP)
#define EFER_KNOWN (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define FLAGS_KNOWN                                                                                    \
  (FLAGS_STATUS | FLAG_RESERVED | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_VM | \
   FLAG_AC | FLAG_VIF | FLAG_VIP | FLAG_ID)
#define PHYSICAL_BITS 40
#define ACCESS_RESERVED 0xfffe0f00u

static bool controls_allowed(const struct cpu *cpu) {
  bool paging = cpu->cr0 & CR0_PG, lma = cpu->efer & EFER_LMA;
  if (cpu->cr0 & ~(uint64_t)CR0_KNOWN || (paging && !(cpu->cr0 & CR0_PE))) return false;
  if (cpu->cr4 & ~(uint64_t)CR4_KNOWN || cpu->cr3 >> PHYSICAL_BITS || cpu->efer & ~(uint64_t)EFER_KNOWN) return false;
  if (lma != (paging && cpu->efer & EFER_LME)) return false;
  if (lma ? !(cpu->cr4 & CR4_PAE) : (cpu->cr4 & CR4_PCIDE) != 0) return false;
  return !(cpu->dr[7] >> 32) && address_canonical(cpu->sysenter_esp) && address_canonical(cpu->sysenter_eip);
}

static bool usable(const struct segment *segment) { return !(segment->access & AR_UNUSABLE); }

/* The granularity that a limit can have been loaded with. */
static bool limit_allowed(const struct segment *segment) {
  bool low_ones = (segment->limit & 0xfff) == 0xfff, high = segment->limit >> 20;
  return segment->access & AR_G ? low_ones : !high;
}

static bool code_allowed(const struct cpu *cpu) {
  const struct segment *cs = &cpu->segment[CS];
  uint32_t dpl = access_dpl(cs->access), ss_dpl = access_dpl(cpu->segment[SS].access);
  bool conforming = cs->access & AR_CONFORMING;
  if (!usable(cs) || !access_code(cs->access) || !(cs->access & AR_ACCESSED) || !(cs->access & AR_PRESENT)) return false;
  if (cs->access & ACCESS_RESERVED || !limit_allowed(cs)) return false;
  if (conforming ? dpl > ss_dpl : dpl != ss_dpl) return false;
  return !(cpu_long_mode(cpu) && cs->access & AR_L && cs->access & AR_DB);
}

static bool data_allowed(const struct cpu *cpu, uint8_t number) {
  const struct segment *segment = &cpu->segment[number];
  if (!usable(segment)) return true;
  uint32_t access = segment->access;
  if (!(access & AR_S) || !(access & AR_PRESENT) || !(access & AR_ACCESSED) || access & ACCESS_RESERVED) return false;
  if (!limit_allowed(segment)) return false;
  if (number == SS) return access_writable(access);
  return !(access & AR_CODE) || access & AR_READABLE;
}

static bool virtual_8086_allowed(const struct cpu *cpu) {
  for (uint8_t i = 0; i <= GS; i++) {
    const struct segment *segment = &cpu->segment[i];
    if (segment->base != (uint64_t)segment->selector << 4 || segment->limit != 0xffff || segment->access != 0xf3) return false;
  }
  return true;
}

static bool system_segments_allowed(const struct cpu *cpu) {
  const struct segment *tr = &cpu->segment[TR], *ldtr = &cpu->segment[LDTR];
  uint32_t type = tr->access & (AR_S | AR_TYPE);
  if (!usable(tr) || !(tr->access & AR_PRESENT) || tr->selector & SELECTOR_TI || !limit_allowed(tr)) return false;
  if (type != TYPE_TSS32_BUSY && (type != TYPE_TSS16_BUSY || cpu_long_mode(cpu))) return false;
  if (!address_canonical(tr->base)) return false;
  if (!usable(ldtr)) return true;
  return (ldtr->access & (AR_S | AR_TYPE)) == TYPE_LDT && ldtr->access & AR_PRESENT && !(ldtr->selector & SELECTOR_TI) &&
         limit_allowed(ldtr) && address_canonical(ldtr->base);
}

static bool segments_allowed(const struct cpu *cpu) {
  if (!address_canonical(cpu->segment[FS].base) || !address_canonical(cpu->segment[GS].base)) return false;
  if (cpu->gdtr.limit > 0xffff || cpu->idtr.limit > 0xffff) return false;
  if (!address_canonical(cpu->gdtr.base) || !address_canonical(cpu->idtr.base)) return false;
  if (cpu->segment[CS].base >> 32 || !system_segments_allowed(cpu)) return false;
  if (cpu->flags & FLAG_VM) return virtual_8086_allowed(cpu);
  /* In real mode CS may be as data segments are. */
  if (cpu_protected(cpu) && !code_allowed(cpu)) return false;
  for (uint8_t i = ES; i <= GS; i++) {
    if (i != CS && !data_allowed(cpu, i)) return false;
  }
  return true;
}

static bool rip_allowed(const struct cpu *cpu) {
  bool wide = cpu_long_mode(cpu) && cpu->segment[CS].access & AR_L;
  return wide ? address_canonical(cpu->rip) : !(cpu->rip >> 32);
}

static bool flags_allowed(const struct cpu *cpu, bool external) {
  if (cpu->flags & ~(uint64_t)FLAGS_KNOWN || !(cpu->flags & FLAG_RESERVED)) return false;
  if (cpu->flags & FLAG_VM && (cpu_long_mode(cpu) || !cpu_protected(cpu))) return false;
  return !external || cpu->flags & FLAG_IF;
}

static bool activity_allowed(const struct cpu *cpu, bool injected, bool external, bool nmi) {
  if (cpu->shadow == SHADOW_STI && !(cpu->flags & FLAG_IF)) return false;
  if (cpu->shadow && (external || (nmi && cpu->shadow == SHADOW_MOV_SS))) return false;
  if ((cpu->halted || cpu->wait_for_sipi) && cpu->shadow) return false;
  if (cpu->halted && access_dpl(cpu->segment[SS].access) && cpu_protected(cpu)) return false;
  return !(cpu->wait_for_sipi && injected);
}

bool entry_allowed(const struct cpu *cpu, uint32_t injected) {
  bool valid = injected & SX_INTERRUPTION_VALID;
  uint32_t type = injected >> SX_INTERRUPTION_TYPE_SHIFT & 7;
  bool external = valid && type == SX_TYPE_EXTERNAL, nmi = valid && type == SX_TYPE_NMI;
  return controls_allowed(cpu) && segments_allowed(cpu) && rip_allowed(cpu) && flags_allowed(cpu, external) &&
         activity_allowed(cpu, valid, external, nmi);
}
