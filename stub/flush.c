/*
 * Flushing a file without waiting for it. A hypervisor core serves many machines and must not sleep
 * in fsync: a thread on the housekeeping cores does, and the core looks whether it is done.
 *
 * A request's ticket is how many were made up to it. One fsync covers every ticket that was given before it began, as all
 * that those wrote is in the page cache by then.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "stub.h"

struct flusher {
  int fd;
  pthread_t thread;
  _Atomic uint32_t requested; /* futex word: the last ticket given, or a bump to stop */
  _Atomic uint32_t done;      /* every ticket up to here is settled */
  _Atomic uint32_t failed;    /* every ticket up to here may have failed; 0 when none has */
  _Atomic int error;          /* of the last failure */
  _Atomic bool stop;
};

static void *flush_main(void *argument) {
  struct flusher *flusher = argument;
  thread_block_signals();
  for (;;) {
    uint32_t ticket = atomic_load(&flusher->requested);
    if (atomic_load(&flusher->stop)) return NULL;
    if (ticket == atomic_load(&flusher->done)) {
      futex_wait(&flusher->requested, ticket, 0);
      continue;
    }
    if (fsync(flusher->fd)) {
      atomic_store(&flusher->error, errno);
      atomic_store(&flusher->failed, ticket);
    }
    atomic_store(&flusher->done, ticket);
  }
}

struct flusher *flusher_create(int fd) {
  struct flusher *flusher = calloc(1, sizeof *flusher);
  if (!flusher) {
    fail("calloc");
    return NULL;
  }
  flusher->fd = fd;
  int error = pthread_create(&flusher->thread, NULL, flush_main, flusher);
  if (!error) return flusher;
  fail_with("pthread_create", error);
  free(flusher);
  return NULL;
}

void flusher_destroy(struct flusher *flusher) {
  atomic_store(&flusher->stop, true);
  atomic_fetch_add(&flusher->requested, 1);
  futex_wake(&flusher->requested);
  pthread_join(flusher->thread, NULL);
  free(flusher);
}

void flusher_start(struct flusher *flusher) {
  atomic_fetch_add(&flusher->requested, 1);
  futex_wake(&flusher->requested);
}

int flusher_poll(struct flusher *flusher, uint32_t ticket) {
  if ((int32_t)(atomic_load(&flusher->done) - ticket) < 0) return 0;
  uint32_t failed = atomic_load(&flusher->failed);
  if (failed && (int32_t)(failed - ticket) >= 0) {
    return fail_with("fsync", atomic_load(&flusher->error));
  }
  return 1;
}
