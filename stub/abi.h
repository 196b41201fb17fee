/*
 * The one layout shared by the stub, the TypeScript hypervisor and the guests.
 *
 * `cores/abi.ts` is generated from this file by `build/abi.ts`; a test fails when the two drift.
 * Words are little-endian. A 64-bit value crosses as two 32-bit halves, low half first, because a
 * hypervisor core must not touch a BigInt. In every line the payload is written first and `seq`
 * last: x86 keeps stores in order, so whoever sees the new `seq` sees the payload.
 * Each line has one writer and lies 128 bytes from the next (the adjacent-line prefetcher pairs
 * 64-byte lines).
 */
#ifndef SX_ABI_H
#define SX_ABI_H

#define SX_ABI_VERSION 1

/* Exit reasons: basic exit reasons of the Intel SDM, volume 3, appendix C. */
#define SX_EXIT_EXCEPTION 0 /* or an NMI */
#define SX_EXIT_EXTERNAL_INTERRUPT 1
#define SX_EXIT_TRIPLE_FAULT 2
#define SX_EXIT_INIT 3
#define SX_EXIT_SIPI 4
#define SX_EXIT_INTERRUPT_WINDOW 7
#define SX_EXIT_NMI_WINDOW 8
#define SX_EXIT_TASK_SWITCH 9
#define SX_EXIT_CPUID 10
#define SX_EXIT_HLT 12
#define SX_EXIT_INVD 13
#define SX_EXIT_INVLPG 14
#define SX_EXIT_RDPMC 15
#define SX_EXIT_RDTSC 16
#define SX_EXIT_VMCALL 18
#define SX_EXIT_VMCLEAR 19
#define SX_EXIT_VMLAUNCH 20
#define SX_EXIT_VMPTRLD 21
#define SX_EXIT_VMPTRST 22
#define SX_EXIT_VMREAD 23
#define SX_EXIT_VMRESUME 24
#define SX_EXIT_VMWRITE 25
#define SX_EXIT_VMXOFF 26
#define SX_EXIT_VMXON 27
#define SX_EXIT_CR_ACCESS 28
#define SX_EXIT_MOV_DR 29
#define SX_EXIT_IO 30
#define SX_EXIT_RDMSR 31
#define SX_EXIT_WRMSR 32
#define SX_EXIT_ENTRY_FAILURE 33
#define SX_EXIT_MWAIT 36
#define SX_EXIT_MONITOR_TRAP 37
#define SX_EXIT_MONITOR 39
#define SX_EXIT_PAUSE 40
#define SX_EXIT_EOI 45 /* of a level-triggered interrupt; the address is its vector */
#define SX_EXIT_GDTR_IDTR 46
#define SX_EXIT_LDTR_TR 47
#define SX_EXIT_EPT_VIOLATION 48
#define SX_EXIT_EPT_MISCONFIGURATION 49
#define SX_EXIT_INVEPT 50
#define SX_EXIT_RDTSCP 51
#define SX_EXIT_PREEMPTION_TIMER 52
#define SX_EXIT_INVVPID 53
#define SX_EXIT_WBINVD 54
#define SX_EXIT_XSETBV 55
#define SX_EXIT_RDRAND 57
#define SX_EXIT_INVPCID 58
#define SX_EXIT_RDSEED 61
/* Of a virtual clock: the hypervisor is asked to look at what it would poll. */
#define SX_EXIT_POLL 93
/* Above the SDM's numbers: the engine could not run the guest on, and a kick from another core. */
#define SX_EXIT_ENGINE_ERROR 94
#define SX_EXIT_KICK 95
#define SX_EXIT_REASONS 96

/* sx_event.flags: bit 0 set on a write, bits 8 to 15 the access size in bytes. */
#define SX_EVENT_WRITE 1
/* The vCPU's controls made this exit: all about it is in the block's `controlled_exit`. */
#define SX_EVENT_CONTROLLED 2
#define SX_EVENT_SIZE_SHIFT 8

/* What a vCPU is told to do (sx_control.command, written by the hypervisor). */
#define SX_COMMAND_RUN 0
#define SX_COMMAND_PAUSE 1
#define SX_COMMAND_STOP 2

