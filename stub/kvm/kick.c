/* Getting a thread out of KVM_RUN: a signal ends the one that goes on, immediate_exit the next. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm/kvm.h"

#define KICK_TRIES 1000
#define KICK_PAUSE_US 100

/* That it came is all that it says. */
static void on_kick(int signal) {
  (void)signal;
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

/*
 * A real-time signal takes a place of its user's RLIMIT_SIGPENDING, and without one tgkill(2) fails
 * with EAGAIN. Asked again until a place is free or the runner is out; no longer than
 * KICK_TRIES * KICK_PAUSE_US.
 */
static void kick(struct vcpu *vcpu) {
  for (int i = 0; i < KICK_TRIES; i++) {
    int tid = atomic_load(&vcpu->tid);
    if (!tid || !syscall(SYS_tgkill, getpid(), tid, KICK_SIGNAL) || errno != EAGAIN) return;
    usleep(KICK_PAUSE_US);
  }
}

/* Set before the signal is sent: one that comes between the runner's last look at the command word
 * and KVM_RUN finds it set. */
void kvm_vcpu_interrupt(struct vcpu *vcpu) {
  __atomic_store_n(&processor_of(vcpu)->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
  kick(vcpu);
}

void kvm_vcpu_rearm(struct vcpu *vcpu) {
  __atomic_store_n(&processor_of(vcpu)->run->immediate_exit, 0, __ATOMIC_RELAXED);
}
