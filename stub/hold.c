/*
 * Holds: a vCPU is kept out of its guest while somebody puts its thread on another core.
 *
 * `outside` is the runner's word and `held` the holder's. Each writes its own before it reads the
 * other's, so either the runner sees the hold and stays out, or the holder sees it inside and waits.
 */
#include <errno.h>

#include "engine.h"
#include "exports.h"

/* A thread that was not given its core for this long is not waited for. */
#define PATIENCE_NS 2000000000u
/* How long the holder looks before it sleeps: one that sleeps may have to wait for its own core after,
 * and one that looks on may keep the core from the thread that it waits for. */
#define LOOKING_NS 200000u
#define LONGEST_SLEEP_NS 1000000u

/* vcpu->pause_ticks while the runner waits for the end of a hold. */
#define WAITING UINT64_MAX

void hold_leave(struct vcpu *vcpu) {
  atomic_store(&vcpu->outside, 1);
  if (atomic_load(&vcpu->held)) futex_wake(&vcpu->outside);
}

void hold_enter(struct vcpu *vcpu) {
  atomic_store(&vcpu->outside, 0);
  if (!atomic_load(&vcpu->held)) return;
  atomic_store(&vcpu->pause_ticks, WAITING);
  do {
    hold_leave(vcpu);
    futex_wait(&vcpu->held, 1, 0);
    atomic_store(&vcpu->outside, 0);
  } while (atomic_load(&vcpu->held));
  atomic_store(&vcpu->pause_ticks, tsc() - vcpu->held_at);
}

/* Whether it came out. */
static bool await_outside(struct vcpu *vcpu) {
  uint64_t begun = clock_ns();
  while (!atomic_load(&vcpu->outside)) {
    uint64_t waited = clock_ns() - begun;
    if (waited > PATIENCE_NS) return false;
    if (waited > LOOKING_NS) futex_wait(&vcpu->outside, 0, LONGEST_SLEEP_NS);
    else __builtin_ia32_pause();
  }
  return true;
}

void hold_end(struct vcpu *vcpu) {
  atomic_store(&vcpu->held, 0);
  futex_wake(&vcpu->held);
}

int32_t sx_vcpu_hold(int32_t handle) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with("sx_vcpu_hold", EBADF);
  if (atomic_load(&vcpu->held)) return fail_with("sx_vcpu_hold", EBUSY);
  atomic_store(&vcpu->pause_ticks, 0);
  vcpu->held_at = tsc();
  atomic_store(&vcpu->held, 1);
  if (!atomic_load(&vcpu->outside)) vcpu->vm->engine->vcpu_interrupt(vcpu);
  if (await_outside(vcpu)) return 0;
  hold_end(vcpu);
  return fail_with("sx_vcpu_hold", ETIMEDOUT);
}

int32_t sx_vcpu_release(int32_t handle) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with("sx_vcpu_release", EBADF);
  if (!atomic_load(&vcpu->held)) return fail_with("sx_vcpu_release", EINVAL);
  hold_end(vcpu);
  return 0;
}

double sx_vcpu_pause(int32_t handle) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with("sx_vcpu_pause", EBADF);
  uint64_t ticks = atomic_load(&vcpu->pause_ticks);
  return ticks == WAITING ? fail_with("sx_vcpu_pause", EAGAIN) : (double)ticks;
}
