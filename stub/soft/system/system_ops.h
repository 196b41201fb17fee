/*
 * The functions of system instructions and what they share. `code` is the operand size in bytes
 * unless said otherwise; `dst` and `src` are registers. An operand of 16 bits that comes from a
 * register or memory is always in the register `src`.
 */
#ifndef SX_SOFT_SYSTEM_OPS_H
#define SX_SOFT_SYSTEM_OPS_H

#include "soft/exec.h"

static inline void need_cpl0(struct cpu *cpu, const struct op *op) {
  if (unlikely(cpu->cpl)) cpu_fault(cpu, op, VECTOR_GP, 0);
}

/* Whether CPL allows what IOPL guards. */
static inline bool iopl_allows(const struct cpu *cpu) {
  return cpu->cpl <= (cpu->flags & FLAG_IOPL) >> FLAG_IOPL_SHIFT;
}

static inline void set_register(struct cpu *cpu, uint8_t offset, uint32_t size, uint64_t value) {
  if (size == 8) SET64(offset, value);
  else if (size == 4) SET32(offset, value);
  else SET16(offset, value);
}

/* A register as an operand of 64 bits in 64-bit mode and of 32 elsewhere. */
static inline uint64_t get_natural(const struct cpu *cpu, uint8_t offset) {
  return cpu->code_size == 8 ? REG64(offset) : REG32(offset);
}

/* segment_ops.c: */
/* Moves the 16 bits of a memory operand into REG_EA. */
handler exec_load_operand16;
handler exec_mov_to_segment;   /* `code`: the segment */
handler exec_mov_from_segment; /* `dst`: the segment; to register `src`, or memory with `code` 0 */
handler exec_push_segment;     /* `dst`: the segment */
handler exec_pop_segment;      /* `dst`: the segment */
handler exec_load_far_pointer; /* `src`: the segment */
handler exec_wrfsbase, exec_rdfsbase; /* `src`: the segment */
handler exec_swapgs;

/* table_ops.c: */
handler exec_lldt, exec_ltr, exec_lar, exec_lsl, exec_verr, exec_verw;
handler exec_sldt, exec_str, exec_smsw; /* `code` 0: to memory */
handler exec_sgdt, exec_sidt, exec_lgdt, exec_lidt;

/* far_transfer.c: */
handler exec_jmp_far, exec_call_far;               /* `imm`: offset, and the selector from bit 32 */
handler exec_jmp_far_memory, exec_call_far_memory;
handler exec_ret_far;                              /* `imm`: bytes of parameters */

/* iret.c, event.c, syscall.c: */
handler exec_iret;
handler exec_int; /* `imm`: the vector */
handler exec_into, exec_int1;
handler exec_syscall, exec_sysret, exec_sysenter, exec_sysexit;

/* control.c: `src` or `dst` the general register, `code` the number of the other one. */
handler exec_mov_from_cr, exec_mov_to_cr, exec_mov_from_dr, exec_mov_to_dr;
handler exec_clts, exec_lmsw;
/* A control register's new value; faults at `op`. */
void control_write(struct cpu *cpu, const struct op *op, uint8_t number, uint64_t value);
handler exec_invlpg;
handler exec_invpcid; /* `src`: the type */

/* flag_ops.c: */
handler exec_cli, exec_sti;
handler exec_sti_last; /* at a block's end */
handler exec_pushf, exec_popf;
handler exec_clac, exec_stac;

/* processor_ops.c: */
handler exec_hlt, exec_cache_flush;
handler exec_cpuid, exec_rdmsr, exec_wrmsr;
handler exec_rdtsc, exec_rdtscp, exec_rdpmc;
handler exec_rdrand;

/* port.c: `code` is the size of the data; the port is `imm`, or in DX. */
handler exec_in_imm, exec_in_dx, exec_out_imm, exec_out_dx;

#endif
