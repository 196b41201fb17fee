/* Interrupts into a machine and notifications out of it, and how its processors idle. */
#include <errno.h>

#include "engine.h"
#include "exports.h"

int32_t sx_vm_create_irqchip(int32_t handle, uint32_t split) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_create_irqchip", EBADF);
  int result = vm->engine->vm_create_irqchip(vm, split != 0);
  if (result == 0) vm->irqchip = true;
  return result;
}

int32_t sx_vm_route(int32_t handle, const uint32_t *routes, uint32_t count) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_route", EBADF);
  if (!vm->irqchip) return fail_with("sx_vm_route", ENXIO);
  if ((!routes && count) || count > IOAPIC_PINS) return fail_with("sx_vm_route", EINVAL);
  return vm->engine->vm_route(vm, routes, count);
}

int32_t sx_vm_disable_exits(int32_t handle, uint32_t mask) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_disable_exits", EBADF);
  if (atomic_load(&vm->vcpus)) return fail_with("sx_vm_disable_exits", EBUSY);
  return vm->engine->vm_disable_exits(vm, mask);
}

int32_t sx_vm_irq_line(int32_t handle, uint32_t gsi, uint32_t level) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_irq_line", EBADF);
  if (!vm->irqchip) return fail_with("sx_vm_irq_line", ENXIO);
  return vm->engine->vm_irq_line(vm, gsi, level != 0);
}

int32_t sx_vm_signal_msi(int32_t handle, uint32_t address_lo, uint32_t address_hi, uint32_t data) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_signal_msi", EBADF);
  if (!vm->irqchip) return fail_with("sx_vm_signal_msi", ENXIO);
  return vm->engine->vm_signal_msi(vm, (uint64_t)address_hi << 32 | address_lo, data);
}

int32_t sx_vm_doorbell(int32_t vm_handle, int32_t core_handle, uint32_t address_lo,
                       uint32_t address_hi, uint32_t present) {
  struct vm *vm = handle_get(HANDLE_VM, vm_handle);
  struct core *core = handle_get(HANDLE_CORE, core_handle);
  if (!vm || !core) return fail_with("sx_vm_doorbell", EBADF);
  uint64_t address = (uint64_t)address_hi << 32 | address_lo;
  return vm->engine->vm_doorbell(vm, core, address, present != 0);
}
