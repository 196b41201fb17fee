#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "exports.h"
#include "stub.h"

#define PAGE_BYTES 4096ul

int32_t sx_large_pages(uint8_t *bytes, uint32_t size) {
  uintptr_t first = ((uintptr_t)bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
  uintptr_t last = ((uintptr_t)bytes + size) & ~(PAGE_BYTES - 1);
  if (!bytes) return fail_with("sx_large_pages", EINVAL);
  if (last <= first) return 0;
  return madvise((void *)first, last - first, MADV_HUGEPAGE) ? fail("madvise") : 0;
}
