/* Which idling the kernel leaves to the processor. */
#include <sys/ioctl.h>

#include "kvm/kvm.h"

int kvm_vm_disable_exits(struct vm *vm, uint32_t mask) {
  struct kvm_enable_cap cap = {.cap = KVM_CAP_X86_DISABLE_EXITS, .args = {mask}};
  return ioctl(machine_of(vm)->fd, KVM_ENABLE_CAP, &cap) ? fail("ioctl KVM_CAP_X86_DISABLE_EXITS")
                                                         : 0;
}
