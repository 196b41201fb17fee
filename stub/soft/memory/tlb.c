/*
 * The TLBs. An entry is right as long as its tag has the present address space's generation, so that
 * changing spaces, or forgetting one, touches no entry. Global pages are remembered per space like
 * others: that forgets them too often, never too rarely.
 */
#include <string.h>

#include "stub.h"

#include "soft/machine.h"
#include "soft/memory/paging.h"
#include "soft/system/debug.h"
#include "soft/system/system.h"

/* Generations lie in the bits of a tag below the page. The last one would make TLB_NONE a tag: that of
 * the topmost page. */
#define MOST_GENERATIONS 4094

static unsigned region_bit(uint64_t address) {
  uint64_t region = address >> 21;
  return (unsigned)((region ^ region >> 10) % (64 * LARGE_REGION_WORDS));
}

static void forget_everything(struct cpu *cpu) {
  for (int set = 0; set <= TLB_NOTHING; set++) {
    for (int i = 0; i < TLB_ENTRIES; i++) cpu->tlbs[set][i].read = cpu->tlbs[set][i].write = TLB_NONE;
  }
  for (int i = 0; i < ITLB_ENTRIES; i++) cpu->itlb[i].tag = TLB_NONE;
  memset(cpu->large_regions, 0, sizeof cpu->large_regions);
  memset(cpu->spaces, 0, sizeof cpu->spaces);
  cpu->next_tlb_generation = 1;
}

/* Blocks linked under the old value are looked up anew. 0 is never a present one. */
static uint32_t new_code_generation(struct cpu *cpu) {
  if (++cpu->next_code_generation == 0) cpu->next_code_generation = 2;
  return cpu->next_code_generation;
}

/* The present space begins with nothing remembered. */
static void renew_space(struct cpu *cpu, uint32_t slot, uint16_t pcid) {
  if (cpu->next_tlb_generation > MOST_GENERATIONS || cpu->next_tlb_generation == 0) forget_everything(cpu);
  cpu->spaces[slot] = (struct address_space){pcid, (uint16_t)cpu->next_tlb_generation++, new_code_generation(cpu)};
  cpu->space = slot;
  cpu->tlb_generation = cpu->spaces[slot].tlb_generation;
  cpu->generation[LIFE_LOCAL] = cpu->spaces[slot].code_generation;
}

static uint16_t present_pcid(const struct cpu *cpu) {
  return cpu->cr4 & CR4_PCIDE ? cpu->cr3 & 0xfff : 0;
}

void tlb_flush_space(struct cpu *cpu) {
  renew_space(cpu, cpu->space, present_pcid(cpu));
}

void tlb_flush_all(struct cpu *cpu) {
  memset(cpu->spaces, 0, sizeof cpu->spaces);
  memset(cpu->large_regions, 0, sizeof cpu->large_regions);
  renew_space(cpu, 0, present_pcid(cpu));
  cpu->generation[LIFE_PAGE] = 1;
  cpu->generation[LIFE_GLOBAL] = new_code_generation(cpu);
}

static struct address_space *space_of(struct cpu *cpu, uint32_t pcid) {
  for (uint32_t i = 0; i < SPACES; i++) {
    if (cpu->spaces[i].tlb_generation && cpu->spaces[i].pcid == pcid) return &cpu->spaces[i];
  }
  return NULL;
}

void tlb_switch(struct cpu *cpu, uint64_t cr3, bool keep) {
  cpu->cr3 = cr3;
  struct address_space *known = space_of(cpu, present_pcid(cpu));
  if (known && keep) {
    cpu->space = (uint32_t)(known - cpu->spaces);
    cpu->tlb_generation = known->tlb_generation;
    cpu->generation[LIFE_LOCAL] = known->code_generation;
    return;
  }
  uint32_t slot = known ? (uint32_t)(known - cpu->spaces) : cpu->next_space++ % SPACES;
  renew_space(cpu, slot, present_pcid(cpu));
}

void tlb_flush_pcid(struct cpu *cpu, uint32_t pcid) {
  struct address_space *known = space_of(cpu, pcid);
  if (!known) return;
  if (known == &cpu->spaces[cpu->space]) tlb_flush_space(cpu);
  else known->tlb_generation = 0;
}