/* What a vCPU says it does (sx_state.state, written by the stub). */
#define SX_VCPU_CREATED 0
#define SX_VCPU_RUNNING 1
#define SX_VCPU_PAUSED 2
#define SX_VCPU_STOPPED 3

/* sx_completion.action */
#define SX_ACTION_RESUME 0
/* Leave the guest core idle until a kick, or for `data` nanoseconds when that is not zero. */
#define SX_ACTION_PARK 1
/* After an exit that controls made: go on behind the instruction that made it. SX_ACTION_RESUME runs
 * it again, or takes the guest from where sx_vcpu_set_state() has put it. */
#define SX_ACTION_SKIP 2

/* What a hypervisor core is told to do (sx_core_block.command). */
#define SX_CORE_RUN 0
/* Leave the polling loop and read messages. */
#define SX_CORE_YIELD 1

#define SX_POSTED_DEPTH 256
#define SX_IO_BITMAP_BYTES 8192

/*
 * Buckets of waiting times: with `units` the ticks shifted right by the first number, buckets 0 and 1
 * hold 0 and 1 units; from there two belong to each power of two, and the last one has no end.
 */
#define SX_WAIT_SHIFT 4
#define SX_WAIT_BUCKETS 63

/* Hypercalls: what a guest can ask for by name. */
#define SX_CALL_NOP 0
#define SX_CALL_CONSOLE_PUT 1   /* a0 byte */
#define SX_CALL_CONSOLE_WRITE 2 /* a0 guest address, a1 length */
#define SX_CALL_CLOCK 3         /* value: nanoseconds since the Unix epoch */
#define SX_CALL_BLOCK_SIZE 4    /* value: bytes */
#define SX_CALL_BLOCK_READ 5    /* a0 byte offset, a1 guest address, a2 length; value: bytes read */
#define SX_CALL_BLOCK_WRITE 6   /* likewise; value: bytes written */
#define SX_CALL_BLOCK_FLUSH 7
#define SX_CALL_POWER_OFF 8     /* a0 exit code, 0 to 255 */
#define SX_CALL_PARK 9          /* a0 nanoseconds, 0: until a kick */
#define SX_CALLS 10

/* The largest length that one call moves. */
#define SX_CALL_MAX_BYTES 1048576

/* sx_response.status: 0 or a negative Linux errno. */
#define SX_OK 0
#define SX_EIO (-5)
#define SX_ENXIO (-6)
#define SX_EFAULT (-14)
#define SX_EINVAL (-22)
#define SX_ENOSPC (-28)
#define SX_EROFS (-30)
#define SX_ENOSYS (-38)

#define SX_NOTIFY_EXIT 0
#define SX_NOTIFY_POLLED 1

#define SX_RING_DEPTH 256

/* Ports. The low ones are those of a PC, so that one image runs here and on QEMU. */
#define SX_PORT_POST 0x80
#define SX_PORT_DEBUG_EXIT 0xf4 /* a write of c ends the guest with status (c << 1) | 1 */
#define SX_PORT_COM1 0x3f8
#define SX_PORT_COM1_STATUS 0x3fd
#define SX_PORT_HYPERCALL 0x5e0 /* an OUT serves the request that stands in the cell */
#define SX_PORT_DOORBELL 0x5e4

/* CPUID leaves by which a guest finds the runtime. */
#define SX_CPUID_SIGNATURE 0x40000000 /* ebx, ecx, edx: "SplitXSplitX" */
#define SX_CPUID_FEATURES 0x40000001  /* eax ABI version, ebx bits, edx:ecx the hypercall page */
#define SX_CPUID_TIMING 0x40000010    /* eax TSC kHz */
/* In ebx: there are interrupt controllers. Some hosts show an APIC in leaf 1 of any machine. */
#define SX_FEATURE_INTERRUPTS 1
#define SX_SIGNATURE_EBX 0x696c7053
#define SX_SIGNATURE_ECX 0x70535874
#define SX_SIGNATURE_EDX 0x5874696c

