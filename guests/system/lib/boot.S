/* From the PVH entry to 64-bit ring 0 with tables of its own, and the way into and out of traps. */
#include "layout.h"

  .section .note.pvh, "a", @note
  .balign 4
  .long 4                       /* size of the name */
  .long 8                       /* size of the descriptor */
  .long 18                      /* XEN_ELFNOTE_PHYS32_ENTRY */
  .asciz "Xen"
  .quad pvh_entry

  .section .boot, "ax"
  .code32
  .globl pvh_entry
pvh_entry:
  movl $boot_stack_end, %esp
  lgdtl gdt_pointer
  call enter_long_mode
  ljmpl $KERNEL_CODE, $start64

/* Paging and 64-bit mode on; the caller jumps to a 64-bit segment then. */
  .globl enter_long_mode
enter_long_mode:
  movl $0x620, %eax             /* CR4: PAE, OSFXSR, OSXMMEXCPT */
  movl %eax, %cr4
  movl $pml4, %eax
  movl %eax, %cr3
  movl $0xc0000080, %ecx        /* EFER: SCE, LME, NXE */
  rdmsr
  orl $0x901, %eax
  wrmsr
  movl $0x80000033, %eax        /* CR0: PG, NE, ET, MP, PE */
  movl %eax, %cr0
  ret

  .code64
start64:
  movl $KERNEL_DATA, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  xorl %eax, %eax
  movl %eax, %fs
  movl %eax, %gs
  movl $stack_end, %esp
  call system_start
  ud2

  .altmacro
  .macro vector_entry number
  .balign 16
  .if (\number==8)||(\number==17)||(\number==21)||((\number>=10)&&(\number<=14))
  .else
  pushq $0                      /* the vectors without an error code */
  .endif
  pushq $\number
  jmp trap_common
  .endm

  .balign 16
  .globl vectors
vectors:
  .set index, 0
  .rept 256
  vector_entry %index
  .set index, index + 1
  .endr
  .noaltmacro

trap_common:                    /* struct trap of system.h */
  pushq %rax
  pushq %rcx
  pushq %rdx
  pushq %rbx
  pushq %rbp
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  cld
  movq %rsp, %rdi
  movq %rsp, %rbx
  andq $-16, %rsp
  call trap                     /* void trap(struct trap *) */
  movq %rbx, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rdi
  popq %rsi
  popq %rbp
  popq %rbx
  popq %rdx
  popq %rcx
  popq %rax
  addq $16, %rsp
  .globl trap_return
trap_return:
  iretq

/* bool attempt(void *code, u64 argument): whether it trapped */
  .globl attempt
attempt:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, recover_stack
  movq %rdi, %rax
  movq %rsi, %rdi
  call *%rax
  xorl %eax, %eax
  jmp 1f
  .globl recover
recover:                        /* from trap() */
  movl $1, %eax
  movq recover_stack, %rsp
1:
  movq $0, recover_stack
  movl $KERNEL_DATA, %ecx
  movl %ecx, %ds
  movl %ecx, %es
  movl %ecx, %ss
  pushq $2
  popfq
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret

/* u64 enter_user(u64 code, u64 argument, u64 flags, u64 stack, u64 cs): by IRET, without a way back */
  .globl enter_user
enter_user:
  pushq $USER_DATA
  pushq %rcx
  pushq %rdx
  pushq %r8
  pushq %rdi
  movq %rsi, %rdi
  movl $USER_DATA, %ecx
  movl %ecx, %ds
  movl %ecx, %es
  .globl enter_user_iret
enter_user_iret:
  iretq

/* Where code in ring 3 returns to. */
  .globl user_end
user_end:
  int $END_OF_USER

  .section .tables, "aw"
  .balign 4096
  .globl pml4, pdpt, kernel_directory, window_directory, window_table
pml4:
  .quad pdpt + 7
  .fill 511, 8, 0
pdpt:
  .quad kernel_directory + 3
  .quad user_directory + 7
  .quad window_directory + 7
  .quad device_directory + 3
  .fill 508, 8, 0
kernel_directory:               /* 1 GiB, one to one, for ring 0 */
  .set address, 0
  .rept 512
  .quad address + 0x83
  .set address, address + 0x200000
  .endr
user_directory:                 /* the same at USER_ALIAS for ring 3 */
  .set address, 0
  .rept 512
  .quad address + 0x87
  .set address, address + 0x200000
  .endr
device_directory:               /* from 3 GiB, uncached */
  .set address, 0xc0000000
  .rept 512
  .quad address + 0x9b
  .set address, address + 0x200000
  .endr
window_directory:
  .quad window_table + 7
  .fill 511, 8, 0
window_table:
  .fill 512, 8, 0

  .balign 16
  .globl gdt, gdt_pointer
gdt:
  .quad 0
  .quad 0x00cf9b000000ffff      /* BOOT_CODE */
  .quad 0x00af9b000000ffff      /* KERNEL_CODE */
  .quad 0x00cf93000000ffff      /* KERNEL_DATA */
  .quad 0x00cffb000000ffff      /* USER_CODE32 */
  .quad 0x00cff3000000ffff      /* USER_DATA */
  .quad 0x00affb000000ffff      /* USER_CODE */
  .quad 0x00cff3000000ffff      /* USER_DATA64 */
  .quad 0, 0                    /* TASK, which system_start() fills in */
  .fill TEST_SLOTS, 8, 0
gdt_end:
gdt_pointer:
  .word gdt_end - gdt - 1
  .quad gdt

  .balign 16
  .globl idt, idt_pointer
idt:
  .fill 256 * 2, 8, 0
idt_end:
idt_pointer:
  .word idt_end - idt - 1
  .quad idt

  .balign 16
  .globl tss
  .fill 4, 1, 0
tss:
  .fill 102, 1, 0
  .word TSS_BYTES
  .fill TSS_PORTS / 8, 1, 0xff
  .byte 0xff

  .bss
  .balign 16
  .fill 256, 1, 0
boot_stack_end:
  .fill STACK_BYTES, 1, 0
  .globl stack_end, trap_stack_end, other_stack_end, user_stack_end, recover_stack
stack_end:                      /* of ring 0 */
  .fill STACK_BYTES, 1, 0
trap_stack_end:                 /* RSP0 */
  .fill STACK_BYTES, 1, 0
other_stack_end:                /* of tests: IST, the second vCPU */
  .fill STACK_BYTES, 1, 0
user_stack_end:
recover_stack:
  .quad 0

  .section .note.GNU-stack, "", @progbits
