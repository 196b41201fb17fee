/* Accessed and dirty bits; what INVLPG, CR3 and CR4 make visible; global pages; PCID. */
#include "lib/system.h"

SNIPPET(read_at, "mov (%rdi), %eax");
SNIPPET(write_at, "movl $7, (%rdi)");
SNIPPET(exchange_at, "lock cmpxchg %ecx, (%rdi)");
SNIPPET(fetch_at, "jmp *%rdi");
SNIPPET(set_pcide, "mov %rdi, %cr4");

static u64 bits(u64 entry) { return entry & (PAGE_ACCESSED | PAGE_DIRTY); }

#define RW (PAGE_PRESENT | PAGE_WRITABLE)

static void accessed(const char *what, void *code, u64 flags) {
  spare[0][0] = 0xc3;
  map_page(0, (u64)spare[0], flags);
  window_directory[0] &= ~(u64)(PAGE_ACCESSED | PAGE_DIRTY);
  pdpt[WINDOW >> 30] &= ~(u64)(PAGE_ACCESSED | PAGE_DIRTY);
  write_cr3(read_cr3());
  bool trapped = attempt(code, (u64)window(0));
  print("%s: ", what);
  print_outcome(trapped, code);
  print(", page %x, directory %x, its own %x\n", bits(window_table[0]), bits(window_directory[0]),
        bits(pdpt[WINDOW >> 30]));
}

static void accessed_and_dirty(void) {
  accessed("read", read_at, RW);
  accessed("write", write_at, RW);
  accessed("fetch", fetch_at, RW);
  accessed("locked exchange", exchange_at, RW);
  u64 cr0 = read_cr0();
  write_cr0(cr0 | CR0_WP);
  accessed("write to a read-only page", write_at, PAGE_PRESENT);
  write_cr0(cr0);
  map_page(0, (u64)spare[0], RW);
  attempt(read_at, (u64)window(0));
  print("after a read: %x", bits(window_table[0]));
  attempt(write_at, (u64)window(0));
  print(", and a write behind it: %x\n", bits(window_table[0]));
  u64 old = window_directory[1];
  window_directory[1] = 0x200000 | RW | PAGE_LARGE;
  u64 large = WINDOW + 0x200000;
  invlpg((void *)large);
  attempt(read_at, large);
  print("large page, read: %x", bits(window_directory[1]));
  attempt(read_at, large + 0x1000);
  attempt(write_at, large + 0x5000);
  print(", written elsewhere: %x\n", bits(window_directory[1]));
  window_directory[1] = old;
  invlpg((void *)large);
}

static u32 value(u32 page) { return *(volatile u32 *)window(page); }

static void changes(void) {
  for (u32 i = 0; i < 8; i++) *(u32 *)spare[i] = 100 + i;
  map_page(0, (u64)spare[0], RW);
  print("mapped: %u", (u64)value(0));
  map_page(0, (u64)spare[1], RW);
  print(", mapped elsewhere and INVLPG: %u", (u64)value(0));
  window_table[0] = (u64)spare[2] | RW;
  barrier();
  write_cr3(read_cr3());
  print(", by CR3: %u", (u64)value(0));
  window_table[0] = (u64)spare[3] | RW;
  barrier();
  write_cr4(read_cr4() ^ CR4_PGE);
  write_cr4(read_cr4() ^ CR4_PGE);
  print(", by CR4.PGE: %u\n", (u64)value(0));

  window_table[1] = 0;
  invlpg(window(1));
  bool trapped = attempt(read_at, (u64)window(1));
  report("absent", trapped, read_at);
  *(volatile u64 *)&window_table[1] = (u64)spare[4] | RW;
  print("present without INVLPG: %u\n", (u64)value(1));
  map_page(1, (u64)spare[4], 0);
  report("absent again", attempt(read_at, (u64)window(1)), read_at);

  /* INVLPG forgets the whole large page, and what is known of the tables above. */
  static u64 other_table[512] __attribute__((aligned(PAGE_BYTES)));
  for (u32 i = 0; i < 512; i++) other_table[i] = (u64)spare[5] | RW;
  u64 old = window_directory[0];
  print("before another table: %u", (u64)value(0));
  window_directory[0] = (u64)other_table | 7;
  barrier();
  invlpg(window(0));
  print(", behind it: %u\n", (u64)value(0));
  window_directory[0] = old;
  write_cr3(read_cr3());

  window_directory[1] = 0x400000 | RW | PAGE_LARGE;
  *(volatile u32 *)0x400000 = 1;
  *(volatile u32 *)0x401000 = 2;
  *(volatile u32 *)0x600000 = 3;
  *(volatile u32 *)0x601000 = 4;
  volatile u32 *large = (u32 *)(u64)(WINDOW + 0x200000);
  print("large page: %u %u", (u64)large[0], (u64)large[1024]);
  window_directory[1] = 0x600000 | RW | PAGE_LARGE;
  barrier();
  invlpg((void *)(WINDOW + 0x201000));
  print(", INVLPG of its second part: %u %u\n", (u64)large[0], (u64)large[1024]);
  window_directory[1] = 0;
  invlpg((void *)large);
}