/* What executes the guest code of a machine. */
#define SX_ENGINE_KVM 0
#define SX_ENGINE_SOFT 1

/* What KVM runs natively, as the probe found it. */
#define SX_NATIVE_NONE 0
#define SX_NATIVE_RING3 1
#define SX_NATIVE_EVERYTHING 2

/*
 * Guest-physical memory: RAM from 0 to at most the first bound, then nothing (a PC's devices), and
 * the rest from the second bound upward. The host maps it in one piece, without the hole.
 */
#define SX_LOW_MEMORY_MAX 0xc0000000
#define SX_HIGH_MEMORY_START 0x100000000
#define SX_MEMORY_MAX 0x1000000000

/*
 * Controls of the soft engine: bits of sx_controls, where VT-x has them (SDM volume 3, 25.6 to 25.8).
 */
#define SX_PIN_EXTERNAL_INTERRUPT 0x1
#define SX_PIN_NMI 0x8
#define SX_PIN_VIRTUAL_NMI 0x20
#define SX_PIN_PREEMPTION_TIMER 0x40
#define SX_PRIMARY_INTERRUPT_WINDOW 0x4
#define SX_PRIMARY_HLT 0x80
#define SX_PRIMARY_INVLPG 0x200
#define SX_PRIMARY_MWAIT 0x400
#define SX_PRIMARY_RDPMC 0x800
#define SX_PRIMARY_RDTSC 0x1000
#define SX_PRIMARY_CR3_LOAD 0x8000
#define SX_PRIMARY_CR3_STORE 0x10000
#define SX_PRIMARY_CR8_LOAD 0x80000
#define SX_PRIMARY_CR8_STORE 0x100000
#define SX_PRIMARY_NMI_WINDOW 0x400000
#define SX_PRIMARY_MOV_DR 0x800000
#define SX_PRIMARY_UNCONDITIONAL_IO 0x1000000
#define SX_PRIMARY_IO_BITMAPS 0x2000000
#define SX_PRIMARY_MONITOR_TRAP 0x8000000
#define SX_PRIMARY_MSR_BITMAPS 0x10000000
#define SX_PRIMARY_MONITOR 0x20000000
#define SX_PRIMARY_PAUSE 0x40000000
#define SX_SECONDARY_EPT 0x2
#define SX_SECONDARY_DESCRIPTOR_TABLE 0x4
#define SX_SECONDARY_RDTSCP 0x8 /* 0: #UD */
/* MSRs 0x800 to 0x8ff that the bitmap lets through reach the engine's local APIC; 0: they exit. */
#define SX_SECONDARY_X2APIC 0x10
#define SX_SECONDARY_WBINVD 0x40
#define SX_SECONDARY_PAUSE_LOOP 0x400
#define SX_SECONDARY_RDRAND 0x800
#define SX_SECONDARY_INVPCID 0x1000 /* 0: #UD */
#define SX_SECONDARY_RDSEED 0x10000
#define SX_ON_EXIT_ACKNOWLEDGE 0x8000
#define SX_ON_EXIT_SAVE_TIMER 0x400000
/* Not of VT-x, which always leaves for these. 0: what a guest finds under KVM. */
#define SX_ALWAYS_CPUID 0x1        /* 0: answered from the engine's table */
#define SX_ALWAYS_INSTRUCTIONS 0x2 /* INVD, XSETBV, those of VMX; 0: the first two run, the rest is #UD */
#define SX_ALWAYS_SIGNALS 0x4      /* INIT and SIPI; 0: they do what they do */
#define SX_ALWAYS_TASK_SWITCH 0x8  /* 0: #GP */

#define SX_CR3_TARGETS 4
#define SX_MSR_BITMAP_BYTES 4096
/* Ticks of the TSC to one of the preemption timer, as a shift. */
#define SX_PREEMPTION_TIMER_SHIFT 5

