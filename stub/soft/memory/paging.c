#include "soft/memory/paging.h"

#include "stub.h"
#include "soft/translation/code_cache.h"
#include "soft/controls/ept.h"
#include "soft/machine.h"

#define PTE_P 0x1ull
#define PTE_W 0x2ull
#define PTE_U 0x4ull
#define PTE_A 0x20ull
#define PTE_D 0x40ull
#define PTE_PS 0x80ull
#define PTE_G 0x100ull
#define PTE_NX (1ull << 63)
/* Physical addresses have 40 bits: cpuid.c says so. */
#define PTE_ADDRESS 0x000000fffffff000ull
#define PTE_RESERVED 0x000fff0000000000ull

#define PF_P 0x1
#define PF_W 0x2
#define PF_U 0x4
#define PF_RSVD 0x8
#define PF_I 0x10

static uint8_t *host_page(const struct cpu *cpu, uint64_t page) {
  return vm_translate(cpu->machine->vm, page, PAGE_BYTES);
}

struct walk {
  struct cpu *cpu;
  const struct op *op;
  uint64_t address;
  enum access_kind kind;
  bool user, ac;
};

/* An entry of a table, 0 where no memory lies. */
static uint64_t *entry_at(const struct walk *walk, uint64_t table, uint32_t index, uint32_t size) {
  uint8_t *page = host_page(walk->cpu, table & PAGE_MASK);
  if (!page) return NULL;
  uint64_t *entry = (uint64_t *)(page + (table & ~PAGE_MASK) + (uint64_t)index * size);
  if (unlikely(walk->cpu->ept)) ept_check_entry(walk->cpu, walk->op, walk->address, entry, SX_EPT_READ);
  return entry;
}

static uint64_t read_entry(const uint64_t *entry, uint32_t size) {
  if (!entry) return 0;
  return size == 8 ? __atomic_load_n(entry, __ATOMIC_RELAXED)
                   : __atomic_load_n((const uint32_t *)entry, __ATOMIC_RELAXED);
}

static _Noreturn void refuse(const struct walk *walk, uint32_t error) {
  const struct cpu *cpu = walk->cpu;
  if (walk->kind == ACCESS_WRITE) error |= PF_W;
  if (walk->user) error |= PF_U;
  if (walk->kind == ACCESS_FETCH && (cpu->efer & EFER_NXE || cpu->cr4 & CR4_SMEP)) error |= PF_I;
  cpu_page_fault(walk->cpu, walk->op, walk->address, error);
}

static bool allowed(const struct walk *walk, bool user_page, bool writable, bool executable) {
  const struct cpu *cpu = walk->cpu;
  if (walk->user) {
    if (!user_page || (walk->kind == ACCESS_WRITE && !writable)) return false;
    return walk->kind != ACCESS_FETCH || executable;
  }
  if (walk->kind == ACCESS_FETCH) return executable && !(user_page && cpu->cr4 & CR4_SMEP);
  if (user_page && cpu->cr4 & CR4_SMAP && !walk->ac) return false;
  return walk->kind == ACCESS_READ || writable || !(cpu->cr0 & CR0_WP);
}

static struct translation finish_walk(const struct walk *walk, uint64_t *leaf, uint32_t size, uint64_t entry,
                                      uint64_t base, uint64_t bytes, bool user_page, bool writable, bool executable) {
  const struct cpu *cpu = walk->cpu;
  if (!allowed(walk, user_page, writable, executable)) refuse(walk, PF_P);
  uint64_t wanted = PTE_A | (walk->kind == ACCESS_WRITE ? PTE_D : 0);
  if ((entry & wanted) != wanted) {
    if (unlikely(cpu->ept)) ept_check_entry(walk->cpu, walk->op, walk->address, leaf, SX_EPT_WRITE);
    if (size == 8) __atomic_fetch_or(leaf, wanted, __ATOMIC_SEQ_CST);
    else __atomic_fetch_or((uint32_t *)leaf, (uint32_t)wanted, __ATOMIC_SEQ_CST);
    entry |= wanted;
  }
  uint64_t page = base + (walk->address & (bytes - 1) & PAGE_MASK);
  bool may_write = walk->user ? writable : writable || !(cpu->cr0 & CR0_WP);
  return (struct translation){.page = page,
                              .host = host_page(cpu, page),
                              .writable = may_write && entry & PTE_D,
                              .global = entry & PTE_G && cpu->cr4 & CR4_PGE,
                              .large = bytes > PAGE_BYTES};
}

static void mark_accessed(const struct walk *walk, uint64_t *at, uint32_t size, uint64_t entry) {
  if (entry & PTE_A) return;
  if (unlikely(walk->cpu->ept)) ept_check_entry(walk->cpu, walk->op, walk->address, at, SX_EPT_WRITE);
  if (size == 8) __atomic_fetch_or(at, PTE_A, __ATOMIC_SEQ_CST);
  else __atomic_fetch_or((uint32_t *)at, (uint32_t)PTE_A, __ATOMIC_SEQ_CST);
}

