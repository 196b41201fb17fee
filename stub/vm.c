#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "exports.h"
#include "stub.h"

/* 64 GiB: the kernel keeps some bytes for each page of a machine, touched or not. */
#define MOST_PAGES (64u << 18)

int32_t sx_vm_create(uint32_t pages) {
  if (!pages || pages > MOST_PAGES) return fail_with("sx_vm_create", EINVAL);
  struct vm *vm = calloc(1, sizeof *vm);
  if (!vm) return fail("calloc");
  int result = region_create("splitx-guest", (uint64_t)pages << 12, &vm->memory);
  if (result == 0) result = kvm_vm_create(vm);
  if (result == 0) {
    result = handle_open(HANDLE_VM, vm);
    if (result > 0) return result;
    fail_with("sx_vm_create", -result);
    close(vm->fd);
  }
  region_release(&vm->memory);
  free(vm);
  return result;
}

void *sx_vm_memory(int32_t handle) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  return vm ? vm->memory.base : NULL;
}

int32_t sx_vm_destroy(int32_t handle) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_destroy", EBADF);
  if (atomic_load(&vm->vcpus)) return fail_with("sx_vm_destroy", EBUSY);
  handle_close(HANDLE_VM, handle);
  close(vm->fd);
  region_release(&vm->memory);
  free(vm);
  return 0;
}
