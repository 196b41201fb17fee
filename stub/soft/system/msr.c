/* Model-specific registers (SDM volume 4, chapter 2): those that CPUID's features come with. */
#include "soft/apic/apic.h"
#include "soft/system/mtrr.h"
#include "soft/system/system.h"

#define MSR_TSC 0x10
#define MSR_PLATFORM_ID 0x17
#define MSR_APIC_BASE 0x1b
#define MSR_FEATURE_CONTROL 0x3a
#define MSR_TSC_ADJUST 0x3b
#define MSR_BIOS_SIGN_ID 0x8b
#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define MSR_MCG_CAP 0x179
#define MSR_MCG_STATUS 0x17a
#define MSR_MISC_ENABLE 0x1a0
#define MSR_DEBUGCTL 0x1d9
#define MSR_PAT 0x277
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC_FIRST 0x800
#define MSR_X2APIC_LAST 0x8ff
#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_CSTAR 0xc0000083
#define MSR_SFMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX 0xc0000103

#define EFER_WRITABLE (EFER_SCE | EFER_LME | EFER_NXE)
#define FEATURE_CONTROL_LOCKED 1
#define MISC_ENABLE_FAST_STRINGS 1
#define DEBUGCTL_KNOWN 3 /* LBR and BTF, which nothing comes of here */
#define MCG_STATUS_BITS 7

/* The update revision stands in the upper half. */
#define MICROCODE ((uint64_t)0x10d << 32)

/* Nothing is executed speculatively, so that no attack by speculation is there to be mitigated. */
#define RDCL_NO (1ull << 0)
#define SKIP_L1DFL_VMENTRY (1ull << 3)
#define SSB_NO (1ull << 4)
#define MDS_NO (1ull << 5)
#define PSCHANGE_MC_NO (1ull << 6)
#define TAA_NO (1ull << 8)
#define SBDR_SSDP_NO (1ull << 13)
#define FBSDP_NO (1ull << 14)
#define PSDP_NO (1ull << 15)
#define BHI_NO (1ull << 20)
#define PBRSB_NO (1ull << 24)
#define GDS_NO (1ull << 26)
#define RFDS_NO (1ull << 27)
#define ITS_NO (1ull << 62)
#define ARCH_CAPABILITIES                                                                         \
  (RDCL_NO | SKIP_L1DFL_VMENTRY | SSB_NO | MDS_NO | PSCHANGE_MC_NO | TAA_NO | SBDR_SSDP_NO |      \
   FBSDP_NO | PSDP_NO | BHI_NO | PBRSB_NO | GDS_NO | RFDS_NO | ITS_NO)

#define PAT_ENTRIES 8
#define PAT_UC_MINUS 7

