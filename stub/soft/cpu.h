/*
 * The state of one software processor (`struct cpu`) and how it leaves an instruction.
 *
 * Guest code is translated into arrays of `struct op` and run by threaded dispatch: each op's
 * function does its work and jumps to the next op's (exec.h). A function leaves in one of three
 * ways: to the next op, to the dispatcher by returning, or by cpu_fault() and cpu_exit(), which
 * unwind to the dispatcher. An op changes the guest's state only after its last access to memory
 * that may fault, so that an instruction that faulted can be run again.
 */
#ifndef SX_SOFT_CPU_H
#define SX_SOFT_CPU_H

#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define PAGE_BYTES 4096ull
#define PAGE_MASK (~(PAGE_BYTES - 1))

struct cpu;
struct op;
struct block;
struct vm;
struct vcpu;
struct machine;

typedef void handler(struct cpu *cpu, const struct op *op);

/* General registers by their number in instructions, then those that only ops name. */
enum {
  RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15,
  REG_ZERO,   /* always 0: an absent base or index */
  REG_EA,     /* an address that an op before this one of the same instruction made */
  REG_BIT,    /* a bit's number, likewise */
  REG_BLOCK,  /* linear address of the running block's first byte (offset in CS without 64-bit mode) */
  REGISTERS
};

/* Segment registers by their number in instructions, then the two system ones. */
enum { ES, CS, SS, DS, FS, GS, LDTR, TR, SEGMENTS };

/* Access rights as the VMCS has them (SDM volume 3, 25.4.1, table 25-2). */
#define AR_TYPE 0xf
#define AR_CODE 0x8
#define AR_CONFORMING 0x4  /* of code */
#define AR_EXPAND_DOWN 0x4 /* of data */
#define AR_WRITABLE 0x2    /* of data */
#define AR_READABLE 0x2    /* of code */
#define AR_ACCESSED 0x1
#define AR_S 0x10
#define AR_DPL_SHIFT 5
#define AR_PRESENT 0x80
#define AR_L 0x2000
#define AR_DB 0x4000
#define AR_G 0x8000
#define AR_UNUSABLE 0x10000

struct segment {
  uint64_t base;
  uint32_t limit; /* of the last byte */
  uint32_t access;
  uint16_t selector;
};

struct table_register {
  uint64_t base;
  uint32_t limit;
};

/* RFLAGS (SDM volume 1, 3.4.3). */
#define FLAG_CF 0x1
#define FLAG_RESERVED 0x2
#define FLAG_PF 0x4
#define FLAG_AF 0x10
#define FLAG_ZF 0x40
#define FLAG_SF 0x80
#define FLAG_TF 0x100
#define FLAG_IF 0x200
#define FLAG_DF 0x400
#define FLAG_OF 0x800
#define FLAG_IOPL 0x3000
#define FLAG_IOPL_SHIFT 12
#define FLAG_NT 0x4000
#define FLAG_RF 0x10000 /* kept for one instruction, and only while instruction breakpoints are on */
#define FLAG_VM 0x20000
#define FLAG_AC 0x40000
#define FLAG_VIF 0x80000
#define FLAG_VIP 0x100000
#define FLAG_ID 0x200000
#define FLAGS_STATUS (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

/* CR0, CR4, EFER. */
#define CR0_PE 0x1
#define CR0_MP 0x2
#define CR0_EM 0x4
#define CR0_TS 0x8
#define CR0_ET 0x10
#define CR0_NE 0x20
#define CR0_WP 0x10000
#define CR0_AM 0x40000
#define CR0_NW 0x20000000
#define CR0_CD 0x40000000
#define CR0_PG 0x80000000
#define CR4_VME 0x1
#define CR4_PVI 0x2
#define CR4_TSD 0x4
#define CR4_DE 0x8
#define CR4_PSE 0x10
#define CR4_PAE 0x20
#define CR4_MCE 0x40
#define CR4_PGE 0x80
#define CR4_PCE 0x100
#define CR4_OSFXSR 0x200
#define CR4_OSXMMEXCPT 0x400
#define CR4_UMIP 0x800
#define CR4_FSGSBASE 0x10000
#define CR4_PCIDE 0x20000
#define CR4_OSXSAVE 0x40000
#define CR4_SMEP 0x100000
#define CR4_SMAP 0x200000
#define EFER_SCE 0x1
#define EFER_LME 0x100
#define EFER_LMA 0x400
#define EFER_NXE 0x800

