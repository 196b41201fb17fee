/* SYSCALL, SYSRET, SYSENTER, SYSEXIT (SDM volume 2; volume 3, 5.8.7 and 5.8.8). */
#include "soft/system/debug.h"
#include "soft/system/segment.h"
#include "soft/system/system.h"
#include "soft/system/system_ops.h"

#define DPL3 (3u << AR_DPL_SHIFT)
#define VENDOR_AMD_EBX 0x68747541
/* What SYSRET takes from R11. */
#define SYSRET_FLAGS 0x3c7fd7

static void enter(struct cpu *cpu, uint16_t cs, uint16_t ss, bool code64, uint8_t cpl, uint64_t rip) {
  uint32_t dpl = cpl ? DPL3 : 0;
  segment_set_flat(cpu, CS, cs | cpl, dpl | (code64 ? ACCESS_CODE64 : ACCESS_CODE32));
  segment_set_flat(cpu, SS, ss | cpl, dpl | ACCESS_DATA32);
  cpu->rip = rip;
  cpu_mode_changed(cpu);
}

/* Intel has SYSCALL in 64-bit mode only, and its kernels leave CSTAR alone. */
static bool has_compatible_syscall(const struct cpu *cpu) {
  uint32_t registers[4];
  cpuid_read(cpu, 0, 0, registers);
  return registers[1] == VENDOR_AMD_EBX;
}

void exec_syscall(struct cpu *cpu, const struct op *op) {
  bool wide = cpu->code_size == 8;
  if (!(cpu->efer & EFER_SCE) || !cpu_long_mode(cpu) || (!wide && !has_compatible_syscall(cpu))) {
    cpu_fault(cpu, op, VECTOR_UD, 0);
  }
  uint64_t flags = cpu_flags(cpu);
  uint16_t selector = (uint16_t)(cpu->star >> 32) & ~SELECTOR_RPL;
  cpu->reg[RCX] = cpu_next_rip(cpu, op);
  cpu->reg[R11] = flags;
  cpu_set_flags(cpu, (flags & ~cpu->sfmask & ~(uint64_t)FLAG_RF) | FLAG_RESERVED);
  enter(cpu, selector, selector + 8, true, 0, wide ? cpu->lstar : cpu->cstar);
  cpu->stepping = cpu->flags & FLAG_TF; /* as masked: the trap is the handler's */
}

void exec_sysret(struct cpu *cpu, const struct op *op) {
  if (!(cpu->efer & EFER_SCE) || cpu->code_size != 8) cpu_fault(cpu, op, VECTOR_UD, 0);
  need_cpl0(cpu, op);
  bool wide = op->code == 8;
  uint64_t rip = wide ? cpu->reg[RCX] : (uint32_t)cpu->reg[RCX];
  if (!address_canonical(rip)) cpu_fault(cpu, op, VECTOR_GP, 0);
  uint16_t selector = (uint16_t)(cpu->star >> 48) & ~SELECTOR_RPL;
  cpu_set_flags(cpu, (cpu->reg[R11] & SYSRET_FLAGS) | FLAG_RESERVED);
  enter(cpu, wide ? selector + 16 : selector, selector + 8, wide, 3, rip);
  /* TF counts at once, as if the SYSCALL had just ended. */
  cpu->stepping = false;
  if (!(cpu->flags & FLAG_TF)) return;
  cpu->debug_due |= DR6_BS;
  atomic_store_explicit(&cpu->attention, INT64_MIN, memory_order_relaxed);
}

void exec_sysenter(struct cpu *cpu, const struct op *op) {
  uint16_t selector = (uint16_t)cpu->sysenter_cs & ~SELECTOR_RPL;
  if (!cpu_protected(cpu) || !selector) cpu_fault(cpu, op, VECTOR_GP, 0);
  bool wide = cpu_long_mode(cpu);
  cpu_set_flags(cpu, cpu_flags(cpu) & ~(uint64_t)(FLAG_VM | FLAG_IF | FLAG_RF));
  cpu->reg[RSP] = wide ? cpu->sysenter_esp : (uint32_t)cpu->sysenter_esp;
  enter(cpu, selector, selector + 8, wide, 0, wide ? cpu->sysenter_eip : (uint32_t)cpu->sysenter_eip);
}

void exec_sysexit(struct cpu *cpu, const struct op *op) {
  uint16_t selector = (uint16_t)cpu->sysenter_cs & ~SELECTOR_RPL;
  if (!cpu_protected(cpu) || !selector || cpu->cpl) cpu_fault(cpu, op, VECTOR_GP, 0);
  bool wide = op->code == 8;
  uint64_t rip = cpu->reg[RDX], rsp = cpu->reg[RCX];
  if (wide && (!address_canonical(rip) || !address_canonical(rsp))) cpu_fault(cpu, op, VECTOR_GP, 0);
  uint16_t cs = wide ? selector + 32 : selector + 16;
  cpu->reg[RSP] = wide ? rsp : (uint32_t)rsp;
  enter(cpu, cs, cs + 8, wide, 3, wide ? rip : (uint32_t)rip);
}
