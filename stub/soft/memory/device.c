#include "soft/memory/device.h"

#include "event.h"
#include "stub.h"
#include "soft/apic/apic.h"
#include "soft/machine.h"

static bool in_apic(const struct cpu *cpu, uint64_t address) {
  if ((address & PAGE_MASK) != APIC_BASE || !cpu->apic) return false;
  uint64_t base = apic_base(cpu->apic);
  return (base & 0xc00) == 0x800 && (base & PAGE_MASK) == APIC_BASE; /* enabled, and not x2APIC */
}

/* Whether the instruction has made this access before; its answer is then in `value`. */
static bool replayed(struct cpu *cpu, uint64_t *value) {
  if (cpu->replay_next >= cpu->replay_done) return false;
  *value = cpu->replay[cpu->replay_next++];
  return true;
}

static _Noreturn void leave(struct cpu *cpu, const struct op *op, uint32_t reason, bool write, uint64_t address,
                            uint64_t value, uint32_t size) {
  if (op) cpu->rip = cpu_rip(cpu, op);
  if (cpu->replay_done == MOST_REPLAYED) cpu_fault(cpu, op, VECTOR_GP, 0);
  cpu_unfinished(cpu);
  event_describe(&cpu->vcpu->block->event, reason, write, size, address, &value);
  cpu->device_waits = true;
  cpu_exit(cpu, reason);
}

uint64_t device_read(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size) {
  if (in_apic(cpu, address)) return apic_mmio_read(cpu->apic, (uint32_t)(address & ~PAGE_MASK));
  uint64_t value;
  if (replayed(cpu, &value)) return value;
  leave(cpu, op, SX_EXIT_EPT_VIOLATION, false, address, 0, size);
}

static bool rings(const struct machine *machine, uint64_t address) {
  uint32_t count = atomic_load_explicit(&machine->doorbell_count, memory_order_acquire);
  for (uint32_t i = 0; i < count; i++) {
    if (atomic_load_explicit(&machine->doorbells[i].address, memory_order_acquire) != address) continue;
    core_ring(atomic_load_explicit(&machine->doorbells[i].core, memory_order_relaxed));
    return true;
  }
  return false;
}

void device_write(struct cpu *cpu, const struct op *op, uint64_t address, uint64_t value, uint32_t size) {
  if (in_apic(cpu, address)) {
    apic_mmio_write(cpu->apic, (uint32_t)(address & ~PAGE_MASK), (uint32_t)value);
    return;
  }
  if (rings(cpu->machine, address)) return;
  uint64_t ignored;
  if (replayed(cpu, &ignored)) return;
  leave(cpu, op, SX_EXIT_EPT_VIOLATION, true, address, value, size);
}

uint64_t device_in(struct cpu *cpu, const struct op *op, uint16_t port, uint32_t size) {
  uint64_t value;
  if (replayed(cpu, &value)) return value;
  leave(cpu, op, SX_EXIT_IO, false, port, 0, size);
}

void device_out(struct cpu *cpu, const struct op *op, uint16_t port, uint64_t value, uint32_t size) {
  uint64_t ignored;
  if (replayed(cpu, &ignored)) return;
  leave(cpu, op, SX_EXIT_IO, true, port, value, size);
}

void device_complete(struct cpu *cpu, uint64_t value) {
  if (!cpu->device_waits) return;
  cpu->device_waits = false;
  cpu->replay[cpu->replay_done++] = value;
  cpu->replay_next = 0;
  cpu->single = true;
}
