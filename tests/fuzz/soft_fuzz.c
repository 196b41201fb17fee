/*
 * The soft engine under inputs of any kind: code, tables, registers, devices' answers. The memory of
 * the guest lies between pages that nobody may touch, and what a processor points to is looked at after
 * every run. With -DREPLAY it is a program that runs files instead of libFuzzer's target.
 *
 * An input is four bytes (how it starts, CR4, what is there, a seed for devices), then code: see
 * guest.c.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "soft/apic/apic.h"
#include "soft/translation/code_cache.h"
#include "soft/cpu.h"
#include "engine.h"
#include "guest.h"
#include "soft/machine.h"
#include "soft/system/debug.h"
#include "soft/system/system.h"

/* An input may run for so many looks at the clock, instructions, blocks found and exits. */
#define MOST_SERVED 100
#define MOST_INSTRUCTIONS 8000
#define MOST_FOUND 1500
#define MOST_EXITS 60
#define GUARD_BYTES (1u << 20)
#define PROCESSORS 2

#define CHECK(condition) \
  do {                   \
    if (!(condition)) {  \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      abort();           \
    }                    \
  } while (0)

void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);

static uint8_t *low, *high;
static uint32_t served, found;
static uint64_t random_state;

static uint64_t random64(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

/* In place of vm.c: ranges of this size have a guard behind each. */
uint64_t vm_low_bytes(const struct vm *vm) {
  (void)vm;
  return LOW_BYTES;
}

uint64_t vm_high_bytes(const struct vm *vm) {
  (void)vm;
  return HIGH_BYTES;
}

unsigned char *vm_translate(const struct vm *vm, uint64_t address, uint64_t length) {
  (void)vm;
  if (address <= LOW_BYTES && length <= LOW_BYTES - address) return low + address;
  uint64_t at = address - SX_HIGH_MEMORY_START;
  return address >= SX_HIGH_MEMORY_START && at <= HIGH_BYTES && length <= HIGH_BYTES - at ? high + at : NULL;
}

/* In place of core.c and vcpu.c. */
void core_ring(const struct core *core) { (void)core; }
bool vcpu_commanded(const struct vcpu *vcpu) { return (void)vcpu, true; }

/* Between the dispatcher and what it calls (--wrap): an input has only so much time. */
void __real_machine_serve(struct cpu *cpu);
void __wrap_machine_serve(struct cpu *cpu);
void __wrap_machine_serve(struct cpu *cpu) {
  if (++served >= MOST_SERVED || cpu->instructions > MOST_INSTRUCTIONS) soft_engine.vcpu_interrupt(cpu->vcpu);
  __real_machine_serve(cpu);
}

/* A due timer makes the next look at the clock an early one. */
uint64_t __real_apic_deadline(const struct apic *apic);
uint64_t __wrap_apic_deadline(const struct apic *apic);
uint64_t __wrap_apic_deadline(const struct apic *apic) {
  return served % 8 ? 0 : __real_apic_deadline(apic);
}

struct block *__real_code_find(struct cpu *cpu, uint64_t rip);
struct block *__wrap_code_find(struct cpu *cpu, uint64_t rip);
struct block *__wrap_code_find(struct cpu *cpu, uint64_t rip) {
  if (++found >= MOST_FOUND) soft_engine.vcpu_interrupt(cpu->vcpu);
  return __real_code_find(cpu, rip);
}

/* Nobody wakes a processor that sleeps. */
int __wrap_futex_wait(void *word, uint32_t expected, uint64_t ns);
int __wrap_futex_wait(void *word, uint32_t expected, uint64_t ns) {
  (void)ns;
  struct cpu *cpu = (struct cpu *)((char *)word - offsetof(struct cpu, wake));
  CHECK(atomic_load(&cpu->wake) == expected && atomic_load(&cpu->sleeping) && !atomic_load(&cpu->running));
  soft_engine.vcpu_interrupt(cpu->vcpu);
  return 0;
}

/*
 * What the engine asks for in large pieces is kept for the next input, each with its end at a guard: to
 * map and unmap it every time costs more than all the rest.
 */
#define MOST_KEPT 12
#define LARGE_BYTES (64u << 10)
#define ALIGNMENT 64
static struct { uint8_t *base; size_t size; bool used; } kept[MOST_KEPT];

static void *keep(size_t size) {
  for (int i = 0; i < MOST_KEPT; i++) {
    if (kept[i].used || (kept[i].base && kept[i].size != size)) continue;
    kept[i].used = true;
    kept[i].size = size;
    if (!kept[i].base) {
      uint64_t pages = (size + PAGE_BYTES - 1) & PAGE_MASK, end = GUARD_BYTES + pages;
      uint8_t *base = __real_mmap(NULL, end + GUARD_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      CHECK(base != MAP_FAILED && !mprotect(base + GUARD_BYTES, pages, PROT_READ | PROT_WRITE));
      kept[i].base = base + end - (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    return kept[i].base;
  }
  abort();
}

static bool give_back(void *at) {
  for (int i = 0; i < MOST_KEPT; i++) {
    if (!at || kept[i].base != at) continue;
    CHECK(kept[i].used);
    kept[i].used = false;
    return true;
  }
  return false;
}

/* Of code, which is written before it is read, or the map of pages with code. A file's pages are of native code. */
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
  if (fd >= 0) return __real_mmap(at, size, protection, flags, fd, offset);
  void *memory = keep(size);
  return size > 1 << 20 ? memory : memset(memory, 0, size);
}

int __real_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size) {
  return give_back(at) ? 0 : __real_munmap(at, size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size) {
  return size < LARGE_BYTES ? __real_calloc(count, size) : memset(keep(count * size), 0, count * size);
}

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  CHECK(alignment <= ALIGNMENT);
  return size < LARGE_BYTES ? __real_aligned_alloc(alignment, size) : keep(size);
}

void __real_free(void *at);
void __wrap_free(void *at);
void __wrap_free(void *at) {
  if (!give_back(at)) __real_free(at);
}

static void make_memory(void) {
  size_t span = LOW_BYTES + HIGH_BYTES + 3ull * GUARD_BYTES;
  uint8_t *base = __real_mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(base != MAP_FAILED);
  low = base + GUARD_BYTES;
  high = low + LOW_BYTES + GUARD_BYTES;
  CHECK(!mprotect(low, LOW_BYTES, PROT_READ | PROT_WRITE) && !mprotect(high, HIGH_BYTES, PROT_READ | PROT_WRITE));
}

static void clear_memory(void) {
  memset(low, 0, LOW_BYTES);
  memset(high, 0, HIGH_BYTES);
}

enum start { START64, START32, START_NARROW, START_PAE, START_COMPATIBLE, START_REAL, START16, START_USER64, STARTS };

static struct segment segment_of(uint16_t selector, uint32_t access) {
  return (struct segment){.limit = access & AR_G ? 0xffffffff : 0xffff, .access = access, .selector = selector};
}

/* Breakpoints near what the code does. */
static void start_breakpoints(struct cpu *cpu) {
  static const uint64_t near[] = {CODE, STACK - 32, CODE + 0xfe0, 0x100000};
  for (int n = 0; n < 4; n++) cpu->dr[n] = near[random64() % 4] + random64() % 64;
  cpu->dr[7] = 0x400 | (random64() & 0xffff00ff);
  debug_changed(cpu);
}

/* Nothing here that the guest could not have brought about itself. */
static void start_processor(struct vcpu *vcpu, enum start how, uint8_t features) {
  struct cpu *cpu = vcpu->processor;
  bool wide = how == START64 || how == START_COMPATIBLE || how == START_USER64;
  const struct start_state state = {
      .mode = wide ? START_LONG : START_PROTECTED, .rip = CODE, .page_tables = PML4, .gdt = GDT};
  CHECK(soft_engine.vcpu_set_start(vcpu, &state) == 0);
  cpu->gdtr = (struct table_register){GDT, GDT_LIMIT};
  cpu->idtr = (struct table_register){how == START_REAL ? 0 : IDT, how == START_REAL ? 0x3ff : 0xfff};
  cpu->segment[TR] = (struct segment){.base = TSS, .limit = TSS_LIMIT, .access = AR_PRESENT | 11, .selector = TASK};
  uint32_t data = AR_S | AR_PRESENT | AR_G | AR_DB | AR_WRITABLE | AR_ACCESSED;
  uint32_t dpl = how == START_USER64 ? 3u << AR_DPL_SHIFT : 0;
  for (int i = ES; i <= GS; i++) {
    if (i != CS) cpu->segment[i] = segment_of(dpl ? USER_DATA | 3 : DATA, data | dpl);
  }
  uint32_t code = AR_S | AR_PRESENT | AR_CODE | AR_READABLE | AR_ACCESSED;
  switch (how) {
    case START64: cpu->segment[CS] = segment_of(CODE64, code | AR_G | AR_L); break;
    case START_USER64: cpu->segment[CS] = segment_of(USER_CODE64 | 3, code | AR_G | AR_L | dpl); break;
    case START16: cpu->segment[CS] = (struct segment){.base = CODE, .limit = 0xffff, .access = code, .selector = CODE16}; break;
    case START_REAL:
      cpu_reset(cpu, false);
      cpu->segment[CS].base = CODE;
      cpu->segment[CS].selector = CODE >> 4;
      cpu->wait_for_sipi = false;
      break;
    default: cpu->segment[CS] = segment_of(CODE32, code | AR_G | AR_DB);
  }
  cpu->rip = how == START16 || how == START_REAL ? 0 : CODE;
  if (how == START_NARROW || how == START_PAE) cpu->cr0 |= CR0_PG;
  if (how == START_NARROW) cpu->cr3 = NARROW_DIRECTORY;
  if (how == START_PAE) cpu->cr3 = PAE_PDPT;
  if (!(features & 1)) cpu->cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT;
  if (features & 2) cpu->cr4 |= CR4_OSXSAVE | CR4_FSGSBASE;
  if (features & 4) cpu->cr4 |= CR4_SMEP | CR4_UMIP;
  if (features & 8) cpu->cr4 |= CR4_SMAP | CR4_PGE;
  if (features & 0x10 && wide) cpu->cr4 |= CR4_PCIDE;
  if (features & 0x20) {
    cpu->cr4 |= CR4_VME | CR4_PVI | CR4_DE | CR4_TSD;
    cpu->cr0 |= CR0_AM;
    start_breakpoints(cpu);
  }
  if (features & 0x40) cpu->efer |= EFER_NXE | EFER_SCE;
  if (how == START_PAE) cpu->cr4 |= CR4_PAE;
  if (how == START_NARROW) cpu->cr4 |= CR4_PSE;
  cpu->reg[RSP] = how == START16 || how == START_REAL ? 0x8000 : STACK;
  cpu->flags = FLAG_RESERVED | (features & 0x80 ? FLAG_IF : 0) | FLAG_IOPL;
  cpu_mode_changed(cpu);
  tlb_flush_all(cpu);
}

static bool in_memory(uintptr_t host) {
  uint64_t at = host - (uintptr_t)low, beyond = host - (uintptr_t)high;
  return host % PAGE_BYTES == 0 && (at < LOW_BYTES || beyond < HIGH_BYTES);
}

/* Every way that is left open leads into the guest's memory. */
static void check(struct vm *vm, struct vcpu *vcpu, const struct cpu *before) {
  const struct cpu *cpu = vcpu->processor;
  CHECK(cpu->machine == before->machine && cpu->vcpu == before->vcpu && cpu->apic == before->apic);
  CHECK(cpu->code == before->code && cpu->cpuid == before->cpuid && cpu->mailbox == before->mailbox);
  CHECK(cpu->index == vcpu->index && cpu->machine->vm == vm);
  CHECK(cpu->reg[REG_ZERO] == 0);
  CHECK(cpu->budget >= -5000 && cpu->budget <= 20000);
  CHECK(cpu->code_size == 2 || cpu->code_size == 4 || cpu->code_size == 8);
  CHECK(cpu->cpl < 4 && cpu->space < SPACES && cpu->fpu.top < 8);
  CHECK(cpu->replay_done <= MOST_REPLAYED && cpu->replay_next <= cpu->replay_done);
  CHECK(!atomic_load(&cpu->running) && !atomic_load(&cpu->sleeping));
  CHECK(cpu->set < TLB_SETS && cpu->tlb == cpu->tlbs[cpu->aligned ? TLB_NOTHING : cpu->set]);
  CHECK(!cpu->in_block && !cpu->resumed && cpu->hits <= 0xf);
  CHECK(cpu->tlb_generation > 0 && cpu->tlb_generation < PAGE_BYTES - 1);
  for (int set = 0; set < TLB_SETS; set++) {
    for (int i = 0; i < TLB_ENTRIES; i++) {
      const struct tlb_entry *entry = &cpu->tlbs[set][i];
      if (!entry->read && !entry->write) continue; /* never filled: no tag has generation 0 */
      if (entry->read != TLB_NONE) CHECK(in_memory((entry->read & PAGE_MASK) + entry->addend));
      CHECK(entry->read == TLB_NONE || !debug_watches_page(cpu, entry->read));
      if (entry->write != TLB_NONE) CHECK(in_memory((entry->write & PAGE_MASK) + entry->addend));
    }
  }
  for (int i = 0; i < TLB_ENTRIES; i++) {
    const struct tlb_entry *entry = &cpu->tlbs[TLB_NOTHING][i];
    CHECK((!entry->read && !entry->write) || (entry->read == TLB_NONE && entry->write == TLB_NONE));
  }
  for (int i = 0; i < ITLB_ENTRIES; i++) CHECK(!cpu->itlb[i].host || in_memory((uintptr_t)cpu->itlb[i].host));
}

struct processor {
  struct vcpu vcpu;
  struct sx_vcpu_block *block;
  bool ended;
};

/* Runs it for a while. False when it ended. */
static void run(struct vm *vm, struct processor *processor, uint32_t *exits) {
  struct cpu before = *(struct cpu *)processor->vcpu.processor;
  for (uint32_t i = 0; i < 8 && *exits < MOST_EXITS; i++) {
    soft_engine.vcpu_rearm(&processor->vcpu);
    int reason = soft_engine.vcpu_run(&processor->vcpu);
    check(vm, &processor->vcpu, &before);
    CHECK(reason > 0 || reason == SX_EXIT_KICK);
    ++*exits;
    if (reason == SX_EXIT_TRIPLE_FAULT) processor->ended = true;
    if (reason == SX_EXIT_TRIPLE_FAULT || reason == SX_EXIT_KICK) return;
    soft_engine.vcpu_complete(&processor->vcpu, random64());
    if (vm->irqchip && random64() % 4 == 0) {
      soft_engine.vm_signal_msi(vm, 0xfee00000 | (random64() & 0xff00c), (uint32_t)(random64() & 0xc7ff));
    }
  }
}

static void try(const uint8_t *data, size_t size) {
  struct input input = {data, size};
  uint8_t what = take8(&input), features = take8(&input), shape = take8(&input);
  random_state = 0x9e3779b97f4a7c15 * (take8(&input) + 1u);
  enum start how = what % STARTS;
  bool wide = how == START64 || how == START_COMPATIBLE || how == START_USER64;
  unsigned code_size = wide && how != START_COMPATIBLE ? 8 : how == START_REAL || how == START16 ? 2 : 4;
  bool two = shape & 1;
  served = found = 0;
  clear_memory();
  guest_tables(low, code_size, wide);
  /* Most code lies in one page; some reaches into the next, some to the end of memory. */
  uint32_t at = shape & 4 ? CODE + 0xfe0 : CODE;
  if (shape & 8) at = LOW_BYTES - 0x400;
  struct vm vm = {.memory = {.base = low, .size = (uint64_t)(high + HIGH_BYTES - low)}, .irqchip = (shape & 0xc2) != 2};
  guest_code(low + at, shape & 8 ? 0x400 : 0x1000, code_size, &input);
  CHECK(soft_engine.vm_create(&vm) == 0);
  ((struct machine *)vm.machine)->native_after = what / STARTS % 2 ? 1 : 8;
  if (vm.irqchip) CHECK(soft_engine.vm_create_irqchip(&vm, true) == 0);
  if (shape & 0x10) {
    const uint32_t routes[ROUTE_WORDS] = {1, 0xfee00000, 0, 0x8000 | 0x31};
    soft_engine.vm_route(&vm, routes, 1);
    soft_engine.vm_doorbell(&vm, NULL, LOW_BYTES + 0x200000, true);
  }
  struct processor processors[PROCESSORS] = {0};
  uint32_t count = two ? 2 : 1, exits = 0;
  for (uint32_t i = 0; i < count; i++) {
    struct processor *processor = &processors[i];
    processor->block = calloc(1, sizeof *processor->block);
    processor->vcpu = (struct vcpu){.vm = &vm, .index = i, .block = processor->block};
    CHECK(soft_engine.vcpu_create(&processor->vcpu) == 0);
    if (i == 0 || shape & 0x20) {
      start_processor(&processor->vcpu, how, features);
      struct cpu *cpu = processor->vcpu.processor;
      if (at != CODE) cpu->rip += at - CODE;
      if (shape & 0x40) cpu->next_code_generation = MOST_CODE_GENERATION - 8;
    }
  }
  for (bool alive = true; alive && exits < MOST_EXITS && served < MOST_SERVED && found < MOST_FOUND;) {
    alive = false;
    for (uint32_t i = 0; i < count; i++) {
      if (processors[i].ended) continue;
      run(&vm, &processors[i], &exits);
      alive = alive || !processors[i].ended;
    }
  }
  for (uint32_t i = 0; i < count; i++) {
    soft_engine.vcpu_close(&processors[i].vcpu);
    free(processors[i].block);
  }
  soft_engine.vm_close(&vm);
}

#ifdef REPLAY
int main(int count, char **paths) {
  static uint8_t data[1 << 16];
  make_memory();
  for (int i = 1; i < count; i++) {
    FILE *file = fopen(paths[i], "rb");
    if (!file) {
      perror(paths[i]);
      return 1;
    }
    fprintf(stderr, "%s\n", paths[i]);
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    try(data, size);
  }
  printf("%d inputs\n", count - 1);
  return 0;
}
#else
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!low) make_memory();
  try(data, size);
  return 0;
}
#endif