/* Fields of interruption and vectoring information (25.8.3, 25.9.2, 25.9.3). */
#define SX_INTERRUPTION_VECTOR 0xff
#define SX_INTERRUPTION_TYPE_SHIFT 8
#define SX_INTERRUPTION_ERROR 0x800
#define SX_INTERRUPTION_VALID 0x80000000
#define SX_TYPE_EXTERNAL 0
#define SX_TYPE_NMI 2
#define SX_TYPE_EXCEPTION 3
#define SX_TYPE_SOFTWARE 4
#define SX_TYPE_PRIVILEGED 5
#define SX_TYPE_SOFTWARE_EXCEPTION 6

/* sx_controlled_exit.reason: the guest's state was refused (27.7). */
#define SX_REASON_ENTRY_FAILURE 0x80000000

/* Rights of a page; also what an EPT violation asked for, and from bit 3 what it was allowed. */
#define SX_EPT_READ 1
#define SX_EPT_WRITE 2
#define SX_EPT_EXECUTE 4
#define SX_EPT_ALLOWED_SHIFT 3
#define SX_EPT_LINEAR_VALID 0x80
#define SX_EPT_TRANSLATED 0x100 /* the access itself; 0: one to the guest's page tables */

/* sx_vcpu_state.interruptibility and activity (25.4.2). */
#define SX_BLOCKED_BY_STI 1
#define SX_BLOCKED_BY_MOV_SS 2
#define SX_BLOCKED_BY_NMI 8
#define SX_ACTIVE 0
#define SX_ACTIVITY_HLT 1
#define SX_ACTIVITY_WAIT_FOR_SIPI 3

#ifndef __ASSEMBLER__

typedef unsigned int sx_u32;
typedef unsigned long long sx_u64;

/* An exit event: why a vCPU needs the hypervisor. Also the slot of the posted ring. */
struct sx_event {
  sx_u32 seq;
  sx_u32 reason;
  sx_u32 flags;
  sx_u32 addr_lo; /* port, guest-physical address or leaf */
  sx_u32 addr_hi;
  sx_u32 data_lo;
  sx_u32 data_hi;
  sx_u32 rip_lo; /* only with reasons that end a guest */
  sx_u32 rip_hi;
  sx_u32 detail; /* engine's own error number, with SX_EXIT_ENGINE_ERROR */
  sx_u32 time_lo; /* of a virtual clock: the vCPU's time, cycles */
  sx_u32 time_hi;
  sx_u32 reserved[4];
};

struct sx_completion {
  sx_u32 seq;
  sx_u32 action;
  sx_u32 data_lo; /* value of a read, or nanoseconds of a park */
  sx_u32 data_hi;
  /* Of a virtual clock: what the exit cost the vCPU, and in how many cycles the hypervisor wants an
   * SX_EXIT_POLL, 0 for when it comes by itself. */
  sx_u32 cycles;
  sx_u32 due;
  sx_u32 reserved[10];
};

struct sx_control {
  sx_u32 command;
  sx_u32 kicks; /* futex word: bumped with each command, wakes a parked or paused vCPU */
  sx_u32 reserved[14];
};

struct sx_state {
  sx_u32 state;
  sx_u32 thread; /* Linux thread id that runs the vCPU */
  sx_u32 error;  /* errno of an engine call that failed, 0 when none did */
  sx_u32 reserved;
  sx_u64 first_run_ticks; /* TSC just before the guest's first instruction */
  sx_u64 guest_ticks;     /* TSC ticks spent inside the engine */
  sx_u64 wait_ticks;      /* TSC ticks between an exit event and its completion */
  sx_u64 posted;          /* events put on the posted ring */
  sx_u64 posted_full;     /* times the posted ring was full and the vCPU waited */
  sx_u64 parks;
  sx_u64 cpu_ns; /* processor time of its own thread, once that has ended */
};

/* What VT-x records of an exit (SDM volume 3, 25.9). Written before the event's `seq`. */
struct sx_controlled_exit {
  sx_u32 reason;
  sx_u32 instruction_length;
  sx_u32 instruction_information;
  sx_u32 interruption;
  sx_u32 interruption_error;
  sx_u32 vectoring;
  sx_u32 vectoring_error;
  sx_u32 preemption_timer; /* what is left of it, with SX_ON_EXIT_SAVE_TIMER */
  sx_u64 qualification;
  sx_u64 guest_linear;
  sx_u64 guest_physical;
};

