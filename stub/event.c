#include <string.h>

#include "engine.h"
#include "event.h"

void event_describe(struct sx_event *event, uint32_t reason, bool write, uint32_t size,
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

void event_describe_end(struct sx_event *event, uint32_t reason, uint64_t rip, uint32_t detail) {
  event_describe(event, reason, false, 0, 0, NULL);
  event->rip_lo = (uint32_t)rip;
  event->rip_hi = (uint32_t)(rip >> 32);
  event->detail = detail;
}

int event_next(struct vcpu *vcpu) {
  const struct engine *engine = vcpu->vm->engine;
  struct sx_vcpu_block *block = vcpu->block;
  int reason;
  do {
    engine->vcpu_rearm(vcpu);
    atomic_thread_fence(memory_order_seq_cst);
    if (vcpu_commanded(vcpu)) return 0;
    uint64_t entered = tsc();
    if (!block->state.first_run_ticks) block->state.first_run_ticks = entered;
    reason = engine->vcpu_run(vcpu);
    block->state.guest_ticks += tsc() - entered;
    if (reason < 0) {
      block->state.error = (uint32_t)-reason;
      event_describe_end(&block->event, SX_EXIT_ENGINE_ERROR, 0, (uint32_t)-reason);
      reason = SX_EXIT_ENGINE_ERROR;
    }
    block->exits[reason]++;
  } while (reason == SX_EXIT_KICK);
  vcpu->event_pending = true;
  vcpu->event_ticks = tsc();
  return 1;
}

void event_complete(struct vcpu *vcpu) {
  const struct sx_completion *completion = &vcpu->block->completion;
  vcpu->event_pending = false;
  vcpu->block->state.wait_ticks += tsc() - vcpu->event_ticks;
  vcpu->vm->engine->vcpu_complete(vcpu, (uint64_t)completion->data_hi << 32 | completion->data_lo);
}
