#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "exports.h"
#include "stub.h"

_Static_assert(sizeof(struct sx_core_block) <= 4096, "a core block fits a page");

int32_t sx_core_create(void) {
  struct core *core = calloc(1, sizeof *core);
  if (!core) return fail("calloc");
  int result = region_create("splitx-core", 4096, &core->region);
  if (result == 0) {
    core->block = (struct sx_core_block *)core->region.base;
    result = handle_open(HANDLE_CORE, core);
    if (result > 0) return result;
    fail_with("sx_core_create", -result);
  }
  region_release(&core->region);
  free(core);
  return result;
}

void *sx_core_block_of(int32_t handle) {
  struct core *core = handle_get(HANDLE_CORE, handle);
  return core ? core->block : NULL;
}

int32_t sx_core_park(int32_t handle, uint32_t bell, uint32_t microseconds) {
  struct core *core = handle_get(HANDLE_CORE, handle);
  if (!core) return fail_with("sx_core_park", EBADF);
  futex_wait(&core->block->bell, bell, (uint64_t)microseconds * 1000u);
  return 0;
}

int32_t sx_core_wake(int32_t handle) {
  struct core *core = handle_get(HANDLE_CORE, handle);
  if (!core) return fail_with("sx_core_wake", EBADF);
  __atomic_fetch_add(&core->block->bell, 1, __ATOMIC_SEQ_CST);
  futex_wake(&core->block->bell);
  return 0;
}

int32_t sx_core_destroy(int32_t handle) {
  struct core *core = handle_close(HANDLE_CORE, handle);
  if (!core) return fail_with("sx_core_destroy", EBADF);
  region_release(&core->region);
  free(core);
  return 0;
}
