/* What the engine counts of a machine and its vCPUs, and what memory the machine holds. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "engine.h"
#include "exports.h"

#define PAGE_BYTES 4096
#define PAGES_AT_ONCE 65536

int32_t sx_vm_statistics(int32_t handle, uint8_t *out, uint32_t size) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_statistics", EBADF);
  if (!out || size > INT32_MAX) return fail_with("sx_vm_statistics", EINVAL);
  return vm->engine->vm_statistics(vm, out, size);
}

int32_t sx_vcpu_statistics(int32_t handle, uint8_t *out, uint32_t size) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with("sx_vcpu_statistics", EBADF);
  if (!out || size > INT32_MAX) return fail_with("sx_vcpu_statistics", EINVAL);
  return vcpu->vm->engine->vcpu_statistics(vcpu, out, size);
}

double sx_vm_resident(int32_t handle) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_resident", EBADF);
  uint64_t pages = vm->memory.size / PAGE_BYTES, resident = 0;
  unsigned char present[PAGES_AT_ONCE];
  for (uint64_t at = 0; at < pages; at += PAGES_AT_ONCE) {
    uint64_t count = pages - at < PAGES_AT_ONCE ? pages - at : PAGES_AT_ONCE;
    if (mincore(vm->memory.base + at * PAGE_BYTES, count * PAGE_BYTES, present)) {
      return fail("mincore of guest memory");
    }
    for (uint64_t i = 0; i < count; i++) resident += present[i] & 1;
  }
  return (double)resident * PAGE_BYTES;
}
