/* The soft engine: a processor in software behind the interface of engine.h. */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "soft/apic/apic.h"
#include "soft/translation/code_cache.h"
#include "soft/controls/controls.h"
#include "soft/system/cpuid.h"
#include "soft/memory/device.h"
#include "soft/dispatch.h"
#include "soft/controls/ept.h"
#include "exports.h"
#include "soft/machine.h"
#include "soft/mailbox.h"
#include "soft/native/native.h"
#include "soft/system/port.h"
#include "soft/statistics.h"
#include "soft/system/system.h"
#include "soft/timeline.h"
#include "soft/tracer.h"

/* How long the TSC is measured, once in a process: milliseconds. */
#define TSC_WINDOW 5

/* IA32_MTRR_DEF_TYPE as firmware leaves it: enabled, write-back (SDM volume 3, 12.11.2.1). */
#define MTRR_ENABLED_WRITE_BACK 0xc06

/* Route data: vector, and the trigger mode (SDM volume 3, 11.11.2). */
#define DATA_VECTOR 0xff
#define DATA_LEVEL 0x8000

static pthread_once_t measured = PTHREAD_ONCE_INIT;
static uint64_t tsc_khz;

static void measure_tsc(void) {
  tsc_khz = (uint64_t)sx_tsc_khz(TSC_WINDOW);
}

static int vm_create(struct vm *vm) {
  struct machine *machine = calloc(1, sizeof *machine);
  if (!machine) return fail("calloc");
  pthread_once(&measured, measure_tsc);
  machine->vm = vm;
  machine->tsc_khz = tsc_khz;
  machine->native_after = NATIVE_AFTER;
  machine->pages = vm->memory.size / PAGE_BYTES;
  void *map = mmap(NULL, machine->pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) {
    free(machine);
    return fail("mmap of the code map");
  }
  machine->code_map = map;
  pthread_mutex_init(&machine->lock, NULL);
  vm->machine = machine;
  return 0;
}

static void processor_free(struct cpu *cpu) {
  if (cpu->apic) apic_destroy(cpu->apic);
  free(cpu->mailbox);
  free(cpu);
}

static void vm_close(struct vm *vm) {
  struct machine *machine = vm->machine;
  while (machine->closed) {
    struct cpu *cpu = machine->closed;
    machine->closed = cpu->next_closed;
    processor_free(cpu);
  }
  munmap((void *)machine->code_map, machine->pages);
  if (machine->ept) munmap(machine->ept, machine->pages);
  pthread_mutex_destroy(&machine->lock);
  free(machine->timeline);
  tracer_destroy(machine->tracer);
  free(machine);
}

static int vm_set_clock(struct vm *vm, const struct clock_settings *settings) {
  struct machine *machine = vm->machine;
  machine->timeline = timeline_create(settings->seed, settings->quantum, settings->look, settings->hashing);
  if (!machine->timeline) return fail_with("soft engine: clock", ENOMEM);
  machine->tsc_khz = settings->khz;
  if (settings->hashing) machine->block_probe = timeline_trace_block;
  return 0;
}

static int vm_trace(struct vm *vm, uint64_t from, uint64_t count) {
  struct machine *machine = vm->machine;
  if (machine->block_probe) return fail_with("soft engine: trace", EBUSY);
  machine->tracer = tracer_create(from, count);
  if (!machine->tracer) return fail_with("soft engine: trace", ENOMEM);
  machine->block_probe = tracer_op;
  return 0;
}

static int vm_trace_read(struct vm *vm, struct sx_trace_record *records, uint32_t most) {
  return (int)tracer_read(((struct machine *)vm->machine)->tracer, records, most);
}

static int vm_clock_state(const struct vm *vm, struct clock_state *state) {
  const struct machine *machine = vm->machine;
  *state = (struct clock_state){.hash = machine->timeline->hash};
  for (uint32_t i = 0; i < MOST_PROCESSORS; i++) {
    struct cpu *cpu = atomic_load(&machine->processors[i]);
    if (cpu && timeline_now(cpu) > state->cycles) state->cycles = timeline_now(cpu);
  }
  return 0;
}