/* Exceptions (SDM volume 3, 6.3.1). */
enum {
  VECTOR_DE = 0, VECTOR_DB = 1, VECTOR_NMI = 2, VECTOR_BP = 3, VECTOR_OF = 4, VECTOR_BR = 5,
  VECTOR_UD = 6, VECTOR_NM = 7, VECTOR_DF = 8, VECTOR_TS = 10, VECTOR_NP = 11, VECTOR_SS = 12,
  VECTOR_GP = 13, VECTOR_PF = 14, VECTOR_MF = 16, VECTOR_AC = 17, VECTOR_MC = 18, VECTOR_XM = 19
};

/*
 * What the status flags are made of. All three values are sign-extended from the operation's size,
 * so that comparing them needs no size.
 */
enum cc_op {
  CC_SUB,    /* result = a - b; also logic operations, as a = result, b = 0 */
  CC_ADD,    /* result = a + b */
  CC_RESULT, /* ZF, SF, PF of the result; CF, OF, AF are those bits of a */
  CC_FLAGS   /* all of them are in `flags` */
};

/* How a page may be reached through an entry of the TLB; `addend` + linear address = host address. */
#define TLB_ENTRIES 1024
struct tlb_entry {
  uint64_t read, write; /* page's linear address | the generation of its address space; or TLB_NONE */
  uintptr_t addend;
  uint64_t reserved;
};
#define TLB_NONE ~0ull

/* Whose accesses: a table of entries each. */
enum tlb_set { TLB_KERNEL, TLB_KERNEL_AC, TLB_USER, TLB_SETS };
/* A table without entries, for when every access must be looked at. */
#define TLB_NOTHING TLB_SETS

#define SPACES 8
#define LARGE_REGION_WORDS 16

#define ITLB_ENTRIES 512
struct itlb_entry {
  uint64_t tag;            /* as `read` above, with ITLB_USER in bit 62 flipped for CPL 3 */
  uint64_t page;           /* guest-physical */
  const uint8_t *host;
  bool global;
};

#define JUMP_ENTRIES 4096
struct jump_entry {
  uint64_t key; /* see jump_key() */
  struct block *block;
  uint32_t generation;
  uint32_t lifetime; /* which of cpu.generation it is valid with */
};

/* How long a translated jump stays right. */
enum lifetime {
  LIFE_PAGE,   /* as long as its own page */
  LIFE_GLOBAL, /* until a translation of a global page may have changed, or code has */
  LIFE_LOCAL,  /* until CR3 changes, too */
  LIFETIMES
};

union xmm {
  uint8_t u8[16];
  uint16_t u16[8];
  uint32_t u32[4];
  uint64_t u64[2];
  float f32[4];
  double f64[2];
};

/* x87 and SSE state. The registers are by number, not by place on the stack. */
struct fpu {
  struct x87_register { uint64_t mantissa; uint16_t exponent; uint16_t pad[3]; } st[8];
  uint16_t control, status; /* status without TOP */
  uint8_t top;
  uint8_t tags; /* a bit for each register: not empty */
  uint16_t opcode;
  uint64_t instruction, operand;
  uint32_t mxcsr;
};

/* Accesses to devices that the present instruction has made: it runs again after each answer. */
#define MOST_REPLAYED 8

enum escape { ESCAPE_FAULT = 1, ESCAPE_EXIT, ESCAPE_AGAIN };

struct fault {
  uint8_t vector;
  bool has_error;
  uint32_t error;
  uint64_t address; /* CR2 of a page fault; of a debug exception, DR6's bits */
};

struct cpu {
  uint64_t reg[REGISTERS];
  int64_t budget;              /* instructions (of a virtual clock: cycles) until the dispatcher looks at the clock */
  _Atomic int64_t attention;   /* negative: the dispatcher is wanted */
  struct tlb_entry *tlb;       /* of the present set, or TLB_NOTHING */
  uint64_t tlb_generation;     /* in the low 12 bits of tags */
  int64_t cc_result, cc_a, cc_b;
  uint32_t cc_op;
  uint32_t generation[LIFETIMES];
  uint64_t flags;              /* RFLAGS; its status bits count with CC_FLAGS only */
  uint64_t rip;                /* of the present instruction, whenever the dispatcher runs */

  union xmm xmm[16] __attribute__((aligned(16)));
  struct fpu fpu;
  uint64_t xcr0;

