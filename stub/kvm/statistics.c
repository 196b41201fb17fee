/* What the kernel counts, in the kernel's own format (Linux, Documentation/virt/kvm/api.rst, 4.133
 * KVM_GET_STATS_FD). */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm/kvm.h"

int statistics_open(int fd) {
  return ioctl(fd, KVM_GET_STATS_FD, NULL);
}

static int read_statistics(int fd, uint8_t *out, uint32_t size) {
  if (fd < 0) return 0;
  ssize_t bytes = pread(fd, out, size, 0);
  return bytes < 0 ? fail("read of KVM statistics") : (int)bytes;
}

int kvm_vm_statistics(const struct vm *vm, uint8_t *out, uint32_t size) {
  return read_statistics(machine_of(vm)->statistics, out, size);
}

int kvm_vcpu_statistics(const struct vcpu *vcpu, uint8_t *out, uint32_t size) {
  return read_statistics(processor_of(vcpu)->statistics, out, size);
}
