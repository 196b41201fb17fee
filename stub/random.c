#define _GNU_SOURCE
#include <errno.h>
#include <sys/random.h>

#include "exports.h"
#include "stub.h"

/* So many at once are never cut short by a signal. */
#define MOST_BYTES 256

int32_t sx_random(uint8_t *bytes, uint32_t size) {
  if (!bytes || size > MOST_BYTES) return fail_with("sx_random", EINVAL);
  ssize_t got = getrandom(bytes, size, 0);
  return got < 0 ? fail("getrandom") : (int32_t)got;
}