  struct segment segment[SEGMENTS];
  struct table_register gdtr, idtr;
  uint64_t cr0, cr2, cr3, cr4, cr8, efer;
  uint64_t dr[8];
  uint8_t cpl;
  uint8_t code_size;           /* 2, 4 or 8: how instructions are decoded */
  bool flat;                   /* 64-bit mode, or: base 0 and limit 4 GiB of CS, DS, ES, SS */
  uint8_t set;                 /* enum tlb_set of the present privilege */
  bool aligned;                /* misaligned accesses fault: SDM volume 3, 6.15, interrupt 17 */
  bool low_global;             /* a jump into the lower half lives as LIFE_GLOBAL */
  bool simd_unmasked;          /* MXCSR lets an exception through: see sse_trap() */
  uint64_t star, lstar, cstar, sfmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip;
  uint64_t tsc_aux, pat, misc_enable;
  uint64_t mtrr_def_type, mtrr_physical[16], mtrr_fixed[11];
  uint64_t mcg_status;

  uint8_t shadow;              /* interrupts are held off for one instruction: SHADOW_* */
  uint8_t held;                /* the shadow that the present instruction runs in, alone */
  bool nmi_blocked, nmi_pending;
  bool interrupt_waiting;      /* one is pending that IF or the priority holds back */
  bool halted, wait_for_sipi;
  uint8_t delivering;          /* 1 while an event is delivered; its vector is in `delivered` */
  uint8_t delivered;

  struct fault fault;
  jmp_buf escape;
  uint32_t exit_reason;

  uint64_t bounce[2] __attribute__((aligned(16))); /* an operand that lies across pages or in a device */
  uint64_t bounce_address;
  uint32_t bounce_size;
  bool device_waits;           /* an access has left for the hypervisor */
  uint32_t replay_done, replay_next;
  uint64_t replay[MOST_REPLAYED];
  struct { bool pending; uint8_t size; } in; /* an IN whose value the hypervisor has not given yet */

  uint64_t code_base;          /* of CS outside 64-bit mode, else 0 */
  bool single;                 /* the next instruction runs alone */
  bool stepping;               /* it began with TF set, and nothing in it keeps it from trapping */
  uint8_t breaks;              /* breakpoints that are on, a bit each, for instructions, */
  uint8_t watches;             /* for data */
  uint8_t port_breaks;         /* and for ports */
  bool in_block;               /* the present instruction is not alone: nothing can follow it at once */
  uint8_t hits;                /* breakpoints for data and ports that it has met */
  uint16_t debug_due;          /* a debug trap comes before anything else, with these bits of DR6 */
  bool resumed;                /* the present instruction began with RF set */
  bool repeating;              /* a repeated string instruction was left between two elements */
  _Atomic bool interrupted;    /* told to come out of the guest */
  uint32_t pauses;

  /* Address spaces whose translations are kept: the present one is spaces[space]. */
  struct address_space {
    uint16_t pcid;
    uint16_t tlb_generation;   /* 0: free */
    uint32_t code_generation;
  } spaces[SPACES];
  uint32_t space, next_space;
  uint32_t next_tlb_generation, next_code_generation;
  /* Regions of 2 MiB, hashed, of which a part of a large page may be in the TLB. */
  uint64_t large_regions[LARGE_REGION_WORDS];

  struct machine *machine;
  struct vcpu *vcpu;
  struct cpu *next_closed;
  struct apic *apic;
  struct cpuid_table *cpuid;
  struct code_cache *code;
  struct controls *controls;   /* NULL: none, controls.h */
  bool ept;                    /* rights of guest-physical pages count: ept.h */
  _Atomic bool ept_changed;    /* translations may be out of date */
  _Atomic bool busy;           /* in the guest, or in the hands of a call of the hypervisor */
  uint32_t index;
  _Atomic uint32_t wake;       /* futex word: bumped with each attention */
  _Atomic bool sleeping;       /* waits on it, or is about to */
  _Atomic bool running;        /* runs guest code: others wait for it to serve its mailbox */
  struct mailbox *mailbox;
  int64_t slice;               /* budget at the beginning of the present slice */
  uint64_t instructions;       /* retired before it; of a virtual clock, the time in cycles */
  uint64_t interrupts;         /* delivered */
  int64_t string_cost;         /* of an element of a repeated string instruction, in `budget` */
  int64_t reserve;             /* a budget of no more than this is at its end */
  bool parked;                 /* the hypervisor said so, until that time of a virtual clock */
  uint64_t parked_until;
  uint64_t tsc_offset; /* added to the host's, modulo 2^64 */
  uint64_t tsc_adjust;

