#define _GNU_SOURCE
#include <errno.h>

#include "stub.h"

static uint64_t join(uint32_t lo, uint32_t hi) {
  return (uint64_t)hi << 32 | lo;
}

int segments_translate(const struct vm *vm, const uint32_t *segments, uint32_t count,
                       struct iovec *parts, uint64_t *total) {
  if (!segments || count > SX_MOST_SEGMENTS) return -EINVAL;
  *total = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t length = segments[3 * i + 2];
    void *memory = vm_translate(vm, join(segments[3 * i], segments[3 * i + 1]), length);
    if (!memory) return -EFAULT;
    parts[i] = (struct iovec){memory, length};
    *total += length;
  }
  return *total > INT32_MAX ? -EINVAL : 0;
}
