/*
 * CPUID of a software processor (SDM volume 2, CPUID): x86-64-v2, in one package without SMT. The
 * model is an Atom's that executes in order: to Linux, one without speculation and so without any
 * attack by it to be mitigated, and without MSRs beyond what the feature bits come with.
 */
#include "soft/system/cpuid.h"

#include <stdlib.h>
#include <string.h>

#include "soft/apic/apic.h"
#include "soft/machine.h"
#include "soft/system/system.h"

/* Words of one of the caller's leaves: leaf, subleaf, four values, and which of their bits count. */
#define LEAF_WORDS 10

#define LEAF_VENDOR 0u
#define LEAF_FEATURES 1u
#define LEAF_CACHES 4u
#define LEAF_TOPOLOGY 0xbu
#define LEAF_FREQUENCY 0x15u
#define LEAF_PROCESSOR_FREQUENCY 0x16u
#define LEAF_TOPOLOGY_V2 0x1fu
#define LEAF_HYPERVISOR 0x40000000u
#define LEAF_EXTENDED 0x80000000u
#define RANGE_MASK 0xc0000000u

#define LAST_BASIC LEAF_PROCESSOR_FREQUENCY
#define LAST_HYPERVISOR 0x40000010u
#define LAST_EXTENDED 0x80000008u

/* Family 6, model 0x36, stepping 1. */
#define SIGNATURE 0x00030661u
#define CLFLUSH_UNITS (8u << 8) /* a line of 64 bytes */

#define F1C_SSE3 (1u << 0)
#define F1C_SSSE3 (1u << 9)
#define F1C_CX16 (1u << 13)
#define F1C_PCID (1u << 17)
#define F1C_SSE41 (1u << 19)
#define F1C_SSE42 (1u << 20)
#define F1C_X2APIC (1u << 21)
#define F1C_MOVBE (1u << 22)
#define F1C_POPCNT (1u << 23)
#define F1C_TSC_DEADLINE (1u << 24)
#define F1C_XSAVE (1u << 26)
#define F1C_OSXSAVE (1u << 27)
#define F1C_RDRAND (1u << 30)
#define F1C_HYPERVISOR (1u << 31)

#define F1D_FPU (1u << 0)
#define F1D_DE (1u << 2)
#define F1D_PSE (1u << 3)
#define F1D_TSC (1u << 4)
#define F1D_MSR (1u << 5)
#define F1D_PAE (1u << 6)
#define F1D_MCE (1u << 7)
#define F1D_CX8 (1u << 8)
#define F1D_APIC (1u << 9)
#define F1D_SEP (1u << 11)
#define F1D_MTRR (1u << 12)
#define F1D_PGE (1u << 13)
#define F1D_MCA (1u << 14)
#define F1D_CMOV (1u << 15)
#define F1D_PAT (1u << 16)
#define F1D_CLFLUSH (1u << 19)
#define F1D_MMX (1u << 23)
#define F1D_FXSR (1u << 24)
#define F1D_SSE (1u << 25)
#define F1D_SSE2 (1u << 26)
#define F1D_HTT (1u << 28)

#define F6A_ARAT (1u << 2) /* the APIC timer runs in every idle state */

#define F7B_FSGSBASE (1u << 0)
#define F7B_TSC_ADJUST (1u << 1)
#define F7B_SMEP (1u << 7)
#define F7B_ERMS (1u << 9)
#define F7B_INVPCID (1u << 10)
#define F7B_RDSEED (1u << 18)
#define F7B_SMAP (1u << 20)
#define F7C_UMIP (1u << 2)
#define F7D_ARCH_CAPABILITIES (1u << 29)

#define XSAVE_STATES 3u /* x87, SSE */
#define XSAVE_BYTES 576u
#define FDA_XSAVEOPT (1u << 0)
#define FDA_XSAVEC (1u << 1)