/* Four levels, or the three of PAE whose first has no rights of its own (4.4, 4.5). */
static struct translation walk_wide(const struct walk *walk, bool four_levels) {
  const struct cpu *cpu = walk->cpu;
  uint64_t table = four_levels ? cpu->cr3 & PTE_ADDRESS : cpu->cr3 & 0xffffffe0;
  uint64_t reserved = PTE_RESERVED | (cpu->efer & EFER_NXE ? 0 : PTE_NX);
  bool user_page = true, writable = true, executable = true;
  for (int level = four_levels ? 3 : 2;; level--) {
    unsigned shift = 12 + 9 * (unsigned)level;
    bool root = !four_levels && level == 2;
    uint64_t *at = entry_at(walk, table, walk->address >> shift & (root ? 3 : 511), 8);
    uint64_t entry = read_entry(at, 8);
    if (!(entry & PTE_P)) refuse(walk, 0);
    bool leaf = level == 0 || (entry & PTE_PS && level < 3 && !root);
    uint64_t bad = reserved | (leaf && level ? (1ull << shift) - 0x2000 : 0) | (level == 3 ? PTE_PS : 0);
    if (entry & bad) refuse(walk, PF_P | PF_RSVD);
    if (!root) {
      user_page = user_page && entry & PTE_U;
      writable = writable && entry & PTE_W;
      executable = executable && !(entry & PTE_NX);
    }
    if (leaf) {
      uint64_t bytes = 1ull << shift;
      return finish_walk(walk, at, 8, entry, entry & PTE_ADDRESS & ~(bytes - 1), bytes, user_page, writable, executable);
    }
    if (!root) mark_accessed(walk, at, 8, entry);
    table = entry & PTE_ADDRESS;
  }
}

/* Two levels of 32-bit entries (4.3). */
static struct translation walk_narrow(const struct walk *walk) {
  const struct cpu *cpu = walk->cpu;
  uint64_t *at = entry_at(walk, cpu->cr3 & 0xfffff000, walk->address >> 22 & 1023, 4);
  uint64_t entry = read_entry(at, 4);
  if (!(entry & PTE_P)) refuse(walk, 0);
  bool user_page = entry & PTE_U, writable = entry & PTE_W;
  if (entry & PTE_PS && cpu->cr4 & CR4_PSE) {
    uint64_t base = (entry & 0xffc00000) | (entry >> 13 & 0xff) << 32;
    return finish_walk(walk, at, 4, entry, base, 1 << 22, user_page, writable, true);
  }
  mark_accessed(walk, at, 4, entry);
  at = entry_at(walk, entry & 0xfffff000, walk->address >> 12 & 1023, 4);
  entry = read_entry(at, 4);
  if (!(entry & PTE_P)) refuse(walk, 0);
  return finish_walk(walk, at, 4, entry, entry & 0xfffff000, PAGE_BYTES, user_page && entry & PTE_U,
                     writable && entry & PTE_W, true);
}

static struct translation walk_tables(struct cpu *cpu, const struct op *op, uint64_t address, enum access_kind kind,
                                      bool user, bool ac) {
  if (!(cpu->cr0 & CR0_PG)) {
    uint64_t page = address & PAGE_MASK;
    return (struct translation){.page = page, .host = host_page(cpu, page), .writable = true, .global = true};
  }
  const struct walk walk = {cpu, op, address, kind, user, ac};
  if (cpu->efer & EFER_LMA) return walk_wide(&walk, true);
  return cpu->cr4 & CR4_PAE ? walk_wide(&walk, false) : walk_narrow(&walk);
}

struct translation paging_walk(struct cpu *cpu, const struct op *op, uint64_t address, enum access_kind kind,
                               bool user, bool ac) {
  struct translation found = walk_tables(cpu, op, address, kind, user, ac);
  if (unlikely(cpu->ept)) ept_check(cpu, op, address, kind, &found);
  return found;
}

const struct itlb_entry *itlb_find(struct cpu *cpu, uint64_t address) {
  struct itlb_entry *entry = &cpu->itlb[address / PAGE_BYTES % ITLB_ENTRIES];
  uint64_t tag = ((address & PAGE_MASK) | cpu->tlb_generation) ^ (uint64_t)(cpu->cpl >> 1) << 62;
  if (likely(entry->tag == tag)) return entry;
  struct translation found = paging_walk(cpu, NULL, address, ACCESS_FETCH, cpu->cpl == 3, true);
  if (found.host) code_verify_page(cpu, found.page, found.host);
  *entry = (struct itlb_entry){tag, found.page, found.host, found.global};
  if (found.large) tlb_mark_large(cpu, address);
  return entry;
}
