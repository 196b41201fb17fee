#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exports.h"
#include "stub.h"

/* The one signal that a vCPU thread takes. Its handler closes the race between the last look at
 * the command word and KVM_RUN: with immediate_exit set, KVM_RUN returns at once. */
#define KICK_SIGNAL (SIGRTMIN + 7)

static _Thread_local struct kvm_run *run_of_thread;

static void on_kick(int signal) {
  (void)signal;
  if (run_of_thread) run_of_thread->immediate_exit = 1;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int install_error;

static void install(void) {
  struct sigaction action = {.sa_handler = on_kick};
  install_error = sigaction(KICK_SIGNAL, &action, NULL) ? errno : 0;
}

int kick_install(void) {
  pthread_once(&once, install);
  return install_error ? fail_with("sigaction", install_error) : 0;
}

void kick_thread(int tid) {
  if (tid) syscall(SYS_tgkill, getpid(), tid, KICK_SIGNAL);
}

void thread_block_signals(void) {
  sigset_t all;
  sigfillset(&all);
  sigdelset(&all, KICK_SIGNAL);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
}

void thread_own_vcpu(struct vcpu *vcpu) {
  run_of_thread = vcpu ? vcpu->run : NULL;
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
