/* Accesses that the TLB does not serve: see memory.h. */
#include "soft/memory/memory.h"

#include "stub.h"
#include "soft/translation/code_cache.h"
#include "soft/memory/device.h"
#include "soft/machine.h"
#include "soft/memory/paging.h"
#include "soft/system/debug.h"

static bool canonical(uint64_t address) {
  return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/*
 * How an access is made: by an op with the present privilege, or by the processor itself. What the
 * processor looks for where no memory lies (descriptors, a TSS, an interrupt's stack) reads all ones
 * and is written to nobody, as on a bus where nobody answers: no device has such things, and the
 * delivery of an event is not begun a second time.
 */
struct means {
  const struct op *op;
  enum tlb_set set;
  bool system;
};

static void need_canonical(struct cpu *cpu, struct means means, uint64_t address) {
  if (likely(canonical(address))) return;
  bool stack = means.op && means.op->segment == SS;
  cpu_fault(cpu, means.op, stack ? VECTOR_SS : VECTOR_GP, 0);
}

static struct translation translate(struct cpu *cpu, struct means means, uint64_t address, enum access_kind kind) {
  need_canonical(cpu, means, address);
  struct translation found =
      paging_walk(cpu, means.op, address, kind, means.set == TLB_USER, means.set == TLB_KERNEL_AC);
  if (found.host) tlb_fill(cpu, means.set, address, &found);
  return found;
}

static uint32_t bytes_in_page(uint64_t address, uint32_t size) {
  uint64_t left = PAGE_BYTES - (address & ~PAGE_MASK);
  return left < size ? (uint32_t)left : size;
}

static uint64_t frame_of(const struct cpu *cpu, const uint8_t *host) {
  return (uint64_t)(host - cpu->machine->vm->memory.base) / PAGE_BYTES;
}

/* What is in translated code is forgotten before it is written. */
static void before_write(struct cpu *cpu, const struct op *op, const struct translation *to, uint64_t address,
                         uint32_t size) {
  if (likely(!atomic_load_explicit(&cpu->machine->code_map[frame_of(cpu, to->host)], memory_order_acquire))) return;
  if (code_written(cpu, to->page | (address & ~PAGE_MASK), size) && op) {
    cpu->single = true;
    cpu_again(cpu, op);
  }
}

/* Within one page. */
static void read_part(struct cpu *cpu, struct means means, uint64_t address, void *to, uint32_t size) {
  struct translation from = translate(cpu, means, address, ACCESS_READ);
  uint64_t offset = address & ~PAGE_MASK;
  if (likely(from.host != NULL)) {
    memcpy(to, from.host + offset, size);
  } else {
    uint64_t value = means.system ? ~0ull : device_read(cpu, means.op, from.page | offset, size);
    memcpy(to, &value, size);
  }
}

static void write_part(struct cpu *cpu, struct means means, uint64_t address, const void *from, uint32_t size) {
  struct translation to = translate(cpu, means, address, ACCESS_WRITE);
  uint64_t offset = address & ~PAGE_MASK;
  if (likely(to.host != NULL)) {
    before_write(cpu, means.op, &to, address, size);
    memcpy(to.host + offset, from, size);
  } else if (!means.system) {
    uint64_t value = 0;
    memcpy(&value, from, size);
    device_write(cpu, means.op, to.page | offset, value, size);
  }
}

/* Faults unless all of a range may be reached: first where no address is, then page by page. */
static void probe(struct cpu *cpu, struct means means, uint64_t address, uint32_t size, enum access_kind kind) {
  need_canonical(cpu, means, address + size - 1);
  for (uint32_t done = 0; done < size;) {
    translate(cpu, means, address + done, kind);
    done += bytes_in_page(address + done, size - done);
  }
}

/* What is not about the page: breakpoints, and alignment, which comes behind page faults. */
static void inspect(struct cpu *cpu, struct means means, uint64_t address, uint32_t size, enum access_kind kind) {
  if (unlikely(cpu->aligned) && !means.system) {
    probe(cpu, means, address, size, kind);
    memory_need_aligned(cpu, means.op, address, size);
  }
  if (unlikely(cpu->watches)) debug_access(cpu, means.op, address, size, kind == ACCESS_WRITE);
}

/* Of at most 8 bytes in a device; any size up to 16 in memory. */
static void read_any(struct cpu *cpu, struct means means, uint64_t address, void *to, uint32_t size) {
  inspect(cpu, means, address, size, ACCESS_READ);
  uint32_t first = bytes_in_page(address, size);
  if (first < size) probe(cpu, means, address, size, ACCESS_READ);
  read_part(cpu, means, address, to, first);
  if (first < size) read_part(cpu, means, address + first, (uint8_t *)to + first, size - first);
}

static void write_any(struct cpu *cpu, struct means means, uint64_t address, const void *from, uint32_t size) {
  inspect(cpu, means, address, size, ACCESS_WRITE);
  uint32_t first = bytes_in_page(address, size);
  if (first < size) probe(cpu, means, address, size, ACCESS_WRITE);
  write_part(cpu, means, address, from, first);
  if (first < size) write_part(cpu, means, address + first, (const uint8_t *)from + first, size - first);
}

uint64_t memory_load(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size) {
  uint64_t value = 0;
  read_any(cpu, (struct means){.op = op, .set = cpu->set}, address, &value, size);
  return value;
}

void memory_store(struct cpu *cpu, const struct op *op, uint64_t address, uint64_t value, uint32_t size) {
  write_any(cpu, (struct means){.op = op, .set = cpu->set}, address, &value, size);
}

/* Devices are asked for two halves. */
void memory_load128(struct cpu *cpu, const struct op *op, uint64_t address, union xmm *value) {
  if (bytes_in_page(address, 16) < 16) memory_probe_read(cpu, op, address, 16);
  value->u64[0] = memory_load(cpu, op, address, 8);
  value->u64[1] = memory_load(cpu, op, address + 8, 8);
}

void memory_store128(struct cpu *cpu, const struct op *op, uint64_t address, const union xmm *value) {
  memory_probe_write(cpu, op, address, 16);
  memory_store(cpu, op, address, value->u64[0], 8);
  memory_store(cpu, op, address + 8, value->u64[1], 8);
}

void *memory_update(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size) {
  struct means means = {.op = op, .set = cpu->set};
  inspect(cpu, means, address, size, ACCESS_WRITE);
  if (likely(bytes_in_page(address, size) == size)) {
    struct translation to = translate(cpu, means, address, ACCESS_WRITE);
    if (likely(to.host != NULL)) {
      before_write(cpu, op, &to, address, size);
      return to.host + (address & ~PAGE_MASK);
    }
  }
  memory_probe_write(cpu, op, address, size);
  cpu->bounce[0] = cpu->bounce[1] = 0;
  cpu->bounce_address = address;
  cpu->bounce_size = size;
  for (uint32_t done = 0; done < size; done += 8) {
    uint32_t part = size - done < 8 ? size - done : 8;
    read_any(cpu, means, address + done, (uint8_t *)cpu->bounce + done, part);
  }
  return cpu->bounce;
}

void memory_commit(struct cpu *cpu, const struct op *op) {
  struct means means = {.op = op, .set = cpu->set};
  for (uint32_t done = 0; done < cpu->bounce_size; done += 8) {
    uint32_t part = cpu->bounce_size - done < 8 ? cpu->bounce_size - done : 8;
    write_any(cpu, means, cpu->bounce_address + done, (const uint8_t *)cpu->bounce + done, part);
  }
}

void memory_need_aligned(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size) {
  if (unlikely(cpu->aligned) && address & (size - 1)) cpu_fault(cpu, op, VECTOR_AC, 0);
}

void memory_probe_write(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size) {
  probe(cpu, (struct means){.op = op, .set = cpu->set}, address, size, ACCESS_WRITE);
}

void memory_probe_read(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size) {
  probe(cpu, (struct means){.op = op, .set = cpu->set}, address, size, ACCESS_READ);
}

uint64_t system_load(struct cpu *cpu, uint64_t address, uint32_t size) {
  uint64_t value = 0;
  read_any(cpu, (struct means){.set = TLB_KERNEL, .system = true}, address, &value, size);
  return value;
}

void system_store(struct cpu *cpu, uint64_t address, uint64_t value, uint32_t size) {
  write_any(cpu, (struct means){.set = TLB_KERNEL, .system = true}, address, &value, size);
}
