#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm/kvm.h"

/* Three pages below 4 GiB that Intel hosts need to run real mode; no guest memory lies there. */
#define TSS_ADDRESS 0xfffbd000u

int kvm_open(void) {
  int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) return fail("open /dev/kvm");
  int version = ioctl(kvm, KVM_GET_API_VERSION, 0);
  if (version == KVM_API_VERSION) return kvm;
  int result = version < 0 ? fail("ioctl KVM_GET_API_VERSION")
                           : fail_with("ioctl KVM_GET_API_VERSION", EPROTONOSUPPORT);
  close(kvm);
  return result;
}

static int add_slot(const struct vm *vm, uint32_t slot, uint64_t address, uint64_t bytes) {
  if (!bytes) return 0;
  struct kvm_userspace_memory_region region = {
      .slot = slot,
      .guest_phys_addr = address,
      .memory_size = bytes,
      .userspace_addr = (uint64_t)(uintptr_t)vm_translate(vm, address, bytes)};
  return ioctl(machine_of(vm)->fd, KVM_SET_USER_MEMORY_REGION, &region)
             ? fail("ioctl KVM_SET_USER_MEMORY_REGION")
             : 0;
}

static int add_memory(const struct vm *vm) {
  int result = add_slot(vm, 0, 0, vm_low_bytes(vm));
  return result ? result : add_slot(vm, 1, SX_HIGH_MEMORY_START, vm_high_bytes(vm));
}

static int set_tss(int kvm, int fd) {
  if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_SET_TSS_ADDR) <= 0) return 0;
  return ioctl(fd, KVM_SET_TSS_ADDR, TSS_ADDRESS) ? fail("ioctl KVM_SET_TSS_ADDR") : 0;
}

int kvm_vm_create(struct vm *vm) {
  int kvm = kvm_open();
  if (kvm < 0) return kvm;
  struct kvm_machine *machine = calloc(1, sizeof *machine);
  int result = machine ? 0 : fail("calloc");
  if (result == 0) {
    vm->machine = machine;
    machine->fd = ioctl(kvm, KVM_CREATE_VM, 0);
    if (machine->fd < 0) result = fail("ioctl KVM_CREATE_VM");
  }
  if (result == 0) {
    machine->statistics = statistics_open(machine->fd);
    result = set_tss(kvm, machine->fd);
    if (result == 0) result = add_memory(vm);
    if (result) kvm_vm_close(vm);
  } else {
    free(machine);
  }
  close(kvm);
  return result;
}

void kvm_vm_close(struct vm *vm) {
  struct kvm_machine *machine = machine_of(vm);
  if (machine->statistics >= 0) close(machine->statistics);
  close(machine->fd);
  free(machine);
}
