/*
 * The smallest guest: says that it runs, in which ring, and powers off. park=MS waits before;
 * others=COUNT waits until so many further vCPUs have said that they run.
 */
#include "lib/guest.h"

static u32 others;

/* Has a line of its own: print() is vCPU 0's. */
void vcpu_main(u32 vcpu) {
  char line[] = "vCPU ? runs\n";
  line[5] = (char)('0' + vcpu % 10);
  call(SX_CALL_CONSOLE_WRITE, (u64)line, sizeof line - 1, 0);
  __atomic_add_fetch(&others, 1, __ATOMIC_RELEASE);
}

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
  u64 awaited = option_number("others", 0);
  while (__atomic_load_n(&others, __ATOMIC_ACQUIRE) < awaited) relax();
  u64 milliseconds = option_number("park", 0);
  if (milliseconds) park(milliseconds * 1000000);
}
