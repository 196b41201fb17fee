/* Inside the stub: its objects and what its files ask of each other. Exported functions: exports.h */
#ifndef SX_STUB_H
#define SX_STUB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "abi.h"

#define SX_MAX_VMS 64
#define SX_MAX_VCPUS 256
#define SX_MAX_CORES 64
#define SX_MAX_FILES 64
#define SX_MAX_TAPS 64
#define SX_MAX_STREAMS 64

/* Segments of guest memory in one transfer. */
#define SX_MOST_SEGMENTS 1023
/* Bytes of the largest frame that a stream sends. */
#define SX_STREAM_FRAME_MAX 65550

/* Memory that TypeScript may hold a view of: its addresses stay mapped for the process's life. */
struct region {
  unsigned char *base;
  uint64_t size;
};

struct core {
  struct region region;
  struct sx_core_block *block;
  int bell; /* eventfd: readable while somebody has rung */
};

struct engine;

struct vm {
  const struct engine *engine;
  void *machine; /* the engine's own state of it */
  struct region memory;
  bool virtual_clock; /* vCPUs take turns, and keep theirs until an event of theirs is served */
  bool traced;
  bool irqchip; /* the engine has the local APICs, and whatever else was asked for */
  _Atomic int vcpus; /* vCPUs that still hold the machine */
};

struct vcpu {
  struct vm *vm;
  uint32_t index;
  void *processor; /* the engine's own state of it */
  struct region region;
  struct sx_vcpu_block *block;
  struct core *core;      /* hypervisor core to wake, NULL under same-core placement */
  pthread_t thread;
  bool has_thread;
  _Atomic int tid;        /* thread inside the run loop, 0 when none is */
  uint32_t seq;           /* last exit event published */
  uint32_t posted_head;
  bool event_pending;     /* the engine waits for the completion of the last event */
  uint64_t event_ticks;   /* TSC when that event was made */
  _Atomic uint32_t held;    /* futex word: somebody moves its thread */
  _Atomic uint32_t outside; /* futex word: its runner, if any, does not enter before hold_enter() */
  uint64_t held_at;         /* TSC when the hold was asked for */
  _Atomic uint64_t pause_ticks; /* how long the last hold kept its runner, 0 when it did not */
};

/* errors.c: record which call failed; both return a negative errno. */
int fail(const char *call);
int fail_with(const char *call, int error);

/* handles.c: a handle is a slot and its generation, so that a stale or invented one is refused. */
enum handle_kind {
  HANDLE_VM,
  HANDLE_VCPU,
  HANDLE_CORE,
  HANDLE_FILE,
  HANDLE_TAP,
  HANDLE_STREAM,
  HANDLE_KINDS,
};
int handle_open(enum handle_kind kind, void *object);
void *handle_get(enum handle_kind kind, int handle);
void *handle_close(enum handle_kind kind, int handle);

/* vm.c: the one way from a guest-physical range to the host's memory. NULL unless the range lies
 * wholly in one of the machine's two ranges of RAM. */
unsigned char *vm_translate(const struct vm *vm, uint64_t address, uint64_t length);
/* Bytes of RAM from 0, and from SX_HIGH_MEMORY_START. */
uint64_t vm_low_bytes(const struct vm *vm);
uint64_t vm_high_bytes(const struct vm *vm);

/* segments.c: `count` segments of three words each, address low and high, length, as parts for a
 * system call. A negative errno when one is not in memory or there are too many. */
int segments_translate(const struct vm *vm, const uint32_t *segments, uint32_t count,
                       struct iovec *parts, uint64_t *total);

/* region.c: zeros, in large pages where it is large */
int region_create(uint64_t size, struct region *out);
void region_release(struct region *region);

/* core.c */
void core_ring(const struct core *core);

/* vcpu.c: whether the runner is wanted outside, by a command or by a hold. */
bool vcpu_commanded(const struct vcpu *vcpu);

/* hold.c: by the runner, before it sleeps or ends, and before it may enter the guest again. The second
 * waits for the end of a hold. */
void hold_leave(struct vcpu *vcpu);
void hold_enter(struct vcpu *vcpu);
void hold_end(struct vcpu *vcpu);

/* thread.c */
/* The one signal that a vCPU thread takes beside those of its own faults: for engines that run
 * guests inside a system call. */
#define KICK_SIGNAL (SIGRTMIN + 7)
void thread_block_signals(void);

/* flush.c */
struct flusher;
/* NULL when it failed. */
struct flusher *flusher_create(int fd);
void flusher_destroy(struct flusher *flusher);
/* Asks for a flush of everything written so far; its ticket is how many were asked for. */
void flusher_start(struct flusher *flusher);
/* 1 once the ticket's flush is done, 0 before, a negative errno when it failed. */
int flusher_poll(struct flusher *flusher, uint32_t ticket);

/* guarded_copy.c */
/* Must have succeeded once before guarded_copy(). */
int guarded_copy_install(void);
/* Bytes that were not copied because `from` was cut short; 0 when all were. */
size_t guarded_copy(void *to, const void *from, size_t size);

/* futex.c: timeout 0 waits without end; 0 or a negative errno. */
int futex_wait(void *word, uint32_t expected, uint64_t timeout_ns);
void futex_wake(void *word);

/* clock.c: CLOCK_MONOTONIC_RAW */
uint64_t clock_ns(void);
static inline uint64_t tsc(void) {
  return __builtin_ia32_rdtsc();
}

#endif