/* A global page may survive a change of CR3 and must not survive one of CR4.PGE or INVLPG. */
static void global_pages(void) {
  write_cr4(read_cr4() | CR4_PGE);
  map_page(2, (u64)spare[0], RW | PAGE_GLOBAL);
  print("global: %u", (u64)value(2));
  window_table[2] = (u64)spare[1] | RW | PAGE_GLOBAL;
  barrier();
  write_cr4(read_cr4() & ~(u64)CR4_PGE);
  print(", PGE cleared: %u", (u64)value(2));
  write_cr4(read_cr4() | CR4_PGE);
  (void)value(2);
  map_page(2, (u64)spare[2], RW | PAGE_GLOBAL);
  print(", INVLPG: %u", (u64)value(2));
  window_table[2] = (u64)spare[3] | RW;
  barrier();
  invlpg(window(2));
  print(", no longer global: %u", (u64)value(2));
  window_table[2] = (u64)spare[4] | RW;
  barrier();
  write_cr3(read_cr3());
  print(", CR3: %u\n", (u64)value(2));
}

static void invpcid(u64 type, u64 pcid, u64 address) {
  struct { u64 pcid, address; } descriptor = {pcid, address};
  __asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(type) : "memory");
}

#define KEEP (1ull << 63)
#define CPUID_PCID (1u << 17)
#define CPUID_INVPCID (1u << 10)

SNIPPET(invpcid_bad_type, "push $0\npush $0\nmov $4, %eax\ninvpcid (%rsp), %rax\nadd $16, %rsp");
SNIPPET(invpcid_bad_pcid, "push $0\npush $0x1000\nmov $0, %eax\ninvpcid (%rsp), %rax\nadd $16, %rsp");

static void process_contexts(void) {
  if (!(cpuid(1, 0).ecx & CPUID_PCID)) {
    print("pcid: absent\n");
    return;
  }
  u64 cr3 = read_cr3(), cr4 = read_cr4();
  write_cr3(cr3 | 1);
  report("pcid: PCIDE with a PCID in CR3", attempt(set_pcide, cr4 | CR4_PCIDE), set_pcide);
  write_cr3(cr3);
  write_cr4(cr4 | CR4_PCIDE);
  map_page(3, (u64)spare[0], RW);
  print("pcid: context 0: %u", (u64)value(3));
  write_cr3(cr3 | 1);
  window_table[3] = (u64)spare[1] | RW;
  barrier();
  print(", new context 1: %u", (u64)value(3));
  write_cr3(cr3);
  print(", context 0 forgotten: %u\n", (u64)value(3));
  write_cr3(cr3 | 2 | KEEP);
  (void)value(3);
  print("pcid: bit 63 reads as %u\n", read_cr3() >> 63);
  if (cpuid(7, 0).ebx & CPUID_INVPCID) {
    window_table[3] = (u64)spare[2] | RW;
    barrier();
    invpcid(0, 2, (u64)window(3));
    print("invpcid: an address: %u", (u64)value(3));
    window_table[3] = (u64)spare[3] | RW;
    barrier();
    invpcid(1, 2, 0);
    print(", a context: %u", (u64)value(3));
    window_table[3] = (u64)spare[4] | RW | PAGE_GLOBAL;
    barrier();
    invpcid(2, 0, 0);
    print(", all: %u", (u64)value(3));
    window_table[3] = (u64)spare[5] | RW;
    barrier();
    invpcid(2, 0, 0);
    (void)value(3);
    window_table[3] = (u64)spare[6] | RW;
    barrier();
    invpcid(3, 0, 0);
    print(", all but global: %u\n", (u64)value(3));
    report("invpcid: type 4", attempt(invpcid_bad_type, 0), invpcid_bad_type);
    report("invpcid: a PCID of 13 bits", attempt(invpcid_bad_pcid, 0), invpcid_bad_pcid);
  } else {
    print("invpcid: absent\n");
  }
  write_cr3(cr3);
  write_cr4(cr4);
}

void system_main(void) {
  accessed_and_dirty();
  changes();
  global_pages();
  process_contexts();
}
