#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stub.h"

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

int region_create(const char *name, uint64_t size, struct region *out) {
  int fd = memfd_create(name, MFD_CLOEXEC);
  if (fd < 0) return fail("memfd_create");
  if (ftruncate(fd, (off_t)size)) {
    int result = fail("ftruncate of guest memory");
    close(fd);
    return result;
  }
  unsigned char *at = take_free(size);
  void *base = mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | (at ? MAP_FIXED : 0), fd, 0);
  if (base == MAP_FAILED) {
    int result = fail("mmap of guest memory");
    close(fd);
    return result;
  }
  *out = (struct region){base, size, fd};
  return 0;
}

void region_release(struct region *region) {
  if (!region->base) return;
  close(region->fd);
  struct free_range *range = malloc(sizeof *range);
  void *blank = mmap(region->base, region->size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (range && blank != MAP_FAILED) {
    pthread_mutex_lock(&lock);
    *range = (struct free_range){*region, free_ranges};
    free_ranges = range;
    pthread_mutex_unlock(&lock);
  } else {
    free(range);
  }
  region->base = NULL;
}
