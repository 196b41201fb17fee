/* The interrupt controllers of the kernel: made with a machine, before its vCPUs. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "exports.h"
#include "stub.h"

int32_t sx_vm_create_irqchip(int32_t handle) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_create_irqchip", EBADF);
  if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0)) return fail("ioctl KVM_CREATE_IRQCHIP");
  /* The speaker port belongs to the timer: Linux calibrates its clock by channel 2. */
  struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
  if (ioctl(vm->fd, KVM_CREATE_PIT2, &pit)) return fail("ioctl KVM_CREATE_PIT2");
  vm->irqchip = true;
  return 0;
}

int32_t sx_vm_irq_line(int32_t handle, uint32_t gsi, uint32_t level) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_irq_line", EBADF);
  if (!vm->irqchip) return fail_with("sx_vm_irq_line", ENXIO);
  struct kvm_irq_level line = {.irq = gsi, .level = level != 0};
  return ioctl(vm->fd, KVM_IRQ_LINE, &line) ? fail("ioctl KVM_IRQ_LINE") : 0;
}

int32_t sx_vm_signal_msi(int32_t handle, uint32_t address_lo, uint32_t address_hi, uint32_t data) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_signal_msi", EBADF);
  if (!vm->irqchip) return fail_with("sx_vm_signal_msi", ENXIO);
  struct kvm_msi message = {.address_lo = address_lo, .address_hi = address_hi, .data = data};
  int delivered = ioctl(vm->fd, KVM_SIGNAL_MSI, &message);
  return delivered < 0 ? fail("ioctl KVM_SIGNAL_MSI") : delivered;
}
