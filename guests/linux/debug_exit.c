/*
 * debug_exit CODE: waits until what was printed has left the console, then writes CODE to the debug
 * exit port, which ends a machine that has one. Otherwise it returns. Needs no C library.
 */
enum { SYS_IOCTL = 16, SYS_EXIT = 60, SYS_IOPERM = 173 };
enum { STDOUT = 1, TCSBRK = 0x5409, DEBUG_EXIT_PORT = 0xf4 };

static long call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory");
  return result;
}

__attribute__((noreturn, used)) static void run(const long *stack) {
  const char *text = stack[0] > 1 ? (const char *)stack[2] : "";
  unsigned code = 0;
  while (*text >= '0' && *text <= '9') code = code * 10 + (unsigned)(*text++ - '0');
  call(SYS_IOCTL, STDOUT, TCSBRK, 1); /* tcdrain() */
  if (call(SYS_IOPERM, DEBUG_EXIT_PORT, 1, 1) == 0) {
    __asm__ volatile("outb %b0, %w1" : : "a"(code), "Nd"(DEBUG_EXIT_PORT));
  }
  for (;;) call(SYS_EXIT, 0, 0, 0);
}

/* The kernel enters with argc and argv on the stack, aligned to 16 bytes. */
__asm__(".globl _start\n_start: mov %rsp, %rdi\n call run\n");
