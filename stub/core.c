#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "exports.h"
#include "stub.h"

_Static_assert(sizeof(struct sx_core_block) <= 4096, "a core block fits a page");

int32_t sx_core_create(void) {
  struct core *core = calloc(1, sizeof *core);
  if (!core) return fail("calloc");
  core->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int result = core->bell < 0 ? fail("eventfd") : 0;
  if (result == 0) result = region_create(4096, &core->region);
  if (result == 0) {
    core->block = (struct sx_core_block *)core->region.base;
    result = handle_open(HANDLE_CORE, core);
    if (result > 0) return result;
    fail_with("sx_core_create", -result);
  }
  if (core->bell >= 0) close(core->bell);
  region_release(&core->region);
  free(core);
  return result;
}

void *sx_core_block_of(int32_t handle) {
  struct core *core = handle_get(HANDLE_CORE, handle);
  return core ? core->block : NULL;
}

void core_ring(const struct core *core) {
  eventfd_write(core->bell, 1); /* a bell that has been rung very often keeps its rings */
}

int32_t sx_core_park(int32_t handle, uint32_t microseconds) {
  struct core *core = handle_get(HANDLE_CORE, handle);
  if (!core) return fail_with("sx_core_park", EBADF);
  struct pollfd bell = {.fd = core->bell, .events = POLLIN};
  struct timespec limit = {microseconds / 1000000u, (long)(microseconds % 1000000u) * 1000};
  ppoll(&bell, 1, microseconds ? &limit : NULL, NULL);
  eventfd_t rings;
  eventfd_read(core->bell, &rings);
  return 0;
}

int32_t sx_core_wake(int32_t handle) {
  struct core *core = handle_get(HANDLE_CORE, handle);
  if (!core) return fail_with("sx_core_wake", EBADF);
  core_ring(core);
  return 0;
}

int32_t sx_core_destroy(int32_t handle) {
  struct core *core = handle_close(HANDLE_CORE, handle);
  if (!core) return fail_with("sx_core_destroy", EBADF);
  close(core->bell);
  region_release(&core->region);
  free(core);
  return 0;
}