#define F81C_LAHF (1u << 0)
#define F81D_SYSCALL (1u << 11)
#define F81D_NX (1u << 20)
#define F81D_PAGE_1G (1u << 26)
#define F81D_RDTSCP (1u << 27)
#define F81D_LM (1u << 29)
#define F87D_INVARIANT_TSC (1u << 8)
#define PHYSICAL_BITS 40u
#define LINEAR_BITS 48u

/* Leaf 0x15, eax. The TSC's Hz are the crystal's times ebx over eax: the larger eax, the finer; Linux
 * multiplies the crystal's kHz by ebx in 32 bits. */
#define CRYSTAL_DIVISOR 250u
#define KHZ_PER_MHZ 1000u

/* Leaf 2: one round, caches are in leaf 4 (descriptor 0xff). */
#define CACHES_IN_LEAF_4 0x00ff0001u
/* Leaf 4, eax: type, level, self-initialising; ebx: ways and lines of 64 bytes. */
#define CACHE_DATA 1u
#define CACHE_CODE 2u
#define CACHE_UNIFIED 3u
#define CACHE(type, level) ((type) | (level) << 5 | 1u << 8)
#define CACHE_GEOMETRY(ways) (((ways) - 1) << 22 | 63u)
#define CACHE_EAX 0x3fffu
/* Leaf 0x80000006, ecx: 256 KiB, 8 ways, 64 bytes. */
#define L2_AMD_FORMAT 0x01006040u

/* Leaf 0xb, ecx: levels of the topology. */
#define LEVEL_SMT 1u
#define LEVEL_CORE 2u

enum { EAX, EBX, ECX, EDX, WORDS };

struct leaf {
  uint32_t leaf, subleaf;
  uint32_t words[WORDS];
  bool indexed; /* the subleaf counts */
};

struct cpuid_table {
  uint32_t count;
  uint32_t index; /* the processor's, and its x2APIC id */
  struct leaf leaves[];
};

static const struct leaf defaults[] = {
    {LEAF_VENDOR, 0, {LAST_BASIC, 0x756e6547, 0x6c65746e, 0x49656e69}, false}, /* GenuineIntel */
    {LEAF_FEATURES, 0,
     {SIGNATURE, CLFLUSH_UNITS,
      F1C_SSE3 | F1C_SSSE3 | F1C_CX16 | F1C_PCID | F1C_SSE41 | F1C_SSE42 | F1C_X2APIC | F1C_MOVBE |
          F1C_POPCNT | F1C_TSC_DEADLINE | F1C_XSAVE | F1C_RDRAND | F1C_HYPERVISOR,
      F1D_FPU | F1D_DE | F1D_PSE | F1D_TSC | F1D_MSR | F1D_PAE | F1D_MCE | F1D_CX8 | F1D_APIC |
          F1D_SEP | F1D_MTRR | F1D_PGE | F1D_MCA | F1D_CMOV | F1D_PAT | F1D_CLFLUSH | F1D_MMX |
          F1D_FXSR | F1D_SSE | F1D_SSE2},
     false},
    {2, 0, {CACHES_IN_LEAF_4, 0, 0, 0}, false},
    {LEAF_CACHES, 0, {CACHE(CACHE_DATA, 1), CACHE_GEOMETRY(8), 63, 0}, true},       /* 32 KiB */
    {LEAF_CACHES, 1, {CACHE(CACHE_CODE, 1), CACHE_GEOMETRY(4), 127, 0}, true},      /* 32 KiB */
    {LEAF_CACHES, 2, {CACHE(CACHE_UNIFIED, 2), CACHE_GEOMETRY(8), 511, 0}, true},   /* 256 KiB */
    {LEAF_CACHES, 3, {CACHE(CACHE_UNIFIED, 3), CACHE_GEOMETRY(16), 16383, 0}, true}, /* 16 MiB */
    {6, 0, {F6A_ARAT, 0, 0, 0}, false},
    {7, 0,
     {0, F7B_FSGSBASE | F7B_TSC_ADJUST | F7B_SMEP | F7B_ERMS | F7B_INVPCID | F7B_RDSEED | F7B_SMAP,
      F7C_UMIP, F7D_ARCH_CAPABILITIES},
     true},
    {LEAF_TOPOLOGY, 0, {0}, true},
    {LEAF_TOPOLOGY, 1, {0}, true},
    {0xd, 0, {XSAVE_STATES, XSAVE_BYTES, XSAVE_BYTES, 0}, true},
    {0xd, 1, {FDA_XSAVEOPT | FDA_XSAVEC, XSAVE_BYTES, 0, 0}, true},
    {LEAF_FREQUENCY, 0, {CRYSTAL_DIVISOR, 0, APIC_TIMER_HZ, 0}, false},
    {LEAF_PROCESSOR_FREQUENCY, 0, {0}, false},
    {LEAF_HYPERVISOR, 0, {LAST_HYPERVISOR, 0, 0, 0}, false},
    {LEAF_EXTENDED, 0, {LAST_EXTENDED, 0, 0, 0}, false},
    {0x80000001, 0,
     {0, 0, F81C_LAHF, F81D_SYSCALL | F81D_NX | F81D_PAGE_1G | F81D_RDTSCP | F81D_LM}, false},
    {0x80000006, 0, {0, 0, L2_AMD_FORMAT, 0}, false},
    {0x80000007, 0, {0, 0, 0, F87D_INVARIANT_TSC}, false},
    {0x80000008, 0, {LINEAR_BITS << 8 | PHYSICAL_BITS, 0, 0, 0}, false},
};
#define DEFAULTS (sizeof defaults / sizeof *defaults)

