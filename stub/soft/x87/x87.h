/*
 * The x87 FPU and the XSAVE family. Arithmetic runs on the host's own x87, with the guest's control
 * word: results, flags, precision and rounding are the hardware's.
 */
#ifndef SX_SOFT_X87_H
#define SX_SOFT_X87_H

#include "soft/exec.h"

/* Exception flags of the status word, which are the masks of the control word, too (SDM volume 1,
 * 8.1.3 and 8.1.5). */
#define X87_IE 0x1
#define X87_DE 0x2
#define X87_ZE 0x4
#define X87_OE 0x8
#define X87_UE 0x10
#define X87_PE 0x20
#define X87_EXCEPTIONS 0x3f
/* With one of these unmasked the operands stay as they are (SDM volume 1, 8.6). */
#define X87_BEFORE (X87_IE | X87_DE | X87_ZE)

#define X87_SF 0x40
#define X87_ES 0x80
#define X87_C0 0x100
#define X87_C1 0x200
#define X87_C2 0x400
#define X87_C3 0x4000
#define X87_B 0x8000
#define X87_TOP_SHIFT 11
#define X87_COMPARISON (X87_C0 | X87_C2 | X87_C3)

#define X87_CONTROL_INITIAL 0x37f
#define X87_CONTROL_WRITABLE 0x1f7f
#define X87_CONTROL_ONES 0x40
#define X87_OPCODE_BITS 0x7ff

/* Operands of an instruction on the host, and what becomes of them. */
struct x87_frame {
  struct x87_register st[2];
  uint8_t memory[16];
};

/* @return the status word right after the instruction */
typedef uint16_t x87_function(struct x87_frame *frame, uint16_t control);

/*
 * Defines an x87_function by what it does from loading the frame to storing it. The guest's masks
 * are in force, so that unmasked exceptions leave or scale the operands as they must; X87_STATUS
 * has to follow the instruction: it takes the status and clears it before anything could trap.
 */
#define X87_FUNCTION(name, body)                                                                   \
  static uint16_t name(struct x87_frame *frame, uint16_t control) {                                \
    static const uint16_t host_control = X87_CONTROL_INITIAL;                                      \
    uint16_t status;                                                                               \
    __asm__ volatile("fnclex\n\tfldcw %[guest]\n\t" body "fldcw %[host]"                           \
                     : "=&a"(status), "+m"(*frame)                                                 \
                     : [frame] "r"(frame), [guest] "m"(control), [host] "m"(host_control)          \
                     : "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"); \
    return status;                                                                                 \
  }
#define X87_LOAD0 "fldt (%[frame])\n\t"
#define X87_LOAD1 "fldt 16(%[frame])\n\t"
#define X87_MEMORY " 32(%[frame])\n\t"
#define X87_STATUS "fnstsw %%ax\n\tfnclex\n\t"
#define X87_STORE0 "fstpt (%[frame])\n\t"
#define X87_STORE1 "fstpt 16(%[frame])\n\t"
#define X87_DROP "fstp %%st(0)\n\t"
/* The lowest bit of TOP tells whether an instruction that pushes or pops did so: TOP is 0 before
 * the function, for the ABI leaves the stack empty. */
#define X87_TOP_LOW "0x800"
#define X87_IF_TOP_ODD(body) "testl $" X87_TOP_LOW ", %%eax\n\tjz 1f\n\t" body "1:\n\t"
#define X87_IF_TOP_EVEN(body) "testl $" X87_TOP_LOW ", %%eax\n\tjnz 1f\n\t" body "1:\n\t"

extern const struct x87_register x87_indefinite; /* the default NaN */

/* What an instruction does first that does not wait: raises #NM. */
void x87_check(struct cpu *cpu, const struct op *op);
/* What any other does first: raises #NM, or #MF of an earlier instruction. */
void x87_wait(struct cpu *cpu, const struct op *op);
/* Of a whole state, the status comes first: ES and B follow from the flags and the new masks. */
void x87_set_status(struct fpu *fpu, uint16_t word);
void x87_set_control(struct fpu *fpu, uint16_t word);
/* FNINIT; the registers keep their contents. */
void x87_initialize(struct fpu *fpu);

/* An even number of bytes between the guest's memory and a buffer, in pieces of at most `unit` bytes,
 * which is the alignment that they need. The write faults before it changes anything, if at all. */
void x87_read_units(struct cpu *cpu, const struct op *op, uint64_t address, void *to, uint32_t size,
                    uint32_t unit);
void x87_write_units(struct cpu *cpu, const struct op *op, uint64_t address, const void *from,
                     uint32_t size, uint32_t unit);

static inline void x87_read(struct cpu *cpu, const struct op *op, uint64_t address, void *to,
                            uint32_t size) {
  x87_read_units(cpu, op, address, to, size, 8);
}
static inline void x87_write(struct cpu *cpu, const struct op *op, uint64_t address,
                             const void *from, uint32_t size) {
  x87_write_units(cpu, op, address, from, size, 8);
}

static inline uint16_t x87_status_word(const struct fpu *fpu) {
  return (uint16_t)(fpu->status | fpu->top << X87_TOP_SHIFT);
}

static inline struct x87_register *x87_st(struct cpu *cpu, uint32_t i) {
  return &cpu->fpu.st[(cpu->fpu.top + i) & 7];
}

static inline bool x87_empty(const struct cpu *cpu, uint32_t i) {
  return !(cpu->fpu.tags >> ((cpu->fpu.top + i) & 7) & 1);
}