/* How long exits of one reason kept a vCPU, from the event to its completion or its being posted. */
struct sx_waits {
  sx_u64 ticks;                   /* of the TSC, all together */
  sx_u64 counts[SX_WAIT_BUCKETS]; /* exits by bucket */
};

/* Private to the host: one per vCPU, never mapped into a guest. */
struct sx_vcpu_block {
  struct sx_event event; /* written by the vCPU */
  sx_u32 pad0[16];
  struct sx_completion completion; /* written by the hypervisor */
  sx_u32 pad1[16];
  struct sx_control control;
  sx_u32 pad2[16];
  sx_u32 posted_tail; /* posted events consumed, written by the hypervisor */
  sx_u32 pad3[31];
  struct sx_state state; /* written by the vCPU */
  sx_u32 pad4[14];
  /* Exit events on the guest core by reason; string I/O has one for each element. */
  sx_u64 exits[SX_EXIT_REASONS];
  struct sx_controlled_exit controlled_exit; /* of the last event with SX_EVENT_CONTROLLED */
  sx_u32 pad5[658];
  /* A set bit makes an OUT to that port a posted exit: the vCPU goes on at once. */
  unsigned char posted_ports[SX_IO_BITMAP_BYTES];
  struct sx_event posted[SX_POSTED_DEPTH];
  struct sx_waits waits[SX_EXIT_REASONS]; /* written by the vCPU */
};

/* One per hypervisor core. */
struct sx_core_block {
  sx_u32 command;
  sx_u32 pad0[31];
  sx_u32 parked; /* 1 while the loop sleeps, or is about to */
  sx_u32 pad1[31];
  double turns;
  double busy_ticks; /* TSC ticks spent serving */
  double loop_ticks; /* TSC ticks spent in the loop, parked time included */
  double parked_ticks;
  double parks;
  double served;
  double pad2[10];
};

/* What a record of a trace is. */
#define SX_TRACE_INSTRUCTION 0 /* one that was run */
#define SX_TRACE_FAULT 1       /* one that raised an exception; the vector is `detail` */
#define SX_TRACE_EXIT 2        /* one that left for the hypervisor; the SX_EXIT_* is `detail` */
#define SX_TRACE_ANSWER 3      /* the hypervisor has answered */
#define SX_TRACE_EVENT 4       /* an exception or an interrupt was delivered; the vector is `detail` */
#define SX_TRACE_START 5       /* the registers before the first record of a vCPU */

/* One record of a trace. The kinds that are no instruction have no bytes. */
struct sx_trace_record {
  sx_u64 number; /* instructions of the machine that began before */
  sx_u64 rip;
  sx_u64 flags;   /* RFLAGS after it */
  sx_u64 reg[16]; /* general registers after it, by their number in instructions */
  sx_u32 kind;
  sx_u32 vcpu;
  sx_u32 detail;
  sx_u32 code_size; /* 2, 4 or 8: how it was decoded */
  sx_u32 length;    /* of `code`; of an instruction that does not exist, what could be looked at */
  sx_u32 reserved;
  unsigned char code[16];
};

struct sx_request {
  sx_u32 seq;
  sx_u32 number;
  sx_u32 a0_lo;
  sx_u32 a0_hi;
  sx_u32 a1_lo;
  sx_u32 a1_hi;
  sx_u32 a2_lo;
  sx_u32 a2_hi;
  sx_u32 reserved[8];
};

struct sx_response {
  sx_u32 seq;
  sx_u32 status;
  sx_u32 value_lo;
  sx_u32 value_hi;
  sx_u32 reserved[12];
};

/*
 * Shared with the guest: one per vCPU, in a reserved range of guest memory. The guest may write any
 * word of it at any time, so the hypervisor keeps its own indexes and reads each word once.
 */