static int vm_create_irqchip(struct vm *vm, bool split) {
  if (!split) return fail_with("soft engine: full irqchip", EINVAL);
  ((struct machine *)vm->machine)->has_apics = true;
  return 0;
}

static int vm_route(struct vm *vm, const uint32_t *routes, uint32_t count) {
  struct machine *machine = vm->machine;
  uint32_t exits[8] = {0};
  for (uint32_t i = 0; i < count; i++) {
    uint32_t data = routes[ROUTE_WORDS * i + 3], vector = data & DATA_VECTOR;
    if (data & DATA_LEVEL) exits[vector / 32] |= 1u << vector % 32;
  }
  for (int i = 0; i < 8; i++) atomic_store(&machine->eoi_exits[i], exits[i]);
  return 0;
}

/* There are none to disable: a guest that halts does so in the engine. */
static int vm_disable_exits(struct vm *vm, uint32_t mask) {
  (void)vm;
  return mask ? fail_with("soft engine: disabled exits", EINVAL) : 0;
}

static int vm_irq_line(struct vm *vm, uint32_t gsi, bool level) {
  (void)vm;
  (void)gsi;
  (void)level;
  return fail_with("soft engine: interrupt line", ENXIO);
}

static int vm_signal_msi(struct vm *vm, uint64_t address, uint32_t data) {
  return apic_message(vm->machine, address, data);
}

/* The first place with an address: `count` when none has it. */
static uint32_t doorbell_place(const struct machine *machine, uint32_t count, uint64_t address) {
  uint32_t at = 0;
  while (at < count && atomic_load(&machine->doorbells[at].address) != address) at++;
  return at;
}

static int vm_doorbell(struct vm *vm, struct core *core, uint64_t address, bool present) {
  struct machine *machine = vm->machine;
  int result = 0;
  pthread_mutex_lock(&machine->lock);
  uint32_t count = atomic_load(&machine->doorbell_count), at = doorbell_place(machine, count, address);
  if (present) {
    if (at == count) at = doorbell_place(machine, count, NO_DOORBELL);
    if (at == MOST_DOORBELLS) {
      result = fail_with("soft engine: doorbells", ENOSPC);
    } else {
      atomic_store(&machine->doorbells[at].core, core);
      atomic_store(&machine->doorbells[at].address, address);
      if (at == count) atomic_store(&machine->doorbell_count, count + 1);
    }
  } else if (at < count) {
    atomic_store(&machine->doorbells[at].address, NO_DOORBELL); /* not moved: others are reading */
  }
  pthread_mutex_unlock(&machine->lock);
  return result;
}

static int vm_statistics(const struct vm *vm, uint8_t *out, uint32_t size) {
  (void)vm;
  (void)out;
  (void)size;
  return 0;
}

/* Others may have found the processor just before, and still send it something: what they reach of it
 * stays until the machine ends. */
static void vcpu_close(struct vcpu *vcpu) {
  struct cpu *cpu = vcpu->processor;
  if (!cpu) return;
  struct machine *machine = cpu->machine;
  atomic_store(&machine->processors[cpu->index], NULL);
  if (cpu->code) code_forget_all(cpu); /* the next one of this index finds no page marked */
  code_destroy(cpu->code);
  cpuid_destroy(cpu->cpuid);
  controls_destroy(cpu);
  vcpu->processor = NULL;
  pthread_mutex_lock(&machine->lock);
  cpu->next_closed = machine->closed;
  machine->closed = cpu;
  pthread_mutex_unlock(&machine->lock);
}

