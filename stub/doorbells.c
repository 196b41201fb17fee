/* Notifications that the kernel takes: a write to a registered address rings a core's bell and the
 * vCPU goes on, without an exit to user space. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/ioctl.h>

#include "exports.h"
#include "stub.h"

int32_t sx_vm_doorbell(int32_t vm_handle, int32_t core_handle, uint32_t address_lo,
                       uint32_t address_hi, uint32_t present) {
  struct vm *vm = handle_get(HANDLE_VM, vm_handle);
  struct core *core = handle_get(HANDLE_CORE, core_handle);
  if (!vm || !core) return fail_with("sx_vm_doorbell", EBADF);
  /* Length 0 takes a write of any size and value; the kernel need not even decode it. */
  struct kvm_ioeventfd doorbell = {.addr = (uint64_t)address_hi << 32 | address_lo,
                                   .fd = core->bell,
                                   .flags = present ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN};
  return ioctl(vm->fd, KVM_IOEVENTFD, &doorbell) ? fail("ioctl KVM_IOEVENTFD") : 0;
}
