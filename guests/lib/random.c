#include "guest.h"

/* Marsaglia's xorshift with 64 bits of state. */
u64 random_next(u64 *state) {
  u64 x = *state;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return *state = x;
}
