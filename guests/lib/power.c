#include "guest.h"

void power_off(u8 code) {
  print_flush();
  if (platform.splitx) {
    call_by_exit(SX_CALL_POWER_OFF, code, 0, 0);
  } else {
    out32(SX_PORT_DEBUG_EXIT, code);
  }
  for (;;) relax();
}

void give_up(const char *why) {
  print(why);
  print("\n");
  power_off(1);
}

void park(u64 nanoseconds) {
  if (hypercall_page()) {
    call_by_exit(SX_CALL_PARK, nanoseconds, 0, 0);
  } else {
    relax();
  }
}
