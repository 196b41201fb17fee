#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exports.h"
#include "stub.h"

/* A fault whose signal is blocked ends the process past every handler (sigprocmask(2)). */
static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};

void thread_block_signals(void) {
  sigset_t blocked;
  sigfillset(&blocked);
  sigdelset(&blocked, KICK_SIGNAL);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&blocked, faults[i]);
  pthread_sigmask(SIG_SETMASK, &blocked, NULL);
}

int32_t sx_thread_id(void) {
  return (int32_t)syscall(SYS_gettid);
}

int32_t sx_thread_yield(void) {
  return sched_yield() ? fail("sched_yield") : 0;
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
