/* The smallest guest: says that it runs, in which ring, and powers off. park=MS waits before. */
#include "lib/guest.h"

void guest_main(void) {
  u64 cs;
  __asm__("mov %%cs, %0" : "=r"(cs));
  print("hello from ring ");
  print_number(cs & 3);
  print(platform.splitx ? " on splitx\n" : " on another hypervisor\n");
  if (*platform.command) {
    print("command line: ");
    print(platform.command);
    print("\n");
  }
  u64 milliseconds = option_number("park", 0);
  if (milliseconds) park(milliseconds * 1000000);
}
