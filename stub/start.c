/* What a vCPU starts with: its CPUID and its first registers. */
#include <errno.h>

#include "engine.h"
#include "exports.h"

/* What multiboot 1 says in eax (its specification, 3.2). */
#define MULTIBOOT_MAGIC 0x2badb002

int32_t sx_vcpu_set_cpuid(int32_t handle, const uint32_t *leaves, uint32_t count,
                          uint32_t vcpus) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with("sx_vcpu_set_cpuid", EBADF);
  if ((!leaves && count) || count > MOST_LEAVES || !vcpus || vcpus > SX_MAX_VCPUS) {
    return fail_with("sx_vcpu_set_cpuid", EINVAL);
  }
  return vcpu->vm->engine->vcpu_set_cpuid(vcpu, leaves, count, vcpus);
}

static int set_start(int32_t handle, const char *call, struct start_state start) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with(call, EBADF);
  return vcpu->vm->engine->vcpu_set_start(vcpu, &start);
}

int32_t sx_vcpu_boot_pvh(int32_t handle, uint32_t entry, uint32_t start_info) {
  struct start_state start = {.mode = START_PROTECTED, .rip = entry, .rbx = start_info};
  return set_start(handle, "sx_vcpu_boot_pvh", start);
}

int32_t sx_vcpu_boot_multiboot(int32_t handle, uint32_t entry, uint32_t info) {
  struct start_state start = {
      .mode = START_PROTECTED, .rip = entry, .rax = MULTIBOOT_MAGIC, .rbx = info};
  return set_start(handle, "sx_vcpu_boot_multiboot", start);
}

int32_t sx_vcpu_boot_long(int32_t handle, uint32_t entry_lo, uint32_t entry_hi, uint32_t zero_page,
                          uint32_t page_tables, uint32_t gdt) {
  struct start_state start = {.mode = START_LONG,
                              .rip = (uint64_t)entry_hi << 32 | entry_lo,
                              .rsi = zero_page,
                              .page_tables = page_tables,
                              .gdt = gdt};
  return set_start(handle, "sx_vcpu_boot_long", start);
}
