#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exports.h"
#include "stub.h"

void thread_block_signals(void) {
  sigset_t all;
  sigfillset(&all);
  sigdelset(&all, KICK_SIGNAL);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
}

int32_t sx_thread_id(void) {
  return (int32_t)syscall(SYS_gettid);
}

int32_t sx_thread_pin(int32_t tid, const uint8_t *mask, uint32_t size) {
  if (tid < 0 || !mask || size == 0 || size > sizeof(cpu_set_t)) {
    return fail_with("sx_thread_pin", EINVAL);
  }
  cpu_set_t set;
  CPU_ZERO(&set);
  memcpy(&set, mask, size);
  return sched_setaffinity(tid, sizeof set, &set) ? fail("sched_setaffinity") : 0;
}
