/* Reads its serial port and prints each line that was typed, until Ctrl-D. */
#include "lib/guest.h"

enum { DATA_READY = 1, CTRL_D = 4 };

static char typed(void) {
  while (!(in8(SX_PORT_COM1_STATUS) & DATA_READY)) relax();
  return (char)in8(SX_PORT_COM1);
}

void guest_main(void) {
  char text[128];
  u32 used = 0;
  print("type\n");
  for (char c; (c = typed()) != CTRL_D;) {
    if (c != '\n' && c != '\r') {
      if (used < sizeof text - 1) text[used++] = c;
      continue;
    }
    text[used] = 0;
    used = 0;
    print("echo: ");
    print(text);
    print("\n");
  }
}
