/*
 * Copying from a mapping of a file that somebody may cut short meanwhile. Touching a page that is
 * gone raises SIGBUS; the handler then goes on behind the copying instruction, as the kernel does
 * with its own copies from user memory.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "stub.h"

/* size_t guarded_copy(void *to, const void *from, size_t size): bytes that were not copied. */
__asm__(
    ".text\n"
    ".hidden guarded_copy\n"
    ".globl guarded_copy\n"
    ".type guarded_copy, @function\n"
    "guarded_copy:\n"
    "  mov %rdx, %rcx\n"
    "guarded_copy_at:\n"
    "  rep movsb\n"
    "guarded_copy_past:\n"
    "  mov %rcx, %rax\n"
    "  ret\n"
    ".size guarded_copy, . - guarded_copy\n");

extern const char guarded_copy_at[] __attribute__((visibility("hidden")));
extern const char guarded_copy_past[] __attribute__((visibility("hidden")));

static struct sigaction before;

static void on_bus_error(int signal, siginfo_t *info, void *context) {
  greg_t *rip = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
  if (*rip == (greg_t)(uintptr_t)guarded_copy_at) {
    *rip = (greg_t)(uintptr_t)guarded_copy_past;
    return;
  }
  /* Not ours: the fault comes again and finds whoever was there before. */
  (void)info;
  sigaction(signal, &before, NULL);
}

static int installed;

static void install(void) {
  struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  installed = sigaction(SIGBUS, &action, &before) ? fail("sigaction SIGBUS") : 0;
}

int guarded_copy_install(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install);
  return installed;
}