static int vcpu_create(struct vcpu *vcpu) {
  struct machine *machine = vcpu->vm->machine;
  if (vcpu->index >= MOST_PROCESSORS) return fail_with("soft engine: vCPU", EINVAL);
  struct cpu *cpu = aligned_alloc(64, (sizeof *cpu + 63) & ~(size_t)63);
  if (!cpu) return fail("aligned_alloc");
  memset(cpu, 0, sizeof *cpu);
  cpu->machine = machine;
  cpu->vcpu = vcpu;
  cpu->index = vcpu->index;
  vcpu->processor = cpu;
  cpu->code = code_create();
  cpu->mailbox = calloc(1, sizeof *cpu->mailbox);
  cpu->apic = machine->has_apics ? apic_create(cpu, vcpu->index) : NULL;
  cpu->cpuid = cpuid_create(vcpu->index, 1, machine->has_apics, NULL, 0);
  if (!cpu->code || !cpu->mailbox || !cpu->cpuid || (machine->has_apics && !cpu->apic)) {
    vcpu_close(vcpu);
    return fail_with("soft engine: vCPU", ENOMEM);
  }
  cpu_reset(cpu, false);
  cpu->wait_for_sipi = machine->has_apics && vcpu->index != 0;
  cpu->reserve = MOST_INSNS;
  atomic_store(&machine->processors[vcpu->index], cpu);
  if (machine->timeline) {
    cpu->reserve = 0;
    cpu->string_cost = 1;
    timeline_join(cpu, cpu->wait_for_sipi);
  }
  return 0;
}

static int vcpu_set_cpuid(struct vcpu *vcpu, const uint32_t *leaves, uint32_t count, uint32_t vcpus) {
  struct cpu *cpu = vcpu->processor;
  struct cpuid_table *table = cpuid_create(cpu->index, vcpus, cpu->machine->has_apics, leaves, count);
  if (!table) return fail_with("soft engine: CPUID", ENOMEM);
  cpuid_destroy(cpu->cpuid);
  cpu->cpuid = table;
  return 0;
}

static struct segment flat_segment(uint16_t selector, uint32_t type, uint32_t size_bit) {
  return (struct segment){.limit = 0xffffffff,
                          .access = type | AR_S | AR_PRESENT | AR_G | size_bit,
                          .selector = selector};
}

static int vcpu_set_start(struct vcpu *vcpu, const struct start_state *start) {
  struct cpu *cpu = vcpu->processor;
  bool wide = start->mode == START_LONG;
  cpu_reset(cpu, false);
  cpu->wait_for_sipi = false;
  const struct segment data =
      flat_segment(wide ? 0x18 : 0x10, AR_WRITABLE | AR_ACCESSED, AR_DB);
  cpu->segment[ES] = cpu->segment[SS] = cpu->segment[DS] = cpu->segment[FS] = cpu->segment[GS] = data;
  cpu->segment[CS] =
      flat_segment(wide ? 0x10 : 8, AR_CODE | AR_READABLE | AR_ACCESSED, wide ? AR_L : AR_DB);
  cpu->segment[TR] = (struct segment){.limit = 0x67, .access = AR_PRESENT | 11};
  cpu->cr0 = CR0_ET | CR0_PE;
  if (wide) {
    cpu->cr0 = CR0_PG | CR0_NE | CR0_ET | CR0_MP | CR0_PE;
    cpu->cr4 = CR4_PAE;
    cpu->efer = EFER_LME | EFER_LMA;
    cpu->cr3 = start->page_tables;
    cpu->gdtr = (struct table_register){start->gdt, 31};
  }
  cpu->mtrr_def_type = MTRR_ENABLED_WRITE_BACK;
  memset(cpu->mtrr_fixed, 6, sizeof cpu->mtrr_fixed);
  cpu->rip = start->rip;
  cpu->reg[RAX] = start->rax;
  cpu->reg[RBX] = start->rbx;
  cpu->reg[RDX] = 0;
  cpu->reg[RSI] = start->rsi;
  cpu_mode_changed(cpu);
  tlb_flush_all(cpu);
  if (cpu->machine->timeline) timeline_join(cpu, false);
  return 0;
}

static int vcpu_run(struct vcpu *vcpu) {
  struct cpu *cpu = vcpu->processor;
  while (atomic_exchange(&cpu->busy, true)) __builtin_ia32_pause();
  uint32_t reason = dispatch_run(cpu);
  if (cpu->controls && reason != SX_EXIT_KICK) controls_left(cpu);
  atomic_store(&cpu->busy, false);
  return (int)reason;
}

/* What the exit cost, and how long the hypervisor lets the processor wait. */
static void pass_time(struct cpu *cpu, const struct sx_completion *completion, uint64_t ns) {
  cpu->budget -= completion->cycles;
  timeline_ask(cpu, completion->due);
  if (completion->action != SX_ACTION_PARK) return;
  cpu->parked = true;
  cpu->parked_until = NEVER;
  if (ns) cpu->parked_until = timeline_now(cpu) + (uint64_t)((unsigned __int128)ns * cpu->machine->tsc_khz / 1000000);
}

