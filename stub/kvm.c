#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "exports.h"
#include "stub.h"

#define MAX_CPUID_ENTRIES 256

/* Three pages below 4 GiB that Intel hosts need to run real mode; no guest memory lies there. */
#define TSS_ADDRESS 0xfffbd000u

/* CPUID leaf 1, ecx: the local APIC's timer takes a TSC value (SDM volume 2). KVM leaves it to its
 * user, who knows whether the kernel has the APIC. */
#define TSC_DEADLINE (1u << 24)

int kvm_open(void) {
  int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) return fail("open /dev/kvm");
  int version = ioctl(kvm, KVM_GET_API_VERSION, 0);
  if (version == KVM_API_VERSION) return kvm;
  int result = version < 0 ? fail("ioctl KVM_GET_API_VERSION")
                           : fail_with("ioctl KVM_GET_API_VERSION", EPROTONOSUPPORT);
  close(kvm);
  return result;
}

static int add_slot(const struct vm *vm, uint32_t slot, uint64_t address, uint64_t bytes) {
  if (!bytes) return 0;
  struct kvm_userspace_memory_region region = {
      .slot = slot,
      .guest_phys_addr = address,
      .memory_size = bytes,
      .userspace_addr = (uint64_t)(uintptr_t)vm_translate(vm, address, bytes)};
  return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region)
             ? fail("ioctl KVM_SET_USER_MEMORY_REGION")
             : 0;
}

static int add_memory(const struct vm *vm) {
  int result = add_slot(vm, 0, 0, vm_low_bytes(vm));
  return result ? result : add_slot(vm, 1, SX_HIGH_MEMORY_START, vm_high_bytes(vm));
}

int kvm_vm_create(struct vm *vm) {
  int kvm = kvm_open();
  if (kvm < 0) return kvm;
  int result = 0;
  vm->fd = ioctl(kvm, KVM_CREATE_VM, 0);
  if (vm->fd < 0) result = fail("ioctl KVM_CREATE_VM");
  if (result == 0 && ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_SET_TSS_ADDR) > 0 &&
      ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDRESS)) {
    result = fail("ioctl KVM_SET_TSS_ADDR");
  }
  if (result == 0) result = add_memory(vm);
  if (result && vm->fd >= 0) close(vm->fd);
  if (result == 0) vm->statistics = statistics_open(vm->fd);
  close(kvm);
  return result;
}

void kvm_vm_close(struct vm *vm) {
  if (vm->statistics >= 0) close(vm->statistics);
  close(vm->fd);
}

int kvm_vcpu_create(struct vcpu *vcpu) {
  int kvm = kvm_open();
  if (kvm < 0) return kvm;
  int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  int result = size < 0 ? fail("ioctl KVM_GET_VCPU_MMAP_SIZE") : 0;
  close(kvm);
  if (result) return result;
  vcpu->fd = ioctl(vcpu->vm->fd, KVM_CREATE_VCPU, vcpu->index);
  if (vcpu->fd < 0) return fail("ioctl KVM_CREATE_VCPU");
  void *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
  if (run == MAP_FAILED) {
    result = fail("mmap of kvm_run");
    close(vcpu->fd);
    return result;
  }
  vcpu->run = run;
  vcpu->run_size = (size_t)size;
  vcpu->statistics = statistics_open(vcpu->fd);
  /* A run that ends at once: the kernel makes a machine's helper thread at its first run, as a
   * child of the runner and on the runner's cores, which must not be a guest core. */
  vcpu->run->immediate_exit = 1;
  if (ioctl(vcpu->fd, KVM_RUN, 0) && errno != EINTR) {
    result = fail("ioctl KVM_RUN");
    kvm_vcpu_close(vcpu);
    return result;
  }
  vcpu->run->immediate_exit = 0;
  return 0;
}

void kvm_vcpu_close(struct vcpu *vcpu) {
  munmap(vcpu->run, vcpu->run_size);
  if (vcpu->statistics >= 0) close(vcpu->statistics);
  close(vcpu->fd);
}

