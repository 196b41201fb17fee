/* HLT, CPUID, MSRs, counters and random numbers. */
#define _GNU_SOURCE
#include <sys/random.h>

#include "soft/machine.h"
#include "stub.h"
#include "soft/system/system.h"
#include "soft/system/system_ops.h"
#include "soft/timeline.h"

static _Noreturn void exit_halt(struct cpu *cpu) {
  struct sx_event *event = &cpu->vcpu->block->event;
  event->reason = SX_EXIT_HLT;
  event->flags = event->addr_lo = event->addr_hi = event->data_lo = event->data_hi = 0;
  cpu_exit(cpu, SX_EXIT_HLT);
}

void exec_hlt(struct cpu *cpu, const struct op *op) {
  need_cpl0(cpu, op);
  finish(cpu, op);
  cpu->shadow = 0;
  if (!cpu->machine->has_apics) exit_halt(cpu);
  cpu->halted = true;
}

/* INVD, WBINVD: there is no cache. */
void exec_cache_flush(struct cpu *cpu, const struct op *op) {
  need_cpl0(cpu, op);
  NEXT;
}

static __attribute__((noinline)) void identify(struct cpu *cpu) {
  uint32_t registers[4];
  cpuid_read(cpu, (uint32_t)cpu->reg[RAX], (uint32_t)cpu->reg[RCX], registers);
  cpu->reg[RAX] = registers[0];
  cpu->reg[RBX] = registers[1];
  cpu->reg[RCX] = registers[2];
  cpu->reg[RDX] = registers[3];
}

void exec_cpuid(struct cpu *cpu, const struct op *op) {
  identify(cpu);
  NEXT;
}

static void set_edx_eax(struct cpu *cpu, uint64_t value) {
  cpu->reg[RAX] = (uint32_t)value;
  cpu->reg[RDX] = value >> 32;
}

static __attribute__((noinline)) void read_msr(struct cpu *cpu, const struct op *op) {
  uint64_t value;
  if (!msr_read(cpu, (uint32_t)cpu->reg[RCX], &value)) cpu_fault(cpu, op, VECTOR_GP, 0);
  set_edx_eax(cpu, value);
}

void exec_rdmsr(struct cpu *cpu, const struct op *op) {
  need_cpl0(cpu, op);
  read_msr(cpu, op);
  NEXT;
}

void exec_wrmsr(struct cpu *cpu, const struct op *op) {
  need_cpl0(cpu, op);
  uint64_t value = cpu->reg[RDX] << 32 | (uint32_t)cpu->reg[RAX];
  finish(cpu, op); /* a write to the APIC may leave for the hypervisor */
  if (!msr_write(cpu, (uint32_t)cpu->reg[RCX], value)) cpu_fault(cpu, op, VECTOR_GP, 0);
}

static void need_tsc(struct cpu *cpu, const struct op *op) {
  if (cpu->cr4 & CR4_TSD) need_cpl0(cpu, op);
}

void exec_rdtsc(struct cpu *cpu, const struct op *op) {
  need_tsc(cpu, op);
  set_edx_eax(cpu, cpu_read_tsc(cpu));
  NEXT;
}

void exec_rdtscp(struct cpu *cpu, const struct op *op) {
  need_tsc(cpu, op);
  set_edx_eax(cpu, cpu_read_tsc(cpu));
  cpu->reg[RCX] = (uint32_t)cpu->tsc_aux;
  NEXT;
}

/* There are no performance counters. */
void exec_rdpmc(struct cpu *cpu, const struct op *op) {
  cpu_fault(cpu, op, VECTOR_GP, 0);
}

static __attribute__((noinline)) void draw(struct cpu *cpu, const struct op *op) {
  uint64_t value = 0;
  struct timeline *timeline = cpu->machine->timeline;
  if (timeline) value = timeline_random(timeline);
  bool got = timeline || getrandom(&value, op->code, GRND_NONBLOCK) == op->code;
  set_register(cpu, op->dst, op->code, got ? value : 0);
  cc_flags(cpu, got ? FLAG_CF : 0);
}

/* RDSEED, too. CF says whether there is a number, which is 0 otherwise. */
void exec_rdrand(struct cpu *cpu, const struct op *op) {
  draw(cpu, op);
  NEXT;
}
