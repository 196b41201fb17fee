/* Exits of KVM as exit events, and completions as answers to KVM. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "stub.h"

static void count_exit(struct vcpu *vcpu, uint32_t reason) {
  vcpu->block->exits[reason]++;
}

static void describe(struct sx_event *event, uint32_t reason, bool write, uint32_t size,
                     uint64_t address, const void *data) {
  uint64_t value = 0;
  if (write) memcpy(&value, data, size > 8 ? 8 : size);
  event->reason = reason;
  event->flags = (write ? SX_EVENT_WRITE : 0) | size << SX_EVENT_SIZE_SHIFT;
  event->addr_lo = (uint32_t)address;
  event->addr_hi = (uint32_t)(address >> 32);
  event->data_lo = (uint32_t)value;
  event->data_hi = (uint32_t)(value >> 32);
}

/* Events that end a guest carry where it stood. */
static void describe_end(struct vcpu *vcpu, uint32_t reason, uint32_t detail) {
  struct sx_event *event = &vcpu->block->event;
  struct kvm_regs regs = {0};
  ioctl(vcpu->fd, KVM_GET_REGS, &regs);
  describe(event, reason, false, 0, 0, NULL);
  event->rip_lo = (uint32_t)regs.rip;
  event->rip_hi = (uint32_t)(regs.rip >> 32);
  event->detail = detail;
}

static unsigned char *io_element(const struct vcpu *vcpu) {
  struct kvm_run *run = vcpu->run;
  return (unsigned char *)run + run->io.data_offset + (size_t)vcpu->element * run->io.size;
}

static void describe_io(struct vcpu *vcpu) {
  const struct kvm_run *run = vcpu->run;
  describe(&vcpu->block->event, SX_EXIT_IO, run->io.direction == KVM_EXIT_IO_OUT, run->io.size,
           run->io.port, io_element(vcpu));
}

static uint32_t describe_exit(struct vcpu *vcpu) {
  const struct kvm_run *run = vcpu->run;
  switch (run->exit_reason) {
    case KVM_EXIT_IO:
      vcpu->element = 0;
      describe_io(vcpu);
      return SX_EXIT_IO;
    case KVM_EXIT_MMIO:
      describe(&vcpu->block->event, SX_EXIT_EPT_VIOLATION, run->mmio.is_write, run->mmio.len,
               run->mmio.phys_addr, run->mmio.data);
      return SX_EXIT_EPT_VIOLATION;
    case KVM_EXIT_IOAPIC_EOI:
      describe(&vcpu->block->event, SX_EXIT_EOI, false, 0, run->eoi.vector, NULL);
      return SX_EXIT_EOI;
    case KVM_EXIT_HLT:
      describe(&vcpu->block->event, SX_EXIT_HLT, false, 0, 0, NULL);
      return SX_EXIT_HLT;
    case KVM_EXIT_SHUTDOWN:
      describe_end(vcpu, SX_EXIT_TRIPLE_FAULT, 0);
      return SX_EXIT_TRIPLE_FAULT;
    case KVM_EXIT_FAIL_ENTRY:
      describe_end(vcpu, SX_EXIT_ENTRY_FAILURE,
                   (uint32_t)run->fail_entry.hardware_entry_failure_reason);
      return SX_EXIT_ENTRY_FAILURE;
    case KVM_EXIT_INTERNAL_ERROR:
      describe_end(vcpu, SX_EXIT_ENGINE_ERROR, run->internal.suberror);
      return SX_EXIT_ENGINE_ERROR;
    default:
      describe_end(vcpu, SX_EXIT_ENGINE_ERROR, run->exit_reason);
      return SX_EXIT_ENGINE_ERROR;
  }
}

int event_next(struct vcpu *vcpu) {
  struct sx_state *state = &vcpu->block->state;
  for (;;) {
    if (vcpu->element) {
      describe_io(vcpu);
      break;
    }
    vcpu->run->immediate_exit = 0;
    atomic_thread_fence(memory_order_seq_cst);
    if (vcpu_commanded(vcpu)) return 0;
    uint64_t entered = tsc();
    if (!state->first_run_ticks) state->first_run_ticks = entered;
    int result = ioctl(vcpu->fd, KVM_RUN, 0);
    int error = result ? errno : 0;
    state->guest_ticks += tsc() - entered;
    if (error == EINTR || error == EAGAIN || (!error && vcpu->run->exit_reason == KVM_EXIT_INTR)) {
      count_exit(vcpu, SX_EXIT_KICK);
      continue;
    }
    if (error) {
      state->error = (uint32_t)error;
      describe_end(vcpu, SX_EXIT_ENGINE_ERROR, (uint32_t)error);
      count_exit(vcpu, SX_EXIT_ENGINE_ERROR);
    } else {
      count_exit(vcpu, describe_exit(vcpu));
    }
    break;
  }
  vcpu->event_pending = true;
  vcpu->event_ticks = tsc();
  return 1;
}

void event_complete(struct vcpu *vcpu) {
  struct kvm_run *run = vcpu->run;
  const struct sx_completion *completion = &vcpu->block->completion;
  uint64_t value = (uint64_t)completion->data_hi << 32 | completion->data_lo;
  vcpu->event_pending = false;
  vcpu->block->state.wait_ticks += tsc() - vcpu->event_ticks;
  if (run->exit_reason == KVM_EXIT_IO) {
    if (run->io.direction == KVM_EXIT_IO_IN) memcpy(io_element(vcpu), &value, run->io.size);
    vcpu->element = vcpu->element + 1 < run->io.count ? vcpu->element + 1 : 0;
  } else if (run->exit_reason == KVM_EXIT_MMIO && !run->mmio.is_write) {
    memcpy(run->mmio.data, &value, sizeof value);
  }
}