/* Words of one of the caller's leaves: leaf, subleaf, four values, and which of their bits count. */
#define LEAF_WORDS 10

/* One leaf of the caller laid over the supported set. */
static void overlay(struct kvm_cpuid2 *cpuid, const uint32_t *leaf) {
  struct kvm_cpuid_entry2 *at = NULL;
  for (uint32_t i = 0; i < cpuid->nent; i++) {
    struct kvm_cpuid_entry2 *have = &cpuid->entries[i];
    if (have->function == leaf[0] && have->index == leaf[1]) at = have;
  }
  if (!at) {
    at = &cpuid->entries[cpuid->nent++];
    *at = (struct kvm_cpuid_entry2){.function = leaf[0], .index = leaf[1]};
    if (leaf[1]) at->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
  }
  uint32_t *registers[] = {&at->eax, &at->ebx, &at->ecx, &at->edx};
  const uint32_t *values = leaf + 2, *masks = leaf + 6;
  for (int i = 0; i < 4; i++) *registers[i] = (*registers[i] & ~masks[i]) | (values[i] & masks[i]);
}

static uint32_t bits_for(uint32_t count) {
  uint32_t bits = 0;
  while (1u << bits < count) bits++;
  return bits;
}

/*
 * What differs from one vCPU to the next, and the bit that says "under a hypervisor". The topology
 * is one package of cores without SMT: APIC ids count from 0 (SDM volume 2, CPUID leaves 1, 4 and
 * 0xb; APM volume 3, E.4.7 and E.4.15).
 */
static void identify(struct kvm_cpuid2 *cpuid, uint32_t index, uint32_t vcpus) {
  uint32_t bits = bits_for(vcpus);
  for (uint32_t i = 0; i < cpuid->nent; i++) {
    struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];
    switch (entry->function) {
      case 1:
        entry->ebx = (entry->ebx & 0x0000ffff) | index << 24 | (vcpus & 0xff) << 16;
        entry->ecx |= 1u << 31;
        entry->edx = (entry->edx & ~(1u << 28)) | (vcpus > 1 ? 1u << 28 : 0);
        break;
      case 4: /* caches of a core are its own */
        entry->eax = (entry->eax & 0x00003fff) | ((1u << bits) - 1) << 26;
        break;
      case 0xb:
      case 0x1f:
        entry->eax = entry->index == 1 ? bits : 0;
        entry->ebx = entry->index == 0 ? 1 : entry->index == 1 ? vcpus : 0;
        entry->ecx = entry->index | (entry->index < 2 ? (entry->index + 1) << 8 : 0);
        entry->edx = index;
        break;
      case 0x80000008:
        entry->ecx = (entry->ecx & ~0xf0ffu) | bits << 12 | (vcpus - 1);
        break;
      case 0x8000001e:
        entry->eax = index;
        entry->ebx = index & 0xff; /* one thread a core */
        entry->ecx = 0;
        break;
    }
  }
}

int32_t sx_vcpu_set_cpuid(int32_t handle, const uint32_t *leaves, uint32_t count,
                          uint32_t vcpus) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with("sx_vcpu_set_cpuid", EBADF);
  if ((!leaves && count) || count > MAX_CPUID_ENTRIES / 2 || !vcpus ||
      vcpus > SX_MAX_VCPUS) {
    return fail_with("sx_vcpu_set_cpuid", EINVAL);
  }
  int kvm = kvm_open();
  if (kvm < 0) return kvm;
  struct kvm_cpuid2 *cpuid =
      calloc(1, sizeof *cpuid + (MAX_CPUID_ENTRIES + count) * sizeof(struct kvm_cpuid_entry2));
  int result = cpuid ? 0 : fail("calloc");
  if (result == 0) {
    cpuid->nent = MAX_CPUID_ENTRIES;
    if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid)) {
      result = fail("ioctl KVM_GET_SUPPORTED_CPUID");
    }
  }
  if (result == 0) {
    bool deadline = vcpu->vm->irqchip &&
                    ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
    for (uint32_t i = 0; deadline && i < cpuid->nent; i++) {
      if (cpuid->entries[i].function == 1) cpuid->entries[i].ecx |= TSC_DEADLINE;
    }
    for (uint32_t i = 0; i < count; i++) overlay(cpuid, leaves + LEAF_WORDS * i);
    identify(cpuid, vcpu->index, vcpus);
    if (ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid)) result = fail("ioctl KVM_SET_CPUID2");
  }
  free(cpuid);
  close(kvm);
  return result;
}

