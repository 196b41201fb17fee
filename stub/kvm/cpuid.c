/* The CPUID of a vCPU: what KVM supports, the caller's leaves over it, and the topology. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm/kvm.h"

#define MAX_CPUID_ENTRIES 256

/* CPUID leaf 1, ecx: the local APIC's timer takes a TSC value (SDM volume 2). KVM leaves it to its
 * user, who knows whether the kernel has the APIC. */
#define TSC_DEADLINE (1u << 24)

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

int kvm_vcpu_set_cpuid(struct vcpu *vcpu, const uint32_t *leaves, uint32_t count, uint32_t vcpus) {
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
    if (ioctl(processor_of(vcpu)->fd, KVM_SET_CPUID2, cpuid)) result = fail("ioctl KVM_SET_CPUID2");
  }
  free(cpuid);
  close(kvm);
  return result;
}