static bool canonical(uint64_t address) {
  return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static bool pat_valid(uint64_t pat) {
  for (int i = 0; i < PAT_ENTRIES; i++) {
    uint8_t type = (uint8_t)(pat >> 8 * i);
    if (!memory_type_valid(type) && type != PAT_UC_MINUS) return false;
  }
  return true;
}

/* SDM volume 3, 2.2.1: LMA is the processor's, LME stays while paging is on. */
static bool set_efer(struct cpu *cpu, uint64_t value) {
  if (value & ~(uint64_t)(EFER_WRITABLE | EFER_LMA)) return false;
  uint64_t changed = (value ^ cpu->efer) & EFER_WRITABLE;
  if ((changed & EFER_LME) && (cpu->cr0 & CR0_PG)) return false;
  cpu->efer ^= changed;
  if (changed & EFER_NXE) tlb_flush_all(cpu);
  if (changed) cpu_mode_changed(cpu);
  return true;
}

static void shift_tsc(struct cpu *cpu, uint64_t difference) {
  cpu->tsc_offset += difference;
  cpu->tsc_adjust += difference;
  if (cpu->apic) apic_shift_tsc(cpu->apic, (int64_t)difference);
}

static bool set_address(uint64_t *to, uint64_t value) {
  if (!canonical(value)) return false;
  *to = value;
  return true;
}

/* False when `value` has other bits than `bits`. */
static bool set_bits(uint64_t *to, uint64_t value, uint64_t bits) {
  if (value & ~bits) return false;
  *to = value;
  return true;
}

bool msr_read(struct cpu *cpu, uint32_t number, uint64_t *value) {
  if (number >= MSR_X2APIC_FIRST && number <= MSR_X2APIC_LAST) {
    return cpu->apic && apic_msr_read(cpu->apic, number, value);
  }
  switch (number) {
    case MSR_TSC: *value = cpu_read_tsc(cpu); return true;
    case MSR_TSC_ADJUST: *value = cpu->tsc_adjust; return true;
    case MSR_TSC_AUX: *value = cpu->tsc_aux; return true;
    case MSR_EFER: *value = cpu->efer; return true;
    case MSR_STAR: *value = cpu->star; return true;
    case MSR_LSTAR: *value = cpu->lstar; return true;
    case MSR_CSTAR: *value = cpu->cstar; return true;
    case MSR_SFMASK: *value = cpu->sfmask; return true;
    case MSR_FS_BASE: *value = cpu->segment[FS].base; return true;
    case MSR_GS_BASE: *value = cpu->segment[GS].base; return true;
    case MSR_KERNEL_GS_BASE: *value = cpu->kernel_gs_base; return true;
    case MSR_SYSENTER_CS: *value = cpu->sysenter_cs; return true;
    case MSR_SYSENTER_ESP: *value = cpu->sysenter_esp; return true;
    case MSR_SYSENTER_EIP: *value = cpu->sysenter_eip; return true;
    case MSR_PAT: *value = cpu->pat; return true;
    case MSR_MISC_ENABLE: *value = cpu->misc_enable; return true;
    case MSR_MCG_STATUS: *value = cpu->mcg_status; return true;
    case MSR_FEATURE_CONTROL: *value = FEATURE_CONTROL_LOCKED; return true;
    case MSR_BIOS_SIGN_ID: *value = MICROCODE; return true;
    case MSR_ARCH_CAPABILITIES: *value = ARCH_CAPABILITIES; return true;
    case MSR_PLATFORM_ID:
    case MSR_MCG_CAP: /* no banks */
    case MSR_DEBUGCTL: *value = 0; return true;
    case MSR_APIC_BASE:
      if (!cpu->apic) return false;
      *value = apic_base(cpu->apic);
      return true;
    case MSR_TSC_DEADLINE:
      if (!cpu->apic) return false;
      *value = apic_tsc_deadline(cpu->apic);
      return true;
    default: return mtrr_read(cpu, number, value);
  }
}

bool msr_write(struct cpu *cpu, uint32_t number, uint64_t value) {
  if (number >= MSR_X2APIC_FIRST && number <= MSR_X2APIC_LAST) {
    return cpu->apic && apic_msr_write(cpu->apic, number, value);
  }
  switch (number) {
    case MSR_TSC: shift_tsc(cpu, value - cpu_tsc(cpu)); return true;
    case MSR_TSC_ADJUST: shift_tsc(cpu, value - cpu->tsc_adjust); return true;
    case MSR_TSC_AUX: return set_bits(&cpu->tsc_aux, value, UINT32_MAX);
    case MSR_EFER: return set_efer(cpu, value);
    case MSR_STAR: cpu->star = value; return true;
    case MSR_LSTAR: return set_address(&cpu->lstar, value);
    case MSR_CSTAR: return set_address(&cpu->cstar, value);
    case MSR_SFMASK: cpu->sfmask = value & UINT32_MAX; return true;
    case MSR_FS_BASE: return set_address(&cpu->segment[FS].base, value);
    case MSR_GS_BASE: return set_address(&cpu->segment[GS].base, value);
    case MSR_KERNEL_GS_BASE: return set_address(&cpu->kernel_gs_base, value);
    case MSR_SYSENTER_CS: cpu->sysenter_cs = value & UINT32_MAX; return true;
    case MSR_SYSENTER_ESP: return set_address(&cpu->sysenter_esp, value);
    case MSR_SYSENTER_EIP: return set_address(&cpu->sysenter_eip, value);
    case MSR_PAT:
      if (!pat_valid(value)) return false;
      cpu->pat = value;
      return true;
    case MSR_MISC_ENABLE: /* what else Linux clears in it is clear */
      cpu->misc_enable = (cpu->misc_enable & ~(uint64_t)MISC_ENABLE_FAST_STRINGS) |
                         (value & MISC_ENABLE_FAST_STRINGS);
      return true;
    case MSR_MCG_STATUS: return set_bits(&cpu->mcg_status, value, MCG_STATUS_BITS);
    case MSR_BIOS_SIGN_ID: return true; /* the first step of reading it */
    case MSR_DEBUGCTL: return !(value & ~(uint64_t)DEBUGCTL_KNOWN);
    case MSR_APIC_BASE: return cpu->apic && apic_set_base(cpu->apic, value);
    case MSR_TSC_DEADLINE:
      if (!cpu->apic) return false;
      apic_set_tsc_deadline(cpu->apic, value);
      return true;
    default: return mtrr_write(cpu, number, value);
  }
}
