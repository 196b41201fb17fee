#include "soft/controls/ept.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "soft/controls/controls.h"
#include "soft/machine.h"

#define ALL_RIGHTS (SX_EPT_READ | SX_EPT_WRITE | SX_EPT_EXECUTE)

static uint64_t frame_of(const struct vm *vm, const void *host) {
  return (uint64_t)((const uint8_t *)host - vm->memory.base) / PAGE_BYTES;
}

static uint64_t physical_of(const struct vm *vm, const void *host) {
  uint64_t offset = (uint64_t)((const uint8_t *)host - vm->memory.base), low = vm_low_bytes(vm);
  return offset < low ? offset : offset - low + SX_HIGH_MEMORY_START;
}

static uint8_t *table_of(struct machine *machine) {
  uint8_t *table = atomic_load(&machine->ept);
  if (table) return table;
  table = mmap(NULL, machine->pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (table == MAP_FAILED) return NULL;
  atomic_store(&machine->ept, table);
  return table;
}

/* Returns when every processor that was in the guest has forgotten its translations. */
static void flush(struct machine *machine) {
  for (uint32_t i = 0; i < MOST_PROCESSORS; i++) {
    struct cpu *cpu = atomic_load(&machine->processors[i]);
    if (!cpu) continue;
    atomic_store(&cpu->ept_changed, true);
    cpu_attend(cpu);
    while (atomic_load(&cpu->running) && atomic_load(&cpu->ept_changed)) __builtin_ia32_pause();
  }
}

int ept_set(struct machine *machine, uint64_t page, uint64_t count, uint32_t rights) {
  uint8_t *host = vm_translate(machine->vm, page * PAGE_BYTES, count * PAGE_BYTES);
  if (!host || !count || rights > ALL_RIGHTS) return fail_with("soft engine: rights of pages", EINVAL);
  pthread_mutex_lock(&machine->lock);
  uint8_t *table = table_of(machine);
  if (table) memset(table + frame_of(machine->vm, host), (int)(rights ^ ALL_RIGHTS), count);
  pthread_mutex_unlock(&machine->lock);
  if (!table) return fail("mmap of rights");
  flush(machine);
  return 0;
}

static uint32_t rights_of(const struct cpu *cpu, const void *host) {
  const uint8_t *table = atomic_load_explicit(&cpu->machine->ept, memory_order_acquire);
  return table ? ALL_RIGHTS & ~(uint32_t)table[frame_of(cpu->machine->vm, host)] : ALL_RIGHTS;
}

static void check(struct cpu *cpu, const struct op *op, uint64_t linear, uint64_t physical, uint32_t rights,
                  uint32_t needed, uint32_t bits) {
  bool writable_only = (rights & (SX_EPT_READ | SX_EPT_WRITE)) == SX_EPT_WRITE;
  if (!writable_only && rights & needed) return;
  uint64_t qualification = needed | rights << SX_EPT_ALLOWED_SHIFT | SX_EPT_LINEAR_VALID | bits;
  /* The instruction begins again, behind its breakpoint (28.3.3). */
  if (!(cpu->controls->delivery.information & SX_INTERRUPTION_VALID)) cpu->flags |= FLAG_RF;
  struct sx_controlled_exit *record = writable_only ? exit_begin(cpu, op, SX_EXIT_EPT_MISCONFIGURATION, 0)
                                                    : exit_begin(cpu, op, SX_EXIT_EPT_VIOLATION, qualification);
  record->guest_physical = physical;
  if (!writable_only) record->guest_linear = linear;
  exit_leave(cpu);
}

void ept_check(struct cpu *cpu, const struct op *op, uint64_t linear, enum access_kind kind, struct translation *found) {
  static const uint8_t needs[] = {
      [ACCESS_READ] = SX_EPT_READ, [ACCESS_WRITE] = SX_EPT_WRITE, [ACCESS_FETCH] = SX_EPT_EXECUTE};
  if (!found->host) return;
  uint32_t rights = rights_of(cpu, found->host);
  check(cpu, op, linear, found->page | (linear & ~PAGE_MASK), rights, needs[kind], SX_EPT_TRANSLATED);
  if (!(rights & SX_EPT_WRITE)) found->writable = false;
}

void ept_check_entry(struct cpu *cpu, const struct op *op, uint64_t linear, const void *entry, uint32_t needed) {
  check(cpu, op, linear, physical_of(cpu->machine->vm, entry), rights_of(cpu, entry), needed, 0);
}
