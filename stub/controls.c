/* What a hypervisor asks of the soft engine beyond any machine: registers, and what makes a guest exit. */
#include <errno.h>
#include <string.h>

#include "engine.h"
#include "exports.h"

int32_t sx_vcpu_get_state(int32_t handle, uint8_t *out, uint32_t size) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  struct sx_vcpu_state state;
  if (!vcpu) return fail_with("sx_vcpu_get_state", EBADF);
  if (!out || size != sizeof state) return fail_with("sx_vcpu_get_state", EINVAL);
  if (!vcpu->vm->engine->vcpu_get_state) return fail_with("sx_vcpu_get_state", ENOSYS);
  int result = vcpu->vm->engine->vcpu_get_state(vcpu, &state);
  if (result == 0) memcpy(out, &state, sizeof state);
  return result;
}

int32_t sx_vcpu_set_state(int32_t handle, const uint8_t *in, uint32_t size) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  struct sx_vcpu_state state;
  if (!vcpu) return fail_with("sx_vcpu_set_state", EBADF);
  if (!in || size != sizeof state) return fail_with("sx_vcpu_set_state", EINVAL);
  if (!vcpu->vm->engine->vcpu_set_state) return fail_with("sx_vcpu_set_state", ENOSYS);
  memcpy(&state, in, sizeof state);
  return vcpu->vm->engine->vcpu_set_state(vcpu, &state);
}

int32_t sx_vcpu_set_controls(int32_t handle, const uint8_t *in, uint32_t size) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  struct sx_controls controls;
  if (!vcpu) return fail_with("sx_vcpu_set_controls", EBADF);
  bool whole = size == sizeof controls || size == offsetof(struct sx_controls, io_bitmap);
  if (in ? !whole : size != 0) return fail_with("sx_vcpu_set_controls", EINVAL);
  if (!vcpu->vm->engine->vcpu_set_controls) return fail_with("sx_vcpu_set_controls", ENOSYS);
  if (in) memcpy(&controls, in, size);
  return vcpu->vm->engine->vcpu_set_controls(vcpu, in ? &controls : NULL, size);
}

int32_t sx_vcpu_inject(int32_t handle, uint32_t information, uint32_t error, uint32_t length) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with("sx_vcpu_inject", EBADF);
  if (!vcpu->vm->engine->vcpu_inject) return fail_with("sx_vcpu_inject", ENOSYS);
  return vcpu->vm->engine->vcpu_inject(vcpu, information, error, length);
}

int32_t sx_vm_set_ept(int32_t handle, uint32_t page, uint32_t count, uint32_t rights) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_set_ept", EBADF);
  if (!vm->engine->vm_set_ept) return fail_with("sx_vm_set_ept", ENOSYS);
  return vm->engine->vm_set_ept(vm, page, count, rights);
}
