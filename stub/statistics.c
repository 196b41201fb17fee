/* What the engine counts of a machine and its vCPUs, and what memory the machine holds. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/stat.h>

#include "engine.h"
#include "exports.h"

/* Of st_blocks, whatever the file system (stat(2)). */
#define BLOCK_BYTES 512

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
  struct stat memory;
  if (fstat(vm->memory.fd, &memory)) return fail("fstat of guest memory");
  return (double)memory.st_blocks * BLOCK_BYTES;
}
