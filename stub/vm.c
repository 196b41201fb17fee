#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "exports.h"

/* The kernel keeps some bytes for each page of a machine, touched or not. */
#define MOST_PAGES (SX_MEMORY_MAX >> 12)

uint64_t vm_low_bytes(const struct vm *vm) {
  return vm->memory.size < SX_LOW_MEMORY_MAX ? vm->memory.size : SX_LOW_MEMORY_MAX;
}

uint64_t vm_high_bytes(const struct vm *vm) {
  return vm->memory.size - vm_low_bytes(vm);
}

unsigned char *vm_translate(const struct vm *vm, uint64_t address, uint64_t length) {
  uint64_t low = vm_low_bytes(vm), high = vm_high_bytes(vm);
  if (address < SX_HIGH_MEMORY_START) {
    bool inside = address <= low && length <= low - address;
    return inside ? vm->memory.base + address : NULL;
  }
  uint64_t at = address - SX_HIGH_MEMORY_START;
  bool inside = high && at <= high && length <= high - at;
  return inside ? vm->memory.base + low + at : NULL;
}

static const struct engine *const engines[] = {
    [SX_ENGINE_KVM] = &kvm_engine, [SX_ENGINE_SOFT] = &soft_engine};

int32_t sx_vm_create(uint32_t engine, uint32_t pages) {
  if (engine >= sizeof engines / sizeof *engines || !pages || pages > MOST_PAGES) {
    return fail_with("sx_vm_create", EINVAL);
  }
  struct vm *vm = calloc(1, sizeof *vm);
  if (!vm) return fail("calloc");
  vm->engine = engines[engine];
  int result = region_create((uint64_t)pages << 12, &vm->memory);
  if (result == 0) result = vm->engine->vm_create(vm);
  if (result == 0) {
    result = handle_open(HANDLE_VM, vm);
    if (result > 0) return result;
    fail_with("sx_vm_create", -result);
    vm->engine->vm_close(vm);
  }
  region_release(&vm->memory);
  free(vm);
  return result;
}

int32_t sx_vm_set_clock(int32_t handle, uint32_t khz, uint32_t quantum, uint32_t look, uint32_t seed_lo,
                        uint32_t seed_hi, uint32_t hash) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_set_clock", EBADF);
  if (!khz || !quantum || !look) return fail_with("sx_vm_set_clock", EINVAL);
  if (vm->virtual_clock || atomic_load(&vm->vcpus)) return fail_with("sx_vm_set_clock", EBUSY);
  if (!vm->engine->vm_set_clock) return fail_with("sx_vm_set_clock", EOPNOTSUPP);
  const struct clock_settings settings = {.khz = khz,
                                          .quantum = quantum,
                                          .look = look,
                                          .seed = (uint64_t)seed_hi << 32 | seed_lo,
                                          .hashing = hash != 0};
  int result = vm->engine->vm_set_clock(vm, &settings);
  if (result == 0) vm->virtual_clock = true;
  return result;
}

int32_t sx_vm_clock_state(int32_t handle, uint32_t *words, uint32_t size) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_clock_state", EBADF);
  if (!vm->virtual_clock) return fail_with("sx_vm_clock_state", ENXIO);
  struct clock_state state;
  if (!words || size < sizeof state) return fail_with("sx_vm_clock_state", EINVAL);
  int result = vm->engine->vm_clock_state(vm, &state);
  if (result == 0) memcpy(words, &state, sizeof state);
  return result;
}

int32_t sx_vm_trace(int32_t handle, uint32_t from_lo, uint32_t from_hi, uint32_t count_lo, uint32_t count_hi) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_trace", EBADF);
  if (vm->traced || atomic_load(&vm->vcpus)) return fail_with("sx_vm_trace", EBUSY);
  if (!vm->engine->vm_trace) return fail_with("sx_vm_trace", EOPNOTSUPP);
  int result = vm->engine->vm_trace(vm, (uint64_t)from_hi << 32 | from_lo, (uint64_t)count_hi << 32 | count_lo);
  if (result == 0) vm->traced = true;
  return result;
}

int32_t sx_vm_trace_read(int32_t handle, uint8_t *records, uint32_t size) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_trace_read", EBADF);
  if (!vm->traced) return fail_with("sx_vm_trace_read", ENXIO);
  if (!records || size > INT32_MAX) return fail_with("sx_vm_trace_read", EINVAL);
  const uint32_t bytes = sizeof(struct sx_trace_record);
  return vm->engine->vm_trace_read(vm, (struct sx_trace_record *)records, size / bytes) * (int)bytes;
}

void *sx_vm_memory(int32_t handle) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  return vm ? vm->memory.base : NULL;
}

int32_t sx_vm_destroy(int32_t handle) {
  struct vm *vm = handle_get(HANDLE_VM, handle);
  if (!vm) return fail_with("sx_vm_destroy", EBADF);
  if (atomic_load(&vm->vcpus)) return fail_with("sx_vm_destroy", EBUSY);
  handle_close(HANDLE_VM, handle);
  vm->engine->vm_close(vm);
  region_release(&vm->memory);
  free(vm);
  return 0;
}
