/*
 * From the PVH entry to 64-bit ring 3.
 *
 * Some hosts run only ring 3 natively and interpret everything before it, about a microsecond an
 * instruction and without SSE, INT or many other instructions. So the way there is short, integer
 * only, and every table is a constant of the image. Port I/O from ring 3 is allowed by the TSS
 * bitmap (an IOPL of 3 is lost on such hosts). Exceptions arrive in ring 3 on the same stack: no
 * red zone.
 *
 * Ring 3 can never change whether interrupts are on, so that is settled here: they are where there
 * are interrupt controllers. Nothing sends any before interrupts_start(): the 8259s are masked, and until then
 * the local APIC, the I/O APIC and the devices are as after a reset.
 *
 * The vCPU's hypercall page and the TSC frequency, as CPUID tells them, are left in
 * `hypercall_pages` and `boot_tick_khz`; both stay 0 on another hypervisor.
 *
 * Every vCPU starts here; its initial APIC id tells which one it is.
 */
#include "../../stub/abi.h"
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
pvh_entry:                      /* ebx: struct hvm_start_info */
  movl %ebx, %ebp
  lgdtl gdt_pointer
  movl $1, %eax
  cpuid
  shrl $24, %ebx
  andl $(MAX_VCPUS - 1), %ebx
  movl %ebx, %edi               /* vCPU index */
  movl %edx, %esi
  andl $CPUID_1_EDX_APIC, %esi  /* not 0: there are interrupt controllers */
  /* Is the runtime there? Asked here because some hosts do not trap CPUID in ring 3. */
  movl $SX_CPUID_SIGNATURE, %eax
  cpuid
  cmpl $SX_SIGNATURE_EBX, %ebx
  jne not_splitx
  cmpl $SX_SIGNATURE_ECX, %ecx
  jne not_splitx
  cmpl $SX_SIGNATURE_EDX, %edx
  jne not_splitx
  movl $SX_CPUID_FEATURES, %eax
  cpuid
  movl %ecx, hypercall_pages(, %edi, 8)
  movl %edx, hypercall_pages + 4(, %edi, 8)
  movl %ebx, %esi
  andl $SX_FEATURE_INTERRUPTS, %esi
  movl $SX_CPUID_TIMING, %eax
  cpuid
  movl %eax, boot_tick_khz
not_splitx:
  testl %esi, %esi
  je no_interrupts
  movb $0xff, %al
  outb %al, $PIC_MASTER_MASK
  outb %al, $PIC_SLAVE_MASK
  movl $RFLAGS_IF, %esi
no_interrupts:
  orl $RFLAGS_RESERVED, %esi    /* flags of ring 3 */
  movl $CR4_PAE_OSFXSR_OSXMMEXCPT, %eax
  movl %eax, %cr4
  movl $pml4, %eax
  movl %eax, %cr3
  movl $MSR_EFER, %ecx
  rdmsr
  orl $EFER_LME, %eax
  wrmsr
  movl $CR0_PG_AM_WP_NE_ET_MP_PE, %eax
  movl %eax, %cr0
  ljmpl $KERNEL_CODE, $long_mode

  .code64
long_mode:
  movl $USER_DATA, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %fs
  movl %eax, %gs
  movl $KERNEL_DATA, %eax
  movl %eax, %ss
  movl %edi, %eax               /* LTR marks its descriptor busy: one for each vCPU */
  shll $4, %eax
  addl $FIRST_TSS, %eax
  ltr %ax
  lidt idt_pointer
  movl %edi, %eax
  incl %eax
  imull $STACK_BYTES, %eax, %eax
  addl $stacks, %eax
  movl %eax, %esp               /* the top of this vCPU's stack */
  pushq $USER_DATA
  pushq %rax
  pushq %rsi
  pushq $USER_CODE
  pushq $ring3
  iretq

ring3:
  movl %edi, %edi
  movl %esi, %edx
  movl %ebp, %esi
  call start                    /* void start(u32 vcpu, u32 start_info, u32 flags), no return */
  ud2

  .altmacro                     /* so that %index passes the value, not the symbol */
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
  .rept EXCEPTIONS
  vector_entry %index
  .set index, index + 1
  .endr
  .noaltmacro
  .balign 16                    /* INTERRUPT_VECTOR */
  jmp interrupt_common
  .balign 16                    /* SPURIOUS_VECTOR, which takes no EOI (SDM volume 3, 11.9) */
  iretq
vectors_end:
  .globl vectors_end

trap_common:
  pushq %rax
  pushq %rcx
  pushq %rdx
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  cld
  movq %rsp, %rdi
  andq $-16, %rsp
  call trap                     /* void trap(const struct trap_frame *), does not return */
  ud2

interrupt_common:               /* nine registers and the frame: the stack stays aligned to 16 */
  pushq %rax
  pushq %rcx
  pushq %rdx
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  cld
  call interrupt                /* void interrupt(void) */
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rdi
  popq %rsi
  popq %rdx
  popq %rcx
  popq %rax
  iretq

  .section .tables, "aw"
  .balign 4096
pml4:
  .quad pdpt + PAGE_USER
  .fill 511, 8, 0
pdpt:
  .quad page_directories + PAGE_USER
  .quad page_directories + 0x1000 + PAGE_USER
  .quad page_directories + 0x2000 + PAGE_USER
  .quad page_directories + 0x3000 + PAGE_USER
  .fill 508, 8, 0
page_directories:               /* 4 GiB, one to one, by 2 MiB pages; uncached where devices lie */
  .set address, 0
  .rept 2048
  .if address >= DEVICE_HOLE
  .quad address + PAGE_USER_DEVICE
  .else
  .quad address + PAGE_USER_LARGE
  .endif
  .set address, address + 0x200000
  .endr

  .globl tss
tss:
  .fill 102, 1, 0
  .word TSS_BYTES               /* where the I/O bitmap starts */
  .fill 8192, 1, 0              /* every port is allowed */
  .byte 0xff
tss_end:

  .balign 16
gdt:
  .quad 0
  .quad 0x00cf9b000000ffff      /* 0x08 flat 32-bit code */
  .quad 0x00af9b000000ffff      /* KERNEL_CODE */
  .quad 0x00cf93000000ffff      /* KERNEL_DATA */
  .quad 0
  .quad 0x00cff3000000ffff      /* USER_DATA */
  .quad 0x00affb000000ffff      /* USER_CODE */
  .quad 0
  .rept MAX_VCPUS               /* FIRST_TSS */
  .word tss_end - tss - 1, TSS_LOW
  .byte TSS_MIDDLE, 0x89, 0, TSS_HIGH
  .quad 0
  .endr
gdt_end:
gdt_pointer:
  .word gdt_end - gdt - 1
  .quad gdt

  .balign 16
  .globl idt
idt:
  .set index, 0
  .rept VECTORS
  .word VECTORS_LOW + index * 16, USER_CODE
  .if index < EXCEPTIONS
  .byte 0, 0xee                 /* interrupt gate, DPL 3, no stack switch */
  .else
  .byte 0, 0xef                 /* trap gate: IF stays on */
  .endif
  .word VECTORS_HIGH
  .quad 0
  .set index, index + 1
  .endr
idt_end:
idt_pointer:
  .word idt_end - idt - 1
  .quad idt

  .bss
  .balign 16
  .globl stacks
stacks:
  .fill MAX_VCPUS * STACK_BYTES, 1, 0

  .globl hypercall_pages
hypercall_pages:
  .fill MAX_VCPUS, 8, 0
  .globl boot_tick_khz
boot_tick_khz:
  .fill 1, 4, 0

  .section .note.GNU-stack, "", @progbits
