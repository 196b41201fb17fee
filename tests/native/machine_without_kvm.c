#include <stdlib.h>

#include "../../stub/exports.h"
#include "../../stub/stub.h"

/* A machine that is only memory, so that what moves bytes of one is tested where there is no KVM. */
SX_EXPORT int32_t test_vm_create(uint32_t bytes) {
  struct vm *vm = calloc(1, sizeof *vm);
  if (!vm) return fail("calloc");
  int result = region_create("splitx-test", bytes, &vm->memory);
  if (result == 0) result = handle_open(HANDLE_VM, vm);
  if (result < 0) free(vm);
  return result;
}
