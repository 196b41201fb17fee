/*
 * The user's terminal, which is raw while it is a guest's console, is given back as it was when a
 * fault ends this process: no code of TypeScript runs then. SIGBUS is guarded_copy's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <termios.h>

#include "exports.h"
#include "stub.h"

static const int faults[] = {SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGTRAP};
#define FAULTS (sizeof faults / sizeof *faults)

static struct sigaction before[FAULTS];
static struct termios mode;
static int terminal = -1;

/* tcsetattr(), sigaction() and raise() are async-signal-safe (POSIX 2.4.3). The signal comes again
 * when the handler returns, and finds whoever was there before. */
static void on_fault(int signal) {
  int saved = errno;
  tcsetattr(terminal, TCSANOW, &mode);
  for (size_t i = 0; i < FAULTS; i++) {
    if (faults[i] == signal) sigaction(signal, &before[i], NULL);
  }
  raise(signal);
  errno = saved;
}

int32_t sx_terminal_guard(int32_t fd) {
  if (terminal >= 0) return fail_with("sx_terminal_guard", EBUSY);
  if (tcgetattr(fd, &mode)) return fail("tcgetattr");
  terminal = fd;
  struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK};
  for (size_t i = 0; i < FAULTS; i++) sigaction(faults[i], &action, &before[i]);
  return 0;
}

int32_t sx_terminal_release(void) {
  if (terminal < 0) return fail_with("sx_terminal_release", EINVAL);
  for (size_t i = 0; i < FAULTS; i++) sigaction(faults[i], &before[i], NULL);
  terminal = -1;
  return 0;
}
