/* The software processor's place. */
#include <errno.h>

#include "engine.h"

static int vm_create(struct vm *vm) {
  (void)vm;
  return fail_with("soft_engine", ENOSYS);
}

const struct engine soft_engine = {.vm_create = vm_create};
