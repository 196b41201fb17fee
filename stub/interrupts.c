/* The interrupt controllers of the kernel, and which idling it leaves to the processor: decided with a
 * machine, before its vCPUs. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "exports.h"
#include "stub.h"

/* Inputs of an IOAPIC (82093AA, 3.0). */
#define IOAPIC_PINS 24

int32_t sx_vm_create_irqchip(int32_t handle, uint32_t split) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_create_irqchip", EBADF);
  if (split) {
    struct kvm_enable_cap cap = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {IOAPIC_PINS}};
    if (ioctl(vm->fd, KVM_ENABLE_CAP, &cap)) return fail("ioctl KVM_CAP_SPLIT_IRQCHIP");
    vm->irqchip = true;
    return 0;
  }
  if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0)) return fail("ioctl KVM_CREATE_IRQCHIP");
  /* The speaker port belongs to the timer: Linux calibrates its clock by channel 2. */
  struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
  if (ioctl(vm->fd, KVM_CREATE_PIT2, &pit)) return fail("ioctl KVM_CREATE_PIT2");
  vm->irqchip = true;
  return 0;
}

int32_t sx_vm_route(int32_t handle, const uint32_t *routes, uint32_t count) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_route", EBADF);
  if (!vm->irqchip) return fail_with("sx_vm_route", ENXIO);
  if ((!routes && count) || count > IOAPIC_PINS) return fail_with("sx_vm_route", EINVAL);
  struct {
    struct kvm_irq_routing table;
    struct kvm_irq_routing_entry entries[IOAPIC_PINS];
  } routing = {.table = {.nr = count}};
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t *route = routes + 4 * i;
    routing.entries[i] = (struct kvm_irq_routing_entry){
        .gsi = route[0],
        .type = KVM_IRQ_ROUTING_MSI,
        .u.msi = {.address_lo = route[1], .address_hi = route[2], .data = route[3]}};
  }
  return ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routing) ? fail("ioctl KVM_SET_GSI_ROUTING") : 0;
}

int32_t sx_vm_disable_exits(int32_t handle, uint32_t mask) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_disable_exits", EBADF);
  if (atomic_load(&vm->vcpus)) return fail_with("sx_vm_disable_exits", EBUSY);
  struct kvm_enable_cap cap = {.cap = KVM_CAP_X86_DISABLE_EXITS, .args = {mask}};
  return ioctl(vm->fd, KVM_ENABLE_CAP, &cap) ? fail("ioctl KVM_CAP_X86_DISABLE_EXITS") : 0;
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