static inline void x87_set(struct cpu *cpu, uint32_t i, const struct x87_register *value) {
  *x87_st(cpu, i) = *value;
  cpu->fpu.tags |= (uint8_t)(1 << ((cpu->fpu.top + i) & 7));
}

static inline void x87_free(struct cpu *cpu, uint32_t i) {
  cpu->fpu.tags &= (uint8_t)~(1 << ((cpu->fpu.top + i) & 7));
}

static inline void x87_push(struct cpu *cpu, const struct x87_register *value) {
  cpu->fpu.top = (cpu->fpu.top - 1) & 7;
  x87_set(cpu, 0, value);
}

static inline void x87_pop(struct cpu *cpu, uint32_t times) {
  while (times--) {
    x87_free(cpu, 0);
    cpu->fpu.top = (cpu->fpu.top + 1) & 7;
  }
}

/* Remembers the present instruction, which is not one of control: FOP and FIP. */
static inline void x87_record(struct cpu *cpu, const struct op *op) {
  cpu->fpu.opcode = (uint16_t)op->imm;
  cpu->fpu.instruction = cpu_rip(cpu, op);
}

/* The same with an operand in memory: FDP, too, which is an offset in its segment. */
static inline void x87_record_memory(struct cpu *cpu, const struct op *op, uint64_t address) {
  x87_record(cpu, op);
  bool based = cpu->code_size != 8 || op->segment == FS || op->segment == GS;
  cpu->fpu.operand = based ? address - cpu->segment[op->segment].base : address;
}

/*
 * Takes over what an instruction raised, and those of its condition codes that `conditions` names.
 *
 * @return false when an unmasked exception keeps it from having any other effect
 */
static inline bool x87_report(struct cpu *cpu, uint16_t status, uint16_t conditions) {
  struct fpu *fpu = &cpu->fpu;
  uint16_t raised = status & X87_EXCEPTIONS;
  fpu->status = (uint16_t)((fpu->status & ~conditions) | (status & conditions) | raised |
                           (raised & X87_IE ? status & X87_SF : 0));
  uint16_t unmasked = raised & ~fpu->control;
  if (unlikely(unmasked)) fpu->status |= X87_ES | X87_B;
  return !(unmasked & X87_BEFORE);
}

static inline bool x87_underflow(struct cpu *cpu) {
  return x87_report(cpu, X87_IE | X87_SF, X87_C1);
}

static inline bool x87_overflow(struct cpu *cpu) {
  return x87_report(cpu, X87_IE | X87_SF | X87_C1, X87_C1);
}

/* x87_arithmetic.c */
#define X87_POP 8 /* in op->code, besides the operation */
enum x87_operand { X87_M32, X87_I32, X87_M64, X87_I16, X87_OPERANDS };
handler x87_arithmetic_memory, x87_arithmetic_st0, x87_arithmetic_sti;

/* x87_compare.c */
#define X87_QUIET 4 /* in op->code, besides the number of pops: QNaNs are not invalid */
handler x87_compare_memory, x87_compare_st, x87_compare_flags, x87_ftst, x87_fxam, x87_fcmov;

/* x87_memory.c */
enum x87_load {
  X87_FLD_M32, X87_FLD_M64, X87_FLD_M80, X87_FILD_16, X87_FILD_32, X87_FILD_64, X87_FBLD,
  X87_FLD1, X87_FLDL2T, X87_FLDL2E, X87_FLDPI, X87_FLDLG2, X87_FLDLN2, X87_FLDZ
};
enum x87_store {
  X87_FST_M32, X87_FST_M64, X87_FST_M80, X87_FIST_16, X87_FIST_32, X87_FIST_64,
  X87_FISTTP_16, X87_FISTTP_32, X87_FISTTP_64, X87_FBST
};
#define X87_UNCHECKED 1 /* in op->code of x87_store_st: an empty register is no fault */
handler x87_load, x87_load_constant, x87_load_st, x87_store, x87_store_st, x87_exchange, x87_ffree,
    x87_fincstp, x87_fdecstp, x87_fnop, x87_obsolete, x87_fwait, x87_fninit, x87_fnclex, x87_fldcw,
    x87_fnstcw, x87_fnstsw, x87_fnstsw_ax, x87_fnstenv, x87_fldenv, x87_fnsave, x87_frstor;

/* x87_transcendental.c */
enum x87_unary { X87_FCHS, X87_FABS, X87_FSQRT, X87_FRNDINT, X87_F2XM1, X87_FSIN, X87_FCOS };
enum x87_with_st1 { X87_FPREM, X87_FPREM1, X87_FSCALE };
enum x87_into_st1 { X87_FYL2X, X87_FYL2XP1, X87_FPATAN };
enum x87_two_results { X87_FPTAN, X87_FSINCOS, X87_FXTRACT };
handler x87_unary, x87_with_st1, x87_into_st1, x87_two_results;

/* xsave.c */
handler fxsave, fxrstor, xsave, xsaveopt, xsavec, xrstor, xgetbv, xsetbv;

/* xsave.c: the area of FXSAVE64, outside the run of the guest; a reserved bit of MXCSR is dropped. */
#define FXSAVE_BYTES 512
void fxsave_read(struct cpu *cpu, uint8_t area[FXSAVE_BYTES]);
void fxsave_write(struct cpu *cpu, const uint8_t area[FXSAVE_BYTES]);

#endif
