/* SDM volume 3, 12.11. */
#include "soft/system/mtrr.h"

#define MTRR_CAP 0xfe
#define MTRR_PHYSICAL 0x200 /* base and mask of each */
#define MTRR_DEF_TYPE 0x2ff

#define VARIABLE_RANGES 8u
#define CAP_FIXED 0x100u
#define CAP_WRITE_COMBINING 0x400u

#define TYPE_BITS 0xffull
#define DEF_TYPE_BITS (TYPE_BITS | 0xc00) /* FE and E */
#define MASK_VALID 0x800ull
#define PAGE_NUMBER_BITS 0xfffffff000ull /* 40 physical bits, as CPUID says */

/* In the order of mtrr_fixed[]: one of 64 KiB ranges, two of 16 KiB, eight of 4 KiB. */
#define FIXED_64K 0x250
#define FIXED_16K 0x258
#define FIXED_4K 0x268

static int fixed_index(uint32_t number) {
  if (number == FIXED_64K) return 0;
  if (number - FIXED_16K < 2) return 1 + (int)(number - FIXED_16K);
  if (number - FIXED_4K < 8) return 3 + (int)(number - FIXED_4K);
  return -1;
}

static bool fixed_valid(uint64_t value) {
  for (int i = 0; i < 8; i++) {
    if (!memory_type_valid(value >> 8 * i & TYPE_BITS)) return false;
  }
  return true;
}

static bool physical_valid(uint32_t index, uint64_t value) {
  bool mask = index & 1;
  if (value & ~(PAGE_NUMBER_BITS | (mask ? MASK_VALID : TYPE_BITS))) return false;
  return mask || memory_type_valid(value & TYPE_BITS);
}

bool mtrr_read(const struct cpu *cpu, uint32_t number, uint64_t *value) {
  int fixed = fixed_index(number);
  if (number == MTRR_CAP) {
    *value = VARIABLE_RANGES | CAP_FIXED | CAP_WRITE_COMBINING;
  } else if (number == MTRR_DEF_TYPE) {
    *value = cpu->mtrr_def_type;
  } else if (number - MTRR_PHYSICAL < 2 * VARIABLE_RANGES) {
    *value = cpu->mtrr_physical[number - MTRR_PHYSICAL];
  } else if (fixed >= 0) {
    *value = cpu->mtrr_fixed[fixed];
  } else {
    return false;
  }
  return true;
}

bool mtrr_write(struct cpu *cpu, uint32_t number, uint64_t value) {
  int fixed = fixed_index(number);
  uint32_t physical = number - MTRR_PHYSICAL;
  if (number == MTRR_DEF_TYPE) {
    if ((value & ~DEF_TYPE_BITS) || !memory_type_valid(value & TYPE_BITS)) return false;
    cpu->mtrr_def_type = value;
  } else if (physical < 2 * VARIABLE_RANGES) {
    if (!physical_valid(physical, value)) return false;
    cpu->mtrr_physical[physical] = value;
  } else if (fixed >= 0) {
    if (!fixed_valid(value)) return false;
    cpu->mtrr_fixed[fixed] = value;
  } else {
    return false;
  }
  return true;
}
