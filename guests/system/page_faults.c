/* Who may do what to a page: error codes by privilege, rights, WP, SMEP, SMAP and AC. */
#include "lib/system.h"

SNIPPET(read_at, "mov (%rdi), %al");
SNIPPET(write_at, "movb $0xc3, (%rdi)");
SNIPPET(fetch_at, "jmp *%rdi");
SNIPPET(write_two_pages, "movl $0, -2(%rdi)");
SNIPPET(push_at, "mov %rsp, %rdx\nlea 8(%rdi), %rsp\npush %rax\nmov %rdx, %rsp");
SNIPPET(stac_read, "stac\nmov (%rdi), %al");
SNIPPET(load_fs, "stac\nmov %edi, %fs");

static const struct { const char *name; u64 flags; } pages[] = {
    {"absent", 0},
    {"supervisor, read-only", PAGE_PRESENT},
    {"supervisor, writable", PAGE_PRESENT | PAGE_WRITABLE},
    {"supervisor, no execution", PAGE_PRESENT | PAGE_WRITABLE | PAGE_NX},
    {"user, read-only", PAGE_PRESENT | PAGE_USER},
    {"user, writable", PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER},
    {"user, no execution", PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER | PAGE_NX},
    {"reserved bit", PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER | PAGE_RESERVED},
};
#define PAGES (sizeof pages / sizeof *pages)

static void cell(const char *name, bool trapped, u64 address) {
  print(" %s ", name);
  if (!trapped || seen.vector != 14) {
    print_outcome(trapped, 0);
  } else {
    print("%x%s", seen.error, seen_cr2 == address ? "" : " with another CR2");
  }
}

static void row(u32 i, bool in_user) {
  u64 address = (u64)window(i);
  spare[0][0] = 0xc3; /* RET */
  print(in_user ? "  ring 3:" : "  ring 0:");
  cell("read", in_user ? attempt_user(read_at, address, 0) : attempt(read_at, address), address);
  cell("write", in_user ? attempt_user(write_at, address, 0) : attempt(write_at, address), address);
  cell("fetch", in_user ? attempt_user(fetch_at, address, 0) : attempt(fetch_at, address), address);
  print("\n");
}

static void table(const char *title, bool users) {
  print("%s\n", title);
  for (u32 i = 0; i < PAGES; i++) {
    map_page(i, (u64)spare[0], pages[i].flags);
    print(" %s\n", pages[i].name);
    row(i, false);
    if (users) row(i, true);
  }
}

/* The rights of a table are those of all that it maps. */
static void table_rights(void) {
  map_page(0, (u64)spare[0], PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER);
  static const struct { const char *name; u64 clear, set; } rights[] = {
      {" directory: supervisor", PAGE_USER, 0},
      {" directory: read-only", PAGE_WRITABLE, 0},
      {" directory: no execution", 0, PAGE_NX},
      {" directory: reserved bit", 0, PAGE_RESERVED},
      {" directory: absent", PAGE_PRESENT, 0},
  };
  u64 old = window_directory[0];
  for (u32 i = 0; i < sizeof rights / sizeof *rights; i++) {
    window_directory[0] = (old & ~rights[i].clear) | rights[i].set;
    write_cr3(read_cr3());
    print("%s\n", rights[i].name);
    row(0, true);
  }
  window_directory[0] = old;
  write_cr3(read_cr3());
}

static void crossing(void) {
  map_page(0, (u64)spare[0], PAGE_PRESENT | PAGE_WRITABLE);
  map_page(1, 0, 0);
  *(u16 *)(spare[0] + PAGE_BYTES - 2) = 0x1234;
  report("write across pages, the second absent", attempt(write_two_pages, (u64)window(1)), write_two_pages);
  print(" bytes of the first page: %x\n", (u64) * (u16 *)(spare[0] + PAGE_BYTES - 2));
  /* An instruction of two bytes that begins in the last one of a page. */
  spare[0][PAGE_BYTES - 1] = 0x0f;
  report("fetch across pages, the second absent", attempt(fetch_at, (u64)window(1) - 1), window(1) - 1);
  report("push to an absent page", attempt(push_at, (u64)window(1)), push_at);
}

void system_main(void) {
  u64 cr0 = read_cr0(), cr4 = read_cr4();
  table("WP clear", true);
  write_cr0(cr0 | CR0_WP);
  table("WP set", true);
  table_rights();
  crossing();
  write_cr4(cr4 | CR4_SMEP);
  table("SMEP", false);
  write_cr4(cr4 | CR4_SMAP);
  table("SMAP", false);
  map_page(5, (u64)spare[0], pages[5].flags);
  report("SMAP, AC set", attempt(stac_read, (u64)window(5)), stac_read);
  /* What the processor does by itself is not let through by AC. */
  u64 *descriptors = (u64 *)spare[1];
  descriptors[1] = gdt[KERNEL_DATA / 8];
  map_page(6, (u64)spare[1], pages[5].flags);
  u64 base = (u64)window(6);
  gdt[TEST / 8] = 15 | (base & 0xffffff) << 16 | 0x82ull << 40 | (base >> 24 & 0xff) << 56;
  gdt[TEST / 8 + 1] = base >> 32;
  __asm__ volatile("lldt %w0" : : "r"(TEST));
  report("SMAP, AC set, descriptor table in a user page", attempt(load_fs, 8 | 4), load_fs);
  write_cr4(cr4 | CR4_SMEP | CR4_SMAP);
  map_page(5, (u64)spare[0], pages[5].flags);
  print("SMEP and SMAP, ring 3\n");
  row(5, true);
}
