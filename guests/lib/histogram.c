#include "guest.h"

/* Values below 128 count alone; above, each power of two is cut in 128 equal buckets. */
#define SUB_BITS 7
#define SUB (1u << SUB_BITS)
#define BUCKETS ((32 - SUB_BITS + 1) * SUB)

static u32 counts[BUCKETS];

static u32 bucket_of(u64 value) {
  if (value < SUB) return (u32)value;
  if (value >> 32) return BUCKETS - 1;
  u32 shift = 63 - SUB_BITS - (u32)__builtin_clzll(value);
  return (shift << SUB_BITS) + (u32)(value >> shift);
}

static u64 middle_of(u32 bucket) {
  if (bucket < SUB) return bucket;
  u32 shift = (bucket >> SUB_BITS) - 1;
  return ((u64)(bucket - (shift << SUB_BITS)) << shift) + ((1ull << shift) >> 1);
}

void histogram_reset(void) {
  for (u32 i = 0; i < BUCKETS; i++) counts[i] = 0;
}

void histogram_add(u64 value) {
  counts[bucket_of(value)]++;
}

void histogram_print(const char *name) {
  print("@hist ");
  print(name);
  for (u32 i = 0; i < BUCKETS; i++) {
    if (!counts[i]) continue;
    print(" ");
    print_number(middle_of(i));
    print(":");
    print_number(counts[i]);
  }
  print("\n");
}
