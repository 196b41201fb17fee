/* What a processor's mode follows from, and its state after RESET and INIT. */
#include <string.h>

#include "soft/apic/apic.h"
#include "soft/system/debug.h"
#include "soft/system/segment.h"
#include "soft/system/system.h"

/* SDM volume 3, table 10-1. */
#define DR6_RESET 0xffff0ff0
#define DR7_RESET 0x400
#define RDX_RESET 0x600 /* family 6 */
#define PAT_RESET 0x0007040600070406
/* IA32_MISC_ENABLE: fast strings; no branch trace store, no PEBS. */
#define MISC_ENABLE_RESET 0x1801
#define FCW_RESET 0x40
#define MXCSR_RESET 0x1f80

static bool segment_flat(const struct segment *segment) {
  return !segment->base && segment->limit == 0xffffffff && segment_fits(segment, 0, 1) &&
         !(segment->access & AR_UNUSABLE);
}

static uint8_t mode_code_size(const struct cpu *cpu) {
  if (segments_real(cpu)) return 2;
  uint32_t access = cpu->segment[CS].access;
  if (cpu_long_mode(cpu) && access & AR_L) return 8;
  return access & AR_DB ? 4 : 2;
}

/* Whether accesses by CS for code, and by DS, ES and SS for data, need no checks. */
static bool mode_flat(const struct cpu *cpu) {
  if (cpu->code_size == 8) return true;
  for (uint8_t segment = ES; segment <= DS; segment++) {
    if (!segment_flat(&cpu->segment[segment])) return false;
    if (segment != CS && !access_writable(cpu->segment[segment].access)) return false;
  }
  return true;
}

void cpu_mode_changed(struct cpu *cpu) {
  uint8_t old_size = cpu->code_size;
  bool old_flat = cpu->flat;
  /* SS.DPL is CPL (SDM volume 3, 25.4.1); every load of SS and CS here keeps it so. */
  cpu->cpl = !cpu_protected(cpu)    ? 0
             : cpu->flags & FLAG_VM ? 3 : (uint8_t)access_dpl(cpu->segment[SS].access);
  cpu->code_size = mode_code_size(cpu);
  cpu->flat = mode_flat(cpu);
  bool blind = cpu->cr4 & CR4_SMAP && !(cpu->flags & FLAG_AC);
  cpu->set = cpu->cpl == 3 ? TLB_USER : blind ? TLB_KERNEL : TLB_KERNEL_AC;
  cpu->aligned = cpu->cpl == 3 && cpu->cr0 & CR0_AM && cpu->flags & FLAG_AC;
  cpu->tlb = cpu->tlbs[cpu->aligned ? TLB_NOTHING : cpu->set];
  if (cpu->code_size != old_size || cpu->flat != old_flat) code_jumps_flush(cpu);
}

static void reset_segments(struct cpu *cpu) {
  for (uint8_t segment = 0; segment < SEGMENTS; segment++) {
    cpu->segment[segment] = (struct segment){.limit = 0xffff, .access = ACCESS_DATA16};
  }
  cpu->segment[CS] = (struct segment){
      .base = 0xffff0000, .limit = 0xffff, .access = ACCESS_CODE16, .selector = 0xf000};
  cpu->segment[LDTR].access = AR_PRESENT | TYPE_LDT;
  cpu->segment[TR].access = AR_PRESENT | TYPE_TSS32_BUSY;
  cpu->gdtr = cpu->idtr = (struct table_register){.limit = 0xffff};
}

/* What INIT leaves alone. */
static void reset_rest(struct cpu *cpu) {
  memset(cpu->xmm, 0, sizeof cpu->xmm);
  cpu->fpu = (struct fpu){.control = FCW_RESET, .tags = 0xff, .mxcsr = MXCSR_RESET};
  cpu->simd_unmasked = false;
  cpu->xcr0 = 1;
  cpu->star = cpu->lstar = cpu->cstar = cpu->sfmask = cpu->kernel_gs_base = 0;
  cpu->sysenter_cs = cpu->sysenter_esp = cpu->sysenter_eip = 0;
  cpu->tsc_aux = 0;
  cpu->pat = PAT_RESET;
  cpu->misc_enable = MISC_ENABLE_RESET;
  cpu->mcg_status = 0;
  cpu->mtrr_def_type = 0;
  memset(cpu->mtrr_physical, 0, sizeof cpu->mtrr_physical);
  memset(cpu->mtrr_fixed, 0, sizeof cpu->mtrr_fixed);
}

void cpu_reset(struct cpu *cpu, bool init) {
  uint64_t caching = init ? cpu->cr0 & (CR0_CD | CR0_NW) : CR0_CD | CR0_NW;
  memset(cpu->reg, 0, sizeof cpu->reg);
  cpu->reg[RDX] = RDX_RESET;
  cpu->rip = 0xfff0;
  cpu->flags = FLAG_RESERVED;
  cpu->cc_op = CC_FLAGS;
  reset_segments(cpu);
  cpu->cr0 = CR0_ET | caching;
  cpu->cr2 = cpu->cr3 = cpu->cr4 = cpu->cr8 = cpu->efer = 0;
  memset(cpu->dr, 0, sizeof cpu->dr);
  cpu->dr[6] = DR6_RESET;
  cpu->dr[7] = DR7_RESET;
  cpu->shadow = 0;
  cpu->stepping = cpu->resumed = cpu->repeating = false;
  cpu->debug_due = cpu->hits = 0;
  cpu->nmi_blocked = cpu->nmi_pending = false;
  cpu->interrupt_waiting = cpu->halted = false;
  cpu->delivering = 0;
  cpu->in.pending = false;
  cpu->replay_done = cpu->replay_next = 0;
  if (!init) reset_rest(cpu);
  if (cpu->apic) apic_reset(cpu->apic, init);
  tlb_flush_all(cpu);
  debug_changed(cpu);
  cpu_mode_changed(cpu);
}
