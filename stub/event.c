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

static uint32_t wait_bucket(uint64_t ticks) {
  uint64_t units = ticks >> SX_WAIT_SHIFT;
  if (units < 2) return (uint32_t)units;
  uint32_t power = 63 - (uint32_t)__builtin_clzll(units);
  uint32_t bucket = 2 * power + (uint32_t)(units >> (power - 1) & 1);
  return bucket < SX_WAIT_BUCKETS ? bucket : SX_WAIT_BUCKETS - 1;
}

void event_complete(struct vcpu *vcpu) {
  struct sx_vcpu_block *block = vcpu->block;
  const struct sx_completion *completion = &block->completion;
  struct sx_waits *waits = &block->waits[block->event.reason];
  uint64_t ticks = tsc() - vcpu->event_ticks;
  vcpu->event_pending = false;
  block->state.wait_ticks += ticks;
  waits->ticks += ticks;
  waits->counts[wait_bucket(ticks)]++;
  vcpu->vm->engine->vcpu_complete(vcpu, (uint64_t)completion->data_hi << 32 | completion->data_lo);
}
