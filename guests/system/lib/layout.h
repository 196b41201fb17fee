/* Constants that the boot code, the linker script and the C code share. */
#ifndef LAYOUT_H
#define LAYOUT_H

/* In the order that SYSENTER and SYSEXIT want (SDM volume 3, 5.8.7). */
#define BOOT_CODE 0x08
#define KERNEL_CODE 0x10
#define KERNEL_DATA 0x18
#define USER_CODE32 0x23
#define USER_DATA 0x2b
#define USER_CODE 0x33
#define USER_DATA64 0x3b
#define TASK 0x40    /* 16 bytes */
#define TEST 0x50    /* the first of TEST_SLOTS that a guest may fill in */
#define TEST_SLOTS 16
#define SYSRET_BASE 0x20

#define STACK_BYTES 16384
#define TSS_BYTES 104
#define TSS_PORTS 256 /* that the I/O bitmap speaks of */

/* Memory, seen again with the rights of user mode. */
#define USER_ALIAS 0x40000000
/* A page table of the guest's own: 2 MiB from here. */
#define WINDOW 0x80000000

#define PAGE_PRESENT 0x1
#define PAGE_WRITABLE 0x2
#define PAGE_USER 0x4
#define PAGE_ACCESSED 0x20
#define PAGE_DIRTY 0x40
#define PAGE_LARGE 0x80
#define PAGE_GLOBAL 0x100
#define PAGE_RESERVED (1ull << 51)
#define PAGE_NX (1ull << 63)

#define END_OF_USER 0x80 /* the vector by which code in ring 3 ends */

#endif
