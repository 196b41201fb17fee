/* Instructions without a memory operand that exit, and those of VMX (SDM volume 3, 26.1.2 and 26.1.3). */
#include "soft/controls/intercept.h"
#include "soft/system/segment.h"
#include "stub.h"
#include "soft/system/system_ops.h"

#define MSR_BITMAP_HIGH 0xc0000000u
#define MSR_BITMAP_MSRS 0x2000u
#define MSR_BITMAP_HIGH_AT 1024
#define MSR_BITMAP_WRITES_AT 2048
#define MSR_X2APIC_FIRST 0x800
#define MSR_X2APIC_LAST 0x8ff

static bool primary(const struct cpu *cpu, uint32_t bit) { return cpu->controls->set.primary & bit; }
static bool secondary(const struct cpu *cpu, uint32_t bit) { return cpu->controls->set.secondary & bit; }
static bool always(const struct cpu *cpu, uint32_t bit) { return cpu->controls->set.always & bit; }

void intercept_hlt(struct cpu *cpu, const struct op *op) {
  if (!cpu->cpl && primary(cpu, SX_PRIMARY_HLT)) exit_now(cpu, op, SX_EXIT_HLT, 0);
  NEXT;
}

void intercept_cpuid(struct cpu *cpu, const struct op *op) {
  if (always(cpu, SX_ALWAYS_CPUID)) exit_now(cpu, op, SX_EXIT_CPUID, 0);
  NEXT;
}

void intercept_cache(struct cpu *cpu, const struct op *op) {
  bool exits = op->code == SX_EXIT_INVD ? always(cpu, SX_ALWAYS_INSTRUCTIONS) : secondary(cpu, SX_SECONDARY_WBINVD);
  if (!cpu->cpl && exits) exit_now(cpu, op, op->code, 0);
  NEXT;
}

void intercept_rdpmc(struct cpu *cpu, const struct op *op) {
  bool allowed = !cpu->cpl || cpu->cr4 & CR4_PCE;
  if (allowed && primary(cpu, SX_PRIMARY_RDPMC)) exit_now(cpu, op, SX_EXIT_RDPMC, 0);
  NEXT;
}

static bool tsc_allowed(const struct cpu *cpu) { return !cpu->cpl || !(cpu->cr4 & CR4_TSD); }

void intercept_rdtsc(struct cpu *cpu, const struct op *op) {
  if (tsc_allowed(cpu) && primary(cpu, SX_PRIMARY_RDTSC)) exit_now(cpu, op, SX_EXIT_RDTSC, 0);
  NEXT;
}

void intercept_rdtscp(struct cpu *cpu, const struct op *op) {
  if (!secondary(cpu, SX_SECONDARY_RDTSCP)) cpu_fault(cpu, op, VECTOR_UD, 0);
  if (tsc_allowed(cpu) && primary(cpu, SX_PRIMARY_RDTSC)) exit_now(cpu, op, SX_EXIT_RDTSCP, 0);
  NEXT;
}

/* The bitmap's, and for x2APIC MSRs, that of the control that lets them reach the engine's APIC. */
static bool msr_exits(const struct cpu *cpu, uint32_t msr, bool write) {
  if (!primary(cpu, SX_PRIMARY_MSR_BITMAPS)) return true;
  if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST && !secondary(cpu, SX_SECONDARY_X2APIC)) return true;
  uint32_t bit = msr & (MSR_BITMAP_MSRS - 1), at = write ? MSR_BITMAP_WRITES_AT : 0;
  if (msr - MSR_BITMAP_HIGH < MSR_BITMAP_MSRS) at += MSR_BITMAP_HIGH_AT;
  else if (msr >= MSR_BITMAP_MSRS) return true;
  return cpu->controls->set.msr_bitmap[at + bit / 8] >> bit % 8 & 1;
}

void intercept_rdmsr(struct cpu *cpu, const struct op *op) {
  if (!cpu->cpl && msr_exits(cpu, (uint32_t)cpu->reg[RCX], false)) exit_now(cpu, op, SX_EXIT_RDMSR, 0);
  NEXT;
}

void intercept_wrmsr(struct cpu *cpu, const struct op *op) {
  if (!cpu->cpl && msr_exits(cpu, (uint32_t)cpu->reg[RCX], true)) exit_now(cpu, op, SX_EXIT_WRMSR, 0);
  NEXT;
}

/* Without the control they do not exist here, as CPUID says. */
void intercept_monitor(struct cpu *cpu, const struct op *op) {
  if (!cpu->cpl && primary(cpu, SX_PRIMARY_MONITOR)) exit_now(cpu, op, SX_EXIT_MONITOR, 0);
  NEXT;
}

/* No address range is ever monitored: the qualification is 0. */
void intercept_mwait(struct cpu *cpu, const struct op *op) {
  if (!cpu->cpl && primary(cpu, SX_PRIMARY_MWAIT)) exit_now(cpu, op, SX_EXIT_MWAIT, 0);
  NEXT;
}

/* A PAUSE later than `pause_gap` behind the one before begins a new loop. */
static bool loops_too_long(struct controls *controls) {
  uint64_t now = tsc();
  bool same_loop = now - controls->pause_last <= controls->set.pause_gap;
  controls->pause_last = now;
  if (!same_loop) controls->pause_first = now;
  return same_loop && now - controls->pause_first > controls->set.pause_window;
}

void intercept_pause(struct cpu *cpu, const struct op *op) {
  if (primary(cpu, SX_PRIMARY_PAUSE) ||
      (secondary(cpu, SX_SECONDARY_PAUSE_LOOP) && !cpu->cpl && loops_too_long(cpu->controls))) {
    exit_now(cpu, op, SX_EXIT_PAUSE, 0);
  }
  NEXT;
}

void intercept_random(struct cpu *cpu, const struct op *op) {
  if (secondary(cpu, op->code == SX_EXIT_RDRAND ? SX_SECONDARY_RDRAND : SX_SECONDARY_RDSEED)) {
    exit_informed(cpu, op, op->code, 0);
  }
  NEXT;
}

void intercept_xsetbv(struct cpu *cpu, const struct op *op) {
  bool allowed = cpu->cr4 & CR4_OSXSAVE && !cpu->cpl;
  if (allowed && always(cpu, SX_ALWAYS_INSTRUCTIONS)) exit_now(cpu, op, SX_EXIT_XSETBV, 0);
  NEXT;
}

void intercept_vmx(struct cpu *cpu, const struct op *op) {
  bool exists = op->code == SX_EXIT_VMCALL || (!segments_real(cpu) && (!cpu_long_mode(cpu) || cpu->code_size == 8));
  if (exists && always(cpu, SX_ALWAYS_INSTRUCTIONS)) exit_now(cpu, op, op->code, 0);
  NEXT;
}

void intercept_vmx_operand(struct cpu *cpu, const struct op *op) {
  bool exists = !segments_real(cpu) && (!cpu_long_mode(cpu) || cpu->code_size == 8);
  if (exists && always(cpu, SX_ALWAYS_INSTRUCTIONS)) exit_displacement(cpu, op, op->code);
  NEXT;
}
