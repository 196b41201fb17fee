/* The interrupt controllers of the kernel. */
#include <sys/ioctl.h>

#include "kvm/kvm.h"

int kvm_vm_create_irqchip(struct vm *vm, bool split) {
  int fd = machine_of(vm)->fd;
  if (split) {
    struct kvm_enable_cap cap = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {IOAPIC_PINS}};
    return ioctl(fd, KVM_ENABLE_CAP, &cap) ? fail("ioctl KVM_CAP_SPLIT_IRQCHIP") : 0;
  }
  if (ioctl(fd, KVM_CREATE_IRQCHIP, 0)) return fail("ioctl KVM_CREATE_IRQCHIP");
  /* The speaker port belongs to the timer: Linux calibrates its clock by channel 2. */
  struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
  return ioctl(fd, KVM_CREATE_PIT2, &pit) ? fail("ioctl KVM_CREATE_PIT2") : 0;
}

int kvm_vm_route(struct vm *vm, const uint32_t *routes, uint32_t count) {
  struct {
    struct kvm_irq_routing table;
    struct kvm_irq_routing_entry entries[IOAPIC_PINS];
  } routing = {.table = {.nr = count}};
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t *route = routes + ROUTE_WORDS * i;
    routing.entries[i] = (struct kvm_irq_routing_entry){
        .gsi = route[0],
        .type = KVM_IRQ_ROUTING_MSI,
        .u.msi = {.address_lo = route[1], .address_hi = route[2], .data = route[3]}};
  }
  return ioctl(machine_of(vm)->fd, KVM_SET_GSI_ROUTING, &routing)
             ? fail("ioctl KVM_SET_GSI_ROUTING")
             : 0;
}

int kvm_vm_irq_line(struct vm *vm, uint32_t gsi, bool level) {
  struct kvm_irq_level line = {.irq = gsi, .level = level};
  return ioctl(machine_of(vm)->fd, KVM_IRQ_LINE, &line) ? fail("ioctl KVM_IRQ_LINE") : 0;
}

int kvm_vm_signal_msi(struct vm *vm, uint64_t address, uint32_t data) {
  struct kvm_msi message = {.address_lo = (uint32_t)address,
                            .address_hi = (uint32_t)(address >> 32),
                            .data = data};
  int delivered = ioctl(machine_of(vm)->fd, KVM_SIGNAL_MSI, &message);
  return delivered < 0 ? fail("ioctl KVM_SIGNAL_MSI") : delivered;
}
