/* Notifications that the kernel takes: a write to a registered address rings a core's bell and the
 * vCPU goes on, without an exit to user space. */
#include <sys/ioctl.h>

#include "kvm/kvm.h"

int kvm_vm_doorbell(struct vm *vm, struct core *core, uint64_t address, bool present) {
  /* Length 0 takes a write of any size and value; the kernel need not even decode it. */
  struct kvm_ioeventfd doorbell = {.addr = address,
                                   .fd = core->bell,
                                   .flags = present ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN};
  return ioctl(machine_of(vm)->fd, KVM_IOEVENTFD, &doorbell) ? fail("ioctl KVM_IOEVENTFD") : 0;
}
