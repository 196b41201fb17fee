/* What the kernel counts of a machine and its vCPUs, in the kernel's own format (Linux,
 * Documentation/virt/kvm/api.rst, 4.133 KVM_GET_STATS_FD), and what memory it holds. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exports.h"
#include "stub.h"

/* Of st_blocks, whatever the file system (stat(2)). */
#define BLOCK_BYTES 512

int statistics_open(int fd) {
  return ioctl(fd, KVM_GET_STATS_FD, NULL);
}

static int32_t read_statistics(int fd, uint8_t *out, uint32_t size) {
  if (fd < 0) return 0;
  ssize_t bytes = pread(fd, out, size, 0);
  return bytes < 0 ? fail("read of KVM statistics") : (int32_t)bytes;
}

int32_t sx_vm_statistics(int32_t handle, uint8_t *out, uint32_t size) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_statistics", EBADF);
  if (!out || size > INT32_MAX) return fail_with("sx_vm_statistics", EINVAL);
  return read_statistics(vm->statistics, out, size);
}

int32_t sx_vcpu_statistics(int32_t handle, uint8_t *out, uint32_t size) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with("sx_vcpu_statistics", EBADF);
  if (!out || size > INT32_MAX) return fail_with("sx_vcpu_statistics", EINVAL);
  return read_statistics(vcpu->statistics, out, size);
}

double sx_vm_resident(int32_t handle) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_resident", EBADF);
  struct stat memory;
  if (fstat(vm->memory.fd, &memory)) return fail("fstat of guest memory");
  return (double)memory.st_blocks * BLOCK_BYTES;
}
