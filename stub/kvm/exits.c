/* Exits of KVM as exit events, and completions as answers to KVM. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "event.h"
#include "kvm/kvm.h"

static int describe_end(struct vcpu *vcpu, uint32_t reason, uint32_t detail) {
  struct kvm_regs regs = {0};
  ioctl(processor_of(vcpu)->fd, KVM_GET_REGS, &regs);
  event_describe_end(&vcpu->block->event, reason, regs.rip, detail);
  return (int)reason;
}

static unsigned char *io_element(const struct kvm_processor *processor) {
  struct kvm_run *run = processor->run;
  return (unsigned char *)run + run->io.data_offset + (size_t)processor->element * run->io.size;
}

static int describe_io(struct vcpu *vcpu) {
  const struct kvm_processor *processor = processor_of(vcpu);
  const struct kvm_run *run = processor->run;
  event_describe(&vcpu->block->event, SX_EXIT_IO, run->io.direction == KVM_EXIT_IO_OUT,
                 run->io.size, run->io.port, io_element(processor));
  return SX_EXIT_IO;
}

static int describe_exit(struct vcpu *vcpu) {
  const struct kvm_run *run = processor_of(vcpu)->run;
  struct sx_event *event = &vcpu->block->event;
  switch (run->exit_reason) {
    case KVM_EXIT_INTR:
      return SX_EXIT_KICK;
    case KVM_EXIT_IO:
      return describe_io(vcpu);
    case KVM_EXIT_MMIO:
      event_describe(event, SX_EXIT_EPT_VIOLATION, run->mmio.is_write, run->mmio.len,
                     run->mmio.phys_addr, run->mmio.data);
      return SX_EXIT_EPT_VIOLATION;
    case KVM_EXIT_IOAPIC_EOI:
      event_describe(event, SX_EXIT_EOI, false, 0, run->eoi.vector, NULL);
      return SX_EXIT_EOI;
    case KVM_EXIT_HLT:
      event_describe(event, SX_EXIT_HLT, false, 0, 0, NULL);
      return SX_EXIT_HLT;
    case KVM_EXIT_SHUTDOWN:
      return describe_end(vcpu, SX_EXIT_TRIPLE_FAULT, 0);
    case KVM_EXIT_FAIL_ENTRY:
      return describe_end(vcpu, SX_EXIT_ENTRY_FAILURE,
                          (uint32_t)run->fail_entry.hardware_entry_failure_reason);
    case KVM_EXIT_INTERNAL_ERROR:
      return describe_end(vcpu, SX_EXIT_ENGINE_ERROR, run->internal.suberror);
    default:
      return describe_end(vcpu, SX_EXIT_ENGINE_ERROR, run->exit_reason);
  }
}

int kvm_vcpu_run(struct vcpu *vcpu) {
  const struct kvm_processor *processor = processor_of(vcpu);
  if (processor->element) return describe_io(vcpu);
  if (ioctl(processor->fd, KVM_RUN, 0) == 0) return describe_exit(vcpu);
  if (errno == EINTR || errno == EAGAIN) return SX_EXIT_KICK;
  vcpu->block->state.error = (uint32_t)errno;
  return describe_end(vcpu, SX_EXIT_ENGINE_ERROR, (uint32_t)errno);
}

void kvm_vcpu_complete(struct vcpu *vcpu, uint64_t value) {
  struct kvm_processor *processor = processor_of(vcpu);
  struct kvm_run *run = processor->run;
  if (run->exit_reason == KVM_EXIT_IO) {
    if (run->io.direction == KVM_EXIT_IO_IN) memcpy(io_element(processor), &value, run->io.size);
    processor->element = processor->element + 1 < run->io.count ? processor->element + 1 : 0;
  } else if (run->exit_reason == KVM_EXIT_MMIO && !run->mmio.is_write) {
    memcpy(run->mmio.data, &value, sizeof value);
  }
}
