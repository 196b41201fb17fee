#include "guest.h"

struct trap_frame {
  u64 r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
  u64 vector, error, rip, cs, rflags, rsp, ss;
};

#define TRAP_EXIT_CODE 125

/* Entered from boot.S: an exception ends a micro guest, with the reason on its console. */
__attribute__((noreturn)) void trap(const struct trap_frame *frame) {
  print("trap vector=");
  print_number(frame->vector);
  print(" error=0x");
  print_hex(frame->error, 8);
  print(" rip=0x");
  print_hex(frame->rip, 16);
  print("\n");
  power_off(TRAP_EXIT_CODE);
}