/* Segments of a flat address space, with the selectors that the caller's protocol names. */
static void set_flat(struct kvm_sregs *sregs, struct kvm_segment code, uint16_t data_selector) {
  sregs->cs = code;
  sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss =
      (struct kvm_segment){.limit = 0xffffffff,
                           .present = 1,
                           .db = 1,
                           .s = 1,
                           .g = 1,
                           .type = 3,
                           .selector = data_selector};
  sregs->tr = (struct kvm_segment){.limit = 0x67, .present = 1, .type = 11};
}

static int set_state(const struct vcpu *vcpu, struct kvm_sregs *sregs, struct kvm_regs *regs) {
  if (ioctl(vcpu->fd, KVM_SET_SREGS, sregs)) return fail("ioctl KVM_SET_SREGS");
  regs->rflags = 2; /* its one bit that is always set; interrupts off */
  if (ioctl(vcpu->fd, KVM_SET_REGS, regs)) return fail("ioctl KVM_SET_REGS");
  if (!vcpu->vm->irqchip) return 0;
  /* With local APICs, KVM lets all but the first vCPU wait for INIT and SIPI. */
  struct kvm_mp_state runnable = {.mp_state = KVM_MP_STATE_RUNNABLE};
  return ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable) ? fail("ioctl KVM_SET_MP_STATE") : 0;
}

/* 32-bit, flat, paging off. */
static int boot_protected(int32_t handle, const char *call, struct kvm_regs regs) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with(call, EBADF);
  struct kvm_sregs sregs;
  if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs)) return fail("ioctl KVM_GET_SREGS");
  const struct kvm_segment code = {
      .limit = 0xffffffff, .present = 1, .db = 1, .s = 1, .g = 1, .type = 11, .selector = 8};
  set_flat(&sregs, code, 0x10);
  sregs.cr0 = 1; /* PE */
  sregs.cr3 = sregs.cr4 = sregs.efer = 0;
  return set_state(vcpu, &sregs, &regs);
}

int32_t sx_vcpu_boot_pvh(int32_t handle, uint32_t entry, uint32_t start_info) {
  struct kvm_regs regs = {.rip = entry, .rbx = start_info};
  return boot_protected(handle, "sx_vcpu_boot_pvh", regs);
}

int32_t sx_vcpu_boot_multiboot(int32_t handle, uint32_t entry, uint32_t info) {
  struct kvm_regs regs = {.rip = entry, .rax = 0x2badb002, .rbx = info};
  return boot_protected(handle, "sx_vcpu_boot_multiboot", regs);
}

int32_t sx_vcpu_boot_long(int32_t handle, uint32_t entry_lo, uint32_t entry_hi, uint32_t zero_page,
                          uint32_t page_tables, uint32_t gdt) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with("sx_vcpu_boot_long", EBADF);
  struct kvm_sregs sregs;
  if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs)) return fail("ioctl KVM_GET_SREGS");
  const struct kvm_segment code = {
      .limit = 0xffffffff, .present = 1, .l = 1, .s = 1, .g = 1, .type = 11, .selector = 0x10};
  set_flat(&sregs, code, 0x18);
  sregs.gdt.base = gdt;
  sregs.gdt.limit = 31; /* four descriptors */
  sregs.cr0 = 0x80000033; /* PG NE ET MP PE */
  sregs.cr3 = page_tables;
  sregs.cr4 = 0x20;  /* PAE */
  sregs.efer = 0x500; /* LMA LME */
  struct kvm_regs regs = {.rip = (uint64_t)entry_hi << 32 | entry_lo, .rsi = zero_page};
  return set_state(vcpu, &sregs, &regs);
}