static void vcpu_complete(struct vcpu *vcpu, uint64_t value) {
  struct cpu *cpu = vcpu->processor;
  port_complete(cpu, value);
  device_complete(cpu, value);
  if (cpu->controls) controls_complete(cpu, vcpu->block->completion.action);
  if (vcpu->vm->virtual_clock) pass_time(cpu, &vcpu->block->completion, value);
}

static void vcpu_interrupt(struct vcpu *vcpu) {
  struct cpu *cpu = vcpu->processor;
  atomic_store(&cpu->interrupted, true);
  cpu_disturb(cpu);
}

static void vcpu_rearm(struct vcpu *vcpu) {
  atomic_store(&((struct cpu *)vcpu->processor)->interrupted, false);
}

static int vcpu_statistics(const struct vcpu *vcpu, uint8_t *out, uint32_t size) {
  return (int)statistics_write(vcpu->processor, out, size);
}

/* Keeps the vCPU out of the guest until give_back(). NULL while it is there. */
static struct cpu *take(struct vcpu *vcpu) {
  struct cpu *cpu = vcpu->processor;
  if (!atomic_exchange(&cpu->busy, true)) return cpu;
  fail_with("soft engine: the vCPU is in the guest", EBUSY);
  return NULL;
}

static int give_back(struct cpu *cpu, int result) {
  atomic_store(&cpu->busy, false);
  return result;
}

static int vcpu_get_state(struct vcpu *vcpu, struct sx_vcpu_state *state) {
  struct cpu *cpu = take(vcpu);
  if (!cpu) return -EBUSY;
  state_read(cpu, state);
  return give_back(cpu, 0);
}

static int vcpu_set_state(struct vcpu *vcpu, const struct sx_vcpu_state *state) {
  struct cpu *cpu = take(vcpu);
  if (!cpu) return -EBUSY;
  bool written = state_write(cpu, state);
  return give_back(cpu, written ? 0 : fail_with("soft engine: state of a vCPU", EINVAL));
}

static int vcpu_set_controls(struct vcpu *vcpu, const struct sx_controls *controls, uint32_t size) {
  struct cpu *cpu = take(vcpu);
  return cpu ? give_back(cpu, controls_set(cpu, controls, size)) : -EBUSY;
}

static int vcpu_inject(struct vcpu *vcpu, uint32_t information, uint32_t error, uint32_t length) {
  const struct described_event event = {information, error, length};
  struct cpu *cpu = take(vcpu);
  return cpu ? give_back(cpu, controls_inject(cpu, &event)) : -EBUSY;
}

static int vm_set_ept(struct vm *vm, uint64_t page, uint64_t count, uint32_t rights) {
  return ept_set(vm->machine, page, count, rights);
}

const struct engine soft_engine = {
    .vm_create = vm_create,
    .vm_close = vm_close,
    .vm_set_clock = vm_set_clock,
    .vm_clock_state = vm_clock_state,
    .vm_trace = vm_trace,
    .vm_trace_read = vm_trace_read,
    .vm_create_irqchip = vm_create_irqchip,
    .vm_route = vm_route,
    .vm_disable_exits = vm_disable_exits,
    .vm_irq_line = vm_irq_line,
    .vm_signal_msi = vm_signal_msi,
    .vm_doorbell = vm_doorbell,
    .vm_statistics = vm_statistics,
    .vcpu_create = vcpu_create,
    .vcpu_close = vcpu_close,
    .vcpu_set_cpuid = vcpu_set_cpuid,
    .vcpu_set_start = vcpu_set_start,
    .vcpu_run = vcpu_run,
    .vcpu_complete = vcpu_complete,
    .vcpu_interrupt = vcpu_interrupt,
    .vcpu_rearm = vcpu_rearm,
    .vcpu_statistics = vcpu_statistics,
    .vcpu_get_state = vcpu_get_state,
    .vcpu_set_state = vcpu_set_state,
    .vcpu_set_controls = vcpu_set_controls,
    .vcpu_inject = vcpu_inject,
    .vm_set_ept = vm_set_ept,
};