  struct tlb_entry tlbs[TLB_SETS + 1][TLB_ENTRIES];
  struct itlb_entry itlb[ITLB_ENTRIES];
  struct jump_entry jumps[JUMP_ENTRIES];
};

#define SHADOW_STI 1
#define SHADOW_MOV_SS 2

/*
 * One step of a translated instruction. Register operands are byte offsets into cpu.reg, so that
 * AH is RAX's offset plus 1; SSE registers are numbers.
 */
struct op {
  handler *run;
  uint8_t dst, src;
  uint8_t base, index; /* address = base + (index << scale) + disp */
  uint8_t scale;
  uint8_t segment;     /* for the choice between #SS and #GP, and of ops that add its base */
  uint8_t length;      /* of the instruction, bytes */
  uint8_t code;        /* a condition, a size: the handler's own */
  int32_t disp;        /* of a link: the target, from the block's first byte */
  union {
    struct {
      uint16_t pc;     /* the instruction's first byte, from the block's */
      uint16_t next;   /* the byte behind it, likewise */
    };
    uint32_t generation; /* of a link: which one `target` is right in; its lifetime is `code` */
  };
  union {
    uint64_t imm;
    struct block *target; /* of a link: the block that was found last */
  };
};
_Static_assert(sizeof(struct op) == 32, "two ops a cache line");

#define REG_OFFSET(n) ((uint8_t)((n) * 8))

/*
 * Raises an exception in the instruction of `op`, or in the one at cpu->rip when `op` is NULL. A
 * vector without an error code ignores `error`.
 */
_Noreturn void cpu_fault(struct cpu *cpu, const struct op *op, uint8_t vector, uint32_t error);
/* A page fault: sets the address that CR2 gets on delivery. */
_Noreturn void cpu_page_fault(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t error);
/* A debug exception that is a fault, with these bits for DR6. */
_Noreturn void cpu_debug_fault(struct cpu *cpu, const struct op *op, uint64_t bits);
/* Leaves for the hypervisor with cpu->rip as it stands and the event described in the block. */
_Noreturn void cpu_exit(struct cpu *cpu, uint32_t reason);
/* The present instruction will run again from its beginning, which meets no breakpoint that it has passed. */
static inline void cpu_unfinished(struct cpu *cpu) {
  if (cpu->resumed) cpu->flags |= FLAG_RF;
}
/* Goes back to the dispatcher, which runs the instruction at cpu->rip (with `op`: op's) again. */
_Noreturn void cpu_again(struct cpu *cpu, const struct op *op);

/* RFLAGS as the guest sees them. */
uint64_t cpu_flags(const struct cpu *cpu);
/* Sets them all; raises attention when IF lets a waiting interrupt in. */
void cpu_set_flags(struct cpu *cpu, uint64_t flags);
/* To be called when CPL, CS, CR0, CR3, CR4, EFER or AC changed: derives cpl, code_size, flat, set, tlb. */
void cpu_mode_changed(struct cpu *cpu);
/* Something came in: gets the dispatcher's attention, and a halted processor goes on. Any thread. */
void cpu_attend(struct cpu *cpu);
/* Gets the dispatcher's attention and the thread out of its sleep, and no more. */
void cpu_disturb(struct cpu *cpu);
/* The guest's time-stamp counter; and as the guest is told it. */
uint64_t cpu_tsc(const struct cpu *cpu);
uint64_t cpu_read_tsc(struct cpu *cpu);
/* State after RESET (`init` false) or INIT (SDM volume 3, table 10-1). */
void cpu_reset(struct cpu *cpu, bool init);

static inline uint64_t cpu_rip(const struct cpu *cpu, const struct op *op) {
  return cpu->reg[REG_BLOCK] + op->pc;
}

static inline uint64_t cpu_next_rip(const struct cpu *cpu, const struct op *op) {
  return cpu->reg[REG_BLOCK] + op->next;
}

static inline bool cpu_long_mode(const struct cpu *cpu) { return cpu->efer & EFER_LMA; }
static inline bool cpu_protected(const struct cpu *cpu) { return cpu->cr0 & CR0_PE; }

#endif