#define LEAF_BRAND 0x80000002u
#define BRAND_LEAVES 3
static const char brand[BRAND_LEAVES * sizeof(uint32_t[WORDS])] = "SplitX software processor";

static struct leaf *append(struct cpuid_table *table, uint32_t leaf, uint32_t subleaf) {
  struct leaf *at = &table->leaves[table->count++];
  *at = (struct leaf){.leaf = leaf, .subleaf = subleaf, .indexed = subleaf != 0};
  return at;
}

static void overlay(struct cpuid_table *table, const uint32_t *leaf) {
  struct leaf *at = NULL;
  for (uint32_t i = 0; i < table->count; i++) {
    if (table->leaves[i].leaf == leaf[0] && table->leaves[i].subleaf == leaf[1]) at = &table->leaves[i];
  }
  if (!at) at = append(table, leaf[0], leaf[1]);
  const uint32_t *values = leaf + 2, *masks = leaf + 2 + WORDS;
  for (int i = 0; i < WORDS; i++) at->words[i] = (at->words[i] & ~masks[i]) | (values[i] & masks[i]);
}

static uint32_t bits_for(uint32_t count) {
  uint32_t bits = 0;
  while (1u << bits < count) bits++;
  return bits;
}

/* As identify() in kvm.c: whatever the caller's leaves say. */
static void identify(struct cpuid_table *table, uint32_t vcpus) {
  uint32_t bits = bits_for(vcpus);
  for (uint32_t i = 0; i < table->count; i++) {
    uint32_t subleaf = table->leaves[i].subleaf, *words = table->leaves[i].words;
    switch (table->leaves[i].leaf) {
      case LEAF_FEATURES:
        words[EBX] = (words[EBX] & 0xffff) | table->index << 24 | (vcpus & 0xff) << 16;
        words[ECX] |= F1C_HYPERVISOR;
        words[EDX] = (words[EDX] & ~F1D_HTT) | (vcpus > 1 ? F1D_HTT : 0);
        break;
      case LEAF_CACHES: /* caches of a core are its own */
        words[EAX] = (words[EAX] & CACHE_EAX) | ((1u << bits) - 1) << 26;
        break;
      case LEAF_TOPOLOGY:
      case LEAF_TOPOLOGY_V2:
        words[EAX] = subleaf == 1 ? bits : 0;
        words[EBX] = subleaf == 0 ? 1 : subleaf == 1 ? vcpus : 0;
        words[ECX] = subleaf | (subleaf == 0 ? LEVEL_SMT : subleaf == 1 ? LEVEL_CORE : 0) << 8;
        words[EDX] = table->index;
        break;
    }
  }
}

