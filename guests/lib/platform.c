#include "guest.h"

/* struct hvm_start_info of the PVH boot protocol, as far as a guest of ours reads it. */
struct start_info {
  u32 magic;
  u32 version;
  u32 flags;
  u32 modules;
  u64 module_list;
  u64 command_line;
};
#define START_INFO_MAGIC 0x336ec578

struct platform platform;

/* Written by boot.S. */
extern struct sx_hypercall_page *hypercall_pages[MAX_VCPUS];
extern u32 boot_tick_khz;
extern u8 stacks[];

struct sx_hypercall_page *hypercall_page(void) {
  u64 here;
  __asm__("mov %%rsp, %0" : "=r"(here));
  return hypercall_pages[(here - (u64)stacks) / STACK_BYTES];
}

/* Entered from boot.S in ring 3, on every vCPU. */
__attribute__((noreturn)) void start(u32 vcpu, u32 start_info, u32 flags) {
  const struct start_info *info = (const struct start_info *)(u64)start_info;
  if (vcpu != 0) {
    if (vcpu_main) vcpu_main(vcpu);
    for (;;) park(0);
  }
  platform.splitx = hypercall_pages[0] != NULL;
  platform.interrupts = flags & RFLAGS_IF;
  platform.tick_khz = boot_tick_khz;
  platform.command =
      info->magic == START_INFO_MAGIC && info->command_line ? (const char *)info->command_line : "";
  guest_main();
  power_off(0);
}
