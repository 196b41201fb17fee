/* vCPUs: the thread that runs one under split placement, and the call that does under same-core. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "event.h"
#include "exports.h"

#define STACK_BYTES (64 * 1024)
#define MAX_CPU_ID 8192

_Static_assert(sizeof(struct sx_event) == 64, "an event is one cache line");
_Static_assert(sizeof(struct sx_completion) == 64, "a completion is one cache line");
_Static_assert(offsetof(struct sx_vcpu_block, completion) == 128, "lines lie 128 bytes apart");
_Static_assert(offsetof(struct sx_vcpu_block, control) == 256, "lines lie 128 bytes apart");
_Static_assert(offsetof(struct sx_vcpu_block, state) == 512, "lines lie 128 bytes apart");
_Static_assert(offsetof(struct sx_vcpu_block, posted_ports) == 4096, "the bitmap is page-aligned");
_Static_assert(sizeof(struct sx_request) == 64, "a request is one cache line");
_Static_assert(offsetof(struct sx_hypercall_page, ring) == 4096, "the ring is page-aligned");

static uint32_t load(const sx_u32 *word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(sx_u32 *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static int thread_id(void) {
  static _Thread_local int id;
  if (!id) id = (int)syscall(SYS_gettid);
  return id;
}

static bool told(const struct vcpu *vcpu) {
  return load(&vcpu->block->control.command) != SX_COMMAND_RUN;
}

bool vcpu_commanded(const struct vcpu *vcpu) {
  return told(vcpu) || atomic_load_explicit(&vcpu->held, memory_order_acquire);
}

/* Waits out holds and pauses. False when the vCPU must stop. */
static bool obey(struct vcpu *vcpu) {
  struct sx_control *control = &vcpu->block->control;
  for (;;) {
    hold_enter(vcpu);
    uint32_t kicks = load(&control->kicks);
    uint32_t command = load(&control->command);
    if (command == SX_COMMAND_STOP) return false;
    if (command == SX_COMMAND_RUN) {
      store(&vcpu->block->state.state, SX_VCPU_RUNNING);
      return true;
    }
    store(&vcpu->block->state.state, SX_VCPU_PAUSED);
    hold_leave(vcpu);
    futex_wait(&control->kicks, kicks, 0);
  }
}

static void wake_core(const struct vcpu *vcpu) {
  atomic_thread_fence(memory_order_seq_cst);
  if (load(&vcpu->core->block->parked)) core_ring(vcpu->core);
}

static bool is_posted(const struct vcpu *vcpu) {
  const struct sx_event *event = &vcpu->block->event;
  if (vcpu->vm->virtual_clock) return false;
  if (event->reason == SX_EXIT_EOI) return true;
  if (event->flags & SX_EVENT_CONTROLLED) return false;
  if (event->reason != SX_EXIT_IO || !(event->flags & SX_EVENT_WRITE)) return false;
  uint32_t port = event->addr_lo & 0xffff;
  return vcpu->block->posted_ports[port >> 3] >> (port & 7) & 1;
}

/* Puts the event on the posted ring. False when the vCPU was told to stop while it waited. */
static bool post(struct vcpu *vcpu) {
  struct sx_vcpu_block *block = vcpu->block;
  if (vcpu->posted_head - load(&block->posted_tail) >= SX_POSTED_DEPTH) {
    block->state.posted_full++;
    while (vcpu->posted_head - load(&block->posted_tail) >= SX_POSTED_DEPTH) {
      if (vcpu_commanded(vcpu) && !obey(vcpu)) return false;
      __builtin_ia32_pause();
    }
  }
  struct sx_event *slot = &block->posted[vcpu->posted_head % SX_POSTED_DEPTH];
  slot->reason = block->event.reason;
  slot->flags = block->event.flags;
  slot->addr_lo = block->event.addr_lo;
  slot->addr_hi = block->event.addr_hi;
  slot->data_lo = block->event.data_lo;
  slot->data_hi = block->event.data_hi;
  store(&slot->seq, ++vcpu->posted_head);
  block->state.posted++;
  wake_core(vcpu);
  return true;
}

