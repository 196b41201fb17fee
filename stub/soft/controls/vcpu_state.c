/* A processor's registers as the hypervisor reads and writes them, while it is not in the guest. */
#include <string.h>

#include "soft/apic/apic.h"
#include "soft/controls/controls.h"
#include "soft/memory/device.h"
#include "soft/system/debug.h"
#include "soft/system/segment.h"
#include "soft/x87/x87.h"

#define XCR0_X87 1
#define XCR0_X87_SSE 3
#define MOST_CR8 15
#define ACCESS_BITS 0x1f0ffu
#define INTERRUPTIBILITY_BITS (SX_BLOCKED_BY_STI | SX_BLOCKED_BY_MOV_SS | SX_BLOCKED_BY_NMI)
#define INTERRUPTIBILITY_SHADOW (SX_BLOCKED_BY_STI | SX_BLOCKED_BY_MOV_SS)

_Static_assert(SX_BLOCKED_BY_STI == SHADOW_STI && SX_BLOCKED_BY_MOV_SS == SHADOW_MOV_SS, "one numbering");

void state_read(struct cpu *cpu, struct sx_vcpu_state *state) {
  memset(state, 0, sizeof *state);
  memcpy(state->registers, cpu->reg, sizeof state->registers);
  state->rip = cpu->rip;
  state->rflags = cpu_flags(cpu);
  state->cr0 = cpu->cr0;
  state->cr2 = cpu->cr2;
  state->cr3 = cpu->cr3;
  state->cr4 = cpu->cr4;
  state->cr8 = cpu->apic ? apic_cr8(cpu->apic) : cpu->cr8;
  state->efer = cpu->efer;
  state->xcr0 = cpu->xcr0;
  memcpy(state->dr, cpu->dr, sizeof state->dr);
  for (int i = 0; i < SEGMENTS; i++) {
    const struct segment *from = &cpu->segment[i];
    state->segments[i] = (struct sx_segment){
        .base = from->base, .limit = from->limit, .access = from->access, .selector = from->selector};
  }
  state->gdtr_base = cpu->gdtr.base;
  state->gdtr_limit = cpu->gdtr.limit;
  state->idtr_base = cpu->idtr.base;
  state->idtr_limit = cpu->idtr.limit;
  state->star = cpu->star;
  state->lstar = cpu->lstar;
  state->cstar = cpu->cstar;
  state->sfmask = cpu->sfmask;
  state->kernel_gs_base = cpu->kernel_gs_base;
  state->sysenter_cs = cpu->sysenter_cs;
  state->sysenter_esp = cpu->sysenter_esp;
  state->sysenter_eip = cpu->sysenter_eip;
  state->tsc_aux = cpu->tsc_aux;
  state->pat = cpu->pat;
  state->tsc = cpu_tsc(cpu);
  state->interruptibility = cpu->shadow | (cpu->nmi_blocked ? SX_BLOCKED_BY_NMI : 0);
  state->activity = cpu->wait_for_sipi ? SX_ACTIVITY_WAIT_FOR_SIPI : cpu->halted ? SX_ACTIVITY_HLT : SX_ACTIVE;
  fxsave_read(cpu, state->fxsave);
}

/* What no check at an entry would find, and nothing here could run. */
static bool sensible(const struct cpu *cpu, const struct sx_vcpu_state *state) {
  if (state->xcr0 != XCR0_X87 && state->xcr0 != XCR0_X87_SSE) return false;
  if (state->cr8 > MOST_CR8 || state->interruptibility & ~(uint32_t)INTERRUPTIBILITY_BITS) return false;
  if ((state->interruptibility & INTERRUPTIBILITY_SHADOW) == INTERRUPTIBILITY_SHADOW) return false;
  bool inactive = state->activity == SX_ACTIVITY_HLT || state->activity == SX_ACTIVITY_WAIT_FOR_SIPI;
  return state->activity == SX_ACTIVE || (inactive && cpu->apic);
}

static void write_segments(struct cpu *cpu, const struct sx_vcpu_state *state) {
  for (int i = 0; i < SEGMENTS; i++) {
    const struct sx_segment *from = &state->segments[i];
    cpu->segment[i] = (struct segment){.base = from->base,
                                       .limit = from->limit,
                                       .access = from->access & ACCESS_BITS,
                                       .selector = (uint16_t)from->selector};
  }
  cpu->gdtr = (struct table_register){.base = state->gdtr_base, .limit = state->gdtr_limit};
  cpu->idtr = (struct table_register){.base = state->idtr_base, .limit = state->idtr_limit};
}

static void write_all(struct cpu *cpu, const struct sx_vcpu_state *state) {
  memcpy(cpu->reg, state->registers, sizeof state->registers);
  cpu->rip = state->rip;
  cpu->cc_op = CC_FLAGS;
  cpu->flags = state->rflags;
  bool translates_anew = cpu->cr0 != state->cr0 || cpu->cr3 != state->cr3 || cpu->cr4 != state->cr4 || cpu->efer != state->efer;
  cpu->cr0 = state->cr0;
  cpu->cr2 = state->cr2;
  cpu->cr3 = state->cr3;
  cpu->cr4 = state->cr4;
  if (cpu->apic) apic_set_cr8(cpu->apic, (uint8_t)state->cr8);
  else cpu->cr8 = state->cr8;
  cpu->efer = state->efer;
  cpu->xcr0 = state->xcr0;
  memcpy(cpu->dr, state->dr, sizeof cpu->dr);
  debug_changed(cpu);
  write_segments(cpu, state);
  cpu->star = state->star;
  cpu->lstar = state->lstar;
  cpu->cstar = state->cstar;
  cpu->sfmask = state->sfmask;
  cpu->kernel_gs_base = state->kernel_gs_base;
  cpu->sysenter_cs = state->sysenter_cs;
  cpu->sysenter_esp = state->sysenter_esp;
  cpu->sysenter_eip = state->sysenter_eip;
  cpu->tsc_aux = state->tsc_aux;
  cpu->pat = state->pat;
  cpu->shadow = (uint8_t)(state->interruptibility & INTERRUPTIBILITY_SHADOW);
  cpu->nmi_blocked = state->interruptibility & SX_BLOCKED_BY_NMI;
  cpu->halted = state->activity == SX_ACTIVITY_HLT;
  cpu->wait_for_sipi = state->activity == SX_ACTIVITY_WAIT_FOR_SIPI;
  fxsave_write(cpu, state->fxsave);
  if (translates_anew) tlb_flush_all(cpu);
  cpu_mode_changed(cpu);
}

bool state_write(struct cpu *cpu, const struct sx_vcpu_state *state) {
  if (!sensible(cpu, state)) return false;
  struct sx_vcpu_state before;
  state_read(cpu, &before);
  write_all(cpu, state);
  /* With controls, the entry fails instead. */
  if (!cpu->controls && !entry_allowed(cpu, 0)) {
    write_all(cpu, &before);
    return false;
  }
  if (before.rip != state->rip) device_progress(cpu);
  return true;
}