static void forget_entries(struct cpu *cpu, uint64_t address, uint64_t mask) {
  for (int set = 0; set < TLB_SETS; set++) {
    for (int i = 0; i < TLB_ENTRIES; i++) {
      struct tlb_entry *entry = &cpu->tlbs[set][i];
      if (((entry->read ^ address) & mask) == 0 || ((entry->write ^ address) & mask) == 0) {
        entry->read = entry->write = TLB_NONE;
      }
    }
  }
  for (int i = 0; i < ITLB_ENTRIES; i++) {
    /* Bit 62 tells user code's entries apart. */
    if (((cpu->itlb[i].tag ^ address) & mask & ~(1ull << 62)) == 0) cpu->itlb[i].tag = TLB_NONE;
  }
}

void tlb_forget_page(struct cpu *cpu, uint64_t address) {
  for (int set = 0; set < TLB_SETS; set++) {
    struct tlb_entry *entry = &cpu->tlbs[set][address / PAGE_BYTES % TLB_ENTRIES];
    if (((entry->read ^ address) & PAGE_MASK) == 0 || ((entry->write ^ address) & PAGE_MASK) == 0) {
      entry->read = entry->write = TLB_NONE;
    }
  }
}

void tlb_flush_address(struct cpu *cpu, uint64_t address) {
  unsigned bit = region_bit(address);
  if (cpu->large_regions[bit / 64] >> bit % 64 & 1) {
    forget_entries(cpu, address, ~0ull << 21);
  } else {
    tlb_forget_page(cpu, address);
    cpu->itlb[address / PAGE_BYTES % ITLB_ENTRIES].tag = TLB_NONE;
  }
  /* Of every address space: links of the others are renewed when they are switched to. */
  for (uint32_t i = 0; i < SPACES; i++) cpu->spaces[i].code_generation = new_code_generation(cpu);
  cpu->generation[LIFE_LOCAL] = cpu->spaces[cpu->space].code_generation;
  /* User pages are not global as a rule: what lies in the other half stays. */
  if ((int64_t)address < 0 || cpu->low_global) {
    cpu->generation[LIFE_GLOBAL] = new_code_generation(cpu);
    cpu->low_global = false;
  }
}

void tlb_fill(struct cpu *cpu, enum tlb_set set, uint64_t address, const struct translation *translation) {
  if (unlikely(cpu->watches) && debug_watches_page(cpu, address)) return;
  struct tlb_entry *entry = &cpu->tlbs[set][address / PAGE_BYTES % TLB_ENTRIES];
  uint64_t page = address & PAGE_MASK, tag = page | cpu->tlb_generation;
  uint64_t frame = (uint64_t)(translation->host - cpu->machine->vm->memory.base) / PAGE_BYTES;
  bool code = atomic_load_explicit(&cpu->machine->code_map[frame], memory_order_acquire) != 0;
  entry->read = tag;
  entry->write = translation->writable && !code ? tag : TLB_NONE;
  entry->addend = (uintptr_t)translation->host - page;
  if (translation->large) tlb_mark_large(cpu, address);
}

void tlb_mark_large(struct cpu *cpu, uint64_t address) {
  unsigned bit = region_bit(address);
  cpu->large_regions[bit / 64] |= 1ull << bit % 64;
}

void tlb_protect(struct cpu *cpu, const uint8_t *host) {
  for (int set = 0; set < TLB_SETS; set++) {
    for (int i = 0; i < TLB_ENTRIES; i++) {
      struct tlb_entry *entry = &cpu->tlbs[set][i];
      if (entry->write != TLB_NONE && (entry->write & PAGE_MASK) + entry->addend == (uintptr_t)host) {
        entry->write = TLB_NONE;
      }
    }
  }
}

void tlb_protect_all(struct cpu *cpu) {
  for (int set = 0; set < TLB_SETS; set++) {
    for (int i = 0; i < TLB_ENTRIES; i++) cpu->tlbs[set][i].write = TLB_NONE;
  }
}