struct sx_hypercall_page {
  sx_u32 version;
  sx_u32 vcpu;
  sx_u32 notification; /* SX_NOTIFY_*: how the guest is asked to notify */
  sx_u32 pad0[29];
  sx_u32 doorbell; /* 1: nobody polls now, ring SX_PORT_DOORBELL after publishing */
  sx_u32 pad1[31];
  struct sx_request request; /* the synchronous cell, written by the guest */
  sx_u32 pad2[16];
  struct sx_response response;
  sx_u32 pad3[16];
  sx_u32 ring_tail; /* posted requests consumed, written by the hypervisor */
  sx_u32 pad4[31];
  sx_u32 pad5[864];
  struct sx_request ring[SX_RING_DEPTH]; /* slot i holds request n when seq == n + 1, n % depth == i */
};

/* What the soft engine leaves a guest for: fields of a VMCS by the same names. */
struct sx_controls {
  sx_u32 pin;       /* SX_PIN_* */
  sx_u32 primary;   /* SX_PRIMARY_* */
  sx_u32 secondary; /* SX_SECONDARY_* */
  sx_u32 exit;      /* SX_ON_EXIT_* */
  sx_u32 always;    /* SX_ALWAYS_* */
  sx_u32 exception_bitmap;
  sx_u32 page_fault_mask;
  sx_u32 page_fault_match;
  sx_u64 cr0_mask;
  sx_u64 cr0_shadow;
  sx_u64 cr4_mask;
  sx_u64 cr4_shadow;
  sx_u64 cr3_targets[SX_CR3_TARGETS];
  sx_u32 cr3_target_count;
  sx_u32 preemption_timer;
  sx_u32 pause_gap;    /* ticks of the TSC */
  sx_u32 pause_window; /* likewise */
  /* Behind here lie bitmaps, which need not be given each time. */
  unsigned char io_bitmap[SX_IO_BITMAP_BYTES]; /* A and B */
  unsigned char msr_bitmap[SX_MSR_BITMAP_BYTES];
};

struct sx_segment {
  sx_u64 base;
  sx_u32 limit;
  sx_u32 access; /* SDM volume 3, table 25-2 */
  sx_u32 selector;
  sx_u32 reserved;
};

/* Registers of a vCPU of the soft engine. */
struct sx_vcpu_state {
  sx_u64 registers[16]; /* by their number in instructions */
  sx_u64 rip;
  sx_u64 rflags;
  sx_u64 cr0;
  sx_u64 cr2;
  sx_u64 cr3;
  sx_u64 cr4;
  sx_u64 cr8;
  sx_u64 efer;
  sx_u64 xcr0;
  sx_u64 dr[8]; /* 4 and 5 are 0 */
  struct sx_segment segments[8]; /* ES, CS, SS, DS, FS, GS, LDTR, TR */
  sx_u64 gdtr_base;
  sx_u64 idtr_base;
  sx_u32 gdtr_limit;
  sx_u32 idtr_limit;
  sx_u64 star;
  sx_u64 lstar;
  sx_u64 cstar;
  sx_u64 sfmask;
  sx_u64 kernel_gs_base;
  sx_u64 sysenter_cs;
  sx_u64 sysenter_esp;
  sx_u64 sysenter_eip;
  sx_u64 tsc_aux;
  sx_u64 pat;
  sx_u64 tsc;              /* read only */
  sx_u32 interruptibility; /* SX_BLOCKED_BY_* */
  sx_u32 activity;
  unsigned char fxsave[512]; /* as FXSAVE64 writes it (SDM volume 1, table 10-2) */
};

struct sx_probe {
  sx_u32 native;     /* SX_NATIVE_* */
  sx_u32 error;      /* errno that kept /dev/kvm from being used */
  double ring0_ns;   /* a loop turn (dec, jnz) in ring 0; 0: it did not run */
  double ring3_ns;   /* in ring 3 */
  double exit_ns;    /* an OUT from ring 3 to user space and back */
  sx_u32 disable_exits; /* KVM_CAP_X86_DISABLE_EXITS mask */
  sx_u32 irqchip;
  sx_u32 split_irqchip;
  sx_u32 immediate_exit;
  sx_u32 max_vcpus;
  sx_u32 reserved;
};

#endif /* __ASSEMBLER__ */

#endif
