#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "stub.h"

#define LARGE_PAGE (2ul << 20)

/*
 * A view that JavaScript still holds must never become an access to nothing. So a released region
 * gives its memory back to the kernel but keeps its addresses, and the next region of that size
 * takes them over.
 */
struct free_range {
  struct region region;
  struct free_range *next;
};

static struct free_range *free_ranges;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned char *take_free(uint64_t size) {
  unsigned char *base = NULL;
  pthread_mutex_lock(&lock);
  for (struct free_range **at = &free_ranges; *at; at = &(*at)->next) {
    if ((*at)->region.size != size) continue;
    struct free_range *found = *at;
    *at = found->next;
    base = found->region.base;
    free(found);
    break;
  }
  pthread_mutex_unlock(&lock);
  return base;
}

/* Addresses of a new region, which begins where a large page can; NULL when there are none. */
static unsigned char *map_new(uint64_t size) {
  uint64_t slack = size < LARGE_PAGE ? 0 : LARGE_PAGE;
  void *base = mmap(NULL, size + slack, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return NULL;
  if (!slack) return base;
  uintptr_t start = (uintptr_t)base, first = (start + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
  uint64_t before = first - start, behind = slack - before;
  if (before) munmap(base, before);
  if (behind) munmap((void *)(first + size), behind);
  /* Kernels without large pages refuse: small ones will do. */
  madvise((void *)first, size, MADV_HUGEPAGE);
  return (unsigned char *)first;
}

int region_create(uint64_t size, struct region *out) {
  unsigned char *base = take_free(size);
  bool used_before = base != NULL;
  if (!base) base = map_new(size);
  if (!base) return fail("mmap of guest memory");
  *out = (struct region){base, size};
  /* A view that outlived its region may have written meanwhile. */
  int result = used_before && madvise(base, size, MADV_DONTNEED) ? fail("madvise") : 0;
  /* A child that is being started must not make the guest's next writes copies. */
  if (result == 0 && madvise(base, size, MADV_DONTFORK)) result = fail("madvise");
  if (result) region_release(out);
  return result;
}

void region_release(struct region *region) {
  if (!region->base) return;
  madvise(region->base, region->size, MADV_DONTNEED);
  struct free_range *range = malloc(sizeof *range);
  if (range) {
    pthread_mutex_lock(&lock);
    *range = (struct free_range){*region, free_ranges};
    free_ranges = range;
    pthread_mutex_unlock(&lock);
  }
  region->base = NULL;
}
