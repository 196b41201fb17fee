/* Constants that the boot code, the linker script and the C code share. */
#ifndef LAYOUT_H
#define LAYOUT_H

#define MAX_VCPUS 8 /* a power of two */
#define STACK_BYTES 16384

/* Vectors: exceptions, then one of devices and the local APIC's spurious one. */
#define EXCEPTIONS 32
#define INTERRUPT_VECTOR 32
#define SPURIOUS_VECTOR 33
#define VECTORS 34

#define TSS_BYTES 104

/* The ring-3 selectors are Linux's own: hosts that run ring 3 natively return to no others. */
#define KERNEL_CODE 0x10
#define KERNEL_DATA 0x18
#define USER_DATA 0x2b
#define USER_CODE 0x33
#define FIRST_TSS 0x40

#define CR0_PG_AM_WP_NE_ET_MP_PE 0x80050033
#define CR4_PAE_OSFXSR_OSXMMEXCPT 0x620
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define RFLAGS_RESERVED 2
#define RFLAGS_IF 0x200
#define CPUID_1_EDX_APIC 0x200

/* Interrupt mask registers of the two 8259s. */
#define PIC_MASTER_MASK 0x21
#define PIC_SLAVE_MASK 0xa1

#define PAGE_USER 0x7          /* present, writable, user */
#define PAGE_USER_LARGE 0x87   /* and 2 MiB */
#define PAGE_USER_DEVICE 0x9f  /* and uncached */
#define DEVICE_HOLE 0xc0000000 /* RAM lies below, devices above */

#endif