/* Publishes the event and waits for its completion. False when told to stop meanwhile. */
static bool ask(struct vcpu *vcpu) {
  struct sx_vcpu_block *block = vcpu->block;
  store(&block->event.seq, ++vcpu->seq);
  wake_core(vcpu);
  while (load(&block->completion.seq) != vcpu->seq) {
    if (vcpu_commanded(vcpu) && !obey(vcpu)) return false;
    __builtin_ia32_pause();
  }
  return true;
}

static void park_if_asked(struct vcpu *vcpu) {
  const struct sx_completion *completion = &vcpu->block->completion;
  if (completion->action != SX_ACTION_PARK || vcpu->vm->virtual_clock) return;
  uint32_t kicks = load(&vcpu->block->control.kicks);
  if (told(vcpu)) return;
  vcpu->block->state.parks++;
  uint64_t limit = (uint64_t)completion->data_hi << 32 | completion->data_lo;
  uint64_t begun = clock_ns(), gone = 0;
  hold_leave(vcpu);
  /* A hold that just missed its going to sleep may have interrupted it. */
  while (futex_wait(&vcpu->block->control.kicks, kicks, limit ? limit - gone : 0) == -EINTR) {
    gone = clock_ns() - begun;
    if (limit && gone >= limit) break;
  }
}

static uint64_t cpu_time(void) {
  struct timespec spent;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return (uint64_t)spent.tv_sec * 1000000000u + (uint64_t)spent.tv_nsec;
}

static void *vcpu_main(void *argument) {
  struct vcpu *vcpu = argument;
  thread_block_signals();
  atomic_store(&vcpu->tid, thread_id());
  store(&vcpu->block->state.thread, (uint32_t)thread_id());
  futex_wake(&vcpu->block->state.thread);
  while (obey(vcpu)) {
    if (!event_next(vcpu)) continue;
    if (is_posted(vcpu)) {
      if (!post(vcpu)) break;
      event_complete(vcpu);
      continue;
    }
    if (!ask(vcpu)) break;
    event_complete(vcpu);
    park_if_asked(vcpu);
  }
  atomic_store(&vcpu->tid, 0);
  vcpu->block->state.cpu_ns = cpu_time();
  store(&vcpu->block->state.state, SX_VCPU_STOPPED);
  hold_leave(vcpu);
  return NULL;
}

int32_t sx_vcpu_create(int32_t vm_handle, uint32_t index) {
  struct vm *vm = handle_get(HANDLE_VM, vm_handle);
  if (!vm) return fail_with("sx_vcpu_create", EBADF);
  struct vcpu *vcpu = calloc(1, sizeof *vcpu);
  if (!vcpu) return fail("calloc");
  vcpu->vm = vm;
  vcpu->index = index;
  vcpu->outside = 1;
  uint64_t size = (sizeof(struct sx_vcpu_block) + 4095) & ~(uint64_t)4095;
  int result = region_create(size, &vcpu->region);
  if (result == 0) {
    vcpu->block = (struct sx_vcpu_block *)vcpu->region.base;
    result = vm->engine->vcpu_create(vcpu);
  }
  if (result == 0) {
    atomic_fetch_add(&vm->vcpus, 1);
    result = handle_open(HANDLE_VCPU, vcpu);
    if (result > 0) return result;
    fail_with("sx_vcpu_create", -result);
    atomic_fetch_sub(&vm->vcpus, 1);
    vm->engine->vcpu_close(vcpu);
  }
  region_release(&vcpu->region);
  free(vcpu);
  return result;
}

void *sx_vcpu_block_of(int32_t handle) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  return vcpu ? vcpu->block : NULL;
}