struct cpuid_table *cpuid_create(uint32_t index, uint32_t vcpus, bool has_apic,
                                 const uint32_t *leaves, uint32_t count) {
  size_t most = DEFAULTS + BRAND_LEAVES + count;
  struct cpuid_table *table = calloc(1, sizeof *table + most * sizeof(struct leaf));
  if (!table) return NULL;
  table->index = index;
  table->count = DEFAULTS;
  memcpy(table->leaves, defaults, sizeof defaults);
  for (uint32_t i = 0; i < BRAND_LEAVES; i++) {
    memcpy(append(table, LEAF_BRAND + i, 0)->words, brand + i * sizeof(uint32_t[WORDS]),
           sizeof(uint32_t[WORDS]));
  }
  if (!has_apic) {
    struct leaf *features = &table->leaves[1];
    features->words[ECX] &= ~(F1C_X2APIC | F1C_TSC_DEADLINE);
    features->words[EDX] &= ~F1D_APIC;
  }
  for (uint32_t i = 0; i < count; i++) overlay(table, leaves + (size_t)LEAF_WORDS * i);
  identify(table, vcpus);
  return table;
}

void cpuid_destroy(struct cpuid_table *table) { free(table); }

static const struct leaf *find(const struct cpuid_table *table, uint32_t leaf, uint32_t subleaf) {
  for (uint32_t i = 0; i < table->count; i++) {
    const struct leaf *at = &table->leaves[i];
    if (at->leaf == leaf && (!at->indexed || at->subleaf == subleaf)) return at;
  }
  return NULL;
}

/* A leaf behind the last one of its range has the data of the highest basic leaf. */
static uint32_t leaf_in_range(const struct cpuid_table *table, uint32_t leaf) {
  const struct leaf *first = find(table, leaf & RANGE_MASK, 0);
  if (first && leaf <= first->words[EAX]) return leaf;
  return find(table, LEAF_VENDOR, 0)->words[EAX];
}

/* What follows from the processor's state, and from its machine's clock unless the caller said it. */
static void complete(const struct cpu *cpu, uint32_t leaf, uint32_t words[WORDS]) {
  uint64_t khz = cpu->machine->tsc_khz;
  switch (leaf) {
    case LEAF_FEATURES:
      words[ECX] = (words[ECX] & ~F1C_OSXSAVE) | (cpu->cr4 & CR4_OSXSAVE ? F1C_OSXSAVE : 0);
      if (cpu->apic && !(apic_base(cpu->apic) & APIC_BASE_ENABLE)) words[EDX] &= ~F1D_APIC;
      break;
    case LEAF_FREQUENCY:
      if (!words[EBX]) words[EBX] = (uint32_t)(khz * 1000 * CRYSTAL_DIVISOR / APIC_TIMER_HZ);
      break;
    case LEAF_PROCESSOR_FREQUENCY:
      if (!words[EAX]) words[EAX] = words[EBX] = (uint32_t)(khz / KHZ_PER_MHZ);
      break;
  }
}

void cpuid_read(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t registers[4]) {
  const struct cpuid_table *table = cpu->cpuid;
  leaf = leaf_in_range(table, leaf);
  const struct leaf *at = find(table, leaf, subleaf);
  if (at) {
    memcpy(registers, at->words, sizeof at->words);
  } else {
    memset(registers, 0, sizeof at->words);
    if (leaf == LEAF_TOPOLOGY) {
      registers[ECX] = subleaf & 0xff;
      registers[EDX] = table->index;
    }
  }
  complete(cpu, leaf, registers);
}