int32_t sx_vcpu_start(int32_t handle, uint32_t cpu, int32_t core_handle) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  struct core *core = handle_get(HANDLE_CORE, core_handle);
  if (!vcpu || !core) return fail_with("sx_vcpu_start", EBADF);
  if (vcpu->has_thread || atomic_load(&vcpu->tid)) return fail_with("sx_vcpu_start", EBUSY);
  if (cpu >= MAX_CPU_ID) return fail_with("sx_vcpu_start", EINVAL);
  cpu_set_t *set = CPU_ALLOC(MAX_CPU_ID);
  if (!set) return fail("CPU_ALLOC");
  CPU_ZERO_S(CPU_ALLOC_SIZE(MAX_CPU_ID), set);
  CPU_SET_S(cpu, CPU_ALLOC_SIZE(MAX_CPU_ID), set);
  vcpu->core = core;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  int error = pthread_attr_setstacksize(&attributes, STACK_BYTES);
  if (!error) {
    error = pthread_attr_setaffinity_np(&attributes, CPU_ALLOC_SIZE(MAX_CPU_ID), set);
  }
  if (!error) error = pthread_create(&vcpu->thread, &attributes, vcpu_main, vcpu);
  pthread_attr_destroy(&attributes);
  CPU_FREE(set);
  if (error) return fail_with("pthread_create on the guest core", error);
  vcpu->has_thread = true;
  /* Its id is known when this returns, so that its affinity can be checked. */
  while (!load(&vcpu->block->state.thread)) futex_wait(&vcpu->block->state.thread, 0, 0);
  return 0;
}

int32_t sx_vcpu_run(int32_t handle) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with("sx_vcpu_run", EBADF);
  int nobody = 0;
  if (vcpu->has_thread || !atomic_compare_exchange_strong(&vcpu->tid, &nobody, thread_id())) {
    return fail_with("sx_vcpu_run", EBUSY);
  }
  store(&vcpu->block->state.thread, (uint32_t)thread_id());
  if (vcpu->event_pending) {
    event_complete(vcpu);
    park_if_asked(vcpu);
  }
  int found = 0;
  while (!found && obey(vcpu)) found = event_next(vcpu);
  if (found) {
    store(&vcpu->block->event.seq, ++vcpu->seq);
  } else {
    store(&vcpu->block->state.state, SX_VCPU_STOPPED);
  }
  atomic_store(&vcpu->tid, 0);
  hold_leave(vcpu);
  return found;
}

int32_t sx_vcpu_command(int32_t handle, uint32_t command) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with("sx_vcpu_command", EBADF);
  if (command > SX_COMMAND_STOP) return fail_with("sx_vcpu_command", EINVAL);
  struct sx_control *control = &vcpu->block->control;
  __atomic_store_n(&control->command, command, __ATOMIC_SEQ_CST);
  __atomic_fetch_add(&control->kicks, 1, __ATOMIC_SEQ_CST);
  futex_wake(&control->kicks);
  if (command != SX_COMMAND_RUN) vcpu->vm->engine->vcpu_interrupt(vcpu);
  return 0;
}

int32_t sx_vcpu_destroy(int32_t handle) {
  struct vcpu *vcpu = handle_get(HANDLE_VCPU, handle);
  if (!vcpu) return fail_with("sx_vcpu_destroy", EBADF);
  if (vcpu->has_thread) {
    hold_end(vcpu);
    sx_vcpu_command(handle, SX_COMMAND_STOP);
    pthread_join(vcpu->thread, NULL);
  } else if (atomic_load(&vcpu->tid)) {
    return fail_with("sx_vcpu_destroy", EBUSY);
  }
  handle_close(HANDLE_VCPU, handle);
  vcpu->vm->engine->vcpu_close(vcpu);
  region_release(&vcpu->region);
  atomic_fetch_sub(&vcpu->vm->vcpus, 1);
  free(vcpu);
  return 0;
}
