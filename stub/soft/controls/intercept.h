/*
 * Instructions that controls make exit. With controls, each is translated with an op before its own,
 * which exits, does the instruction as the controls want it, or goes on to it. Such an op has:
 *
 *   imm   instruction information in the low half, the displacement in the high half
 *   code  the basic exit reason, or what its comment says
 *   dst   the general register's number, or what its comment says
 *
 * and, with a memory operand, what emit_memory() gives it. An op checks what has priority over the
 * exit (SDM volume 3, 26.1.1), and leaves the fault to the instruction.
 */
#ifndef SX_SOFT_INTERCEPT_H
#define SX_SOFT_INTERCEPT_H

#include "soft/controls/controls.h"
#include "soft/translation/decode.h"
#include "soft/exec.h"

/* Appends the op for an instruction that needs one. */
void translate_intercept(struct translator *t, const struct insn *insn);

/* How an instruction says its displacement in `src`. */
enum { DISPLACEMENT_PLAIN, DISPLACEMENT_OF_RIP };

/* Fields of instruction information (SDM volume 3, tables 28-9 to 28-15). */
#define INFO_REGISTER_SHIFT 3
#define INFO_ADDRESS_SHIFT 7
#define INFO_IS_REGISTER 0x400
#define INFO_SIZE_SHIFT 11
#define INFO_SEGMENT_SHIFT 15
#define INFO_INDEX_SHIFT 18
#define INFO_NO_INDEX 0x400000
#define INFO_BASE_SHIFT 23
#define INFO_NO_BASE 0x8000000
#define INFO_IDENTITY_SHIFT 28
#define INFO_REGISTER2_SHIFT 28

static inline uint32_t intercept_information(const struct op *op) { return (uint32_t)op->imm; }

/* An exit of an instruction with instruction information. */
static inline _Noreturn void exit_informed(struct cpu *cpu, const struct op *op, uint32_t reason, uint64_t qualification) {
  exit_begin(cpu, op, reason, qualification)->instruction_information = intercept_information(op);
  exit_leave(cpu);
}

/* Its qualification is the displacement: with RIP-relative addresses, with the next RIP added (28.2.1). */
static inline _Noreturn void exit_displacement(struct cpu *cpu, const struct op *op, uint32_t reason) {
  uint64_t displacement = (uint64_t)(int64_t)(int32_t)(op->imm >> 32);
  if (op->src == DISPLACEMENT_OF_RIP) displacement += cpu_next_rip(cpu, op);
  exit_informed(cpu, op, reason, displacement);
}

/* intercept_processor.c */
handler intercept_hlt, intercept_cpuid, intercept_cache, intercept_rdpmc, intercept_rdtsc, intercept_rdtscp;
handler intercept_rdmsr, intercept_wrmsr;
handler intercept_monitor, intercept_mwait, intercept_pause;
handler intercept_random;              /* RDRAND and RDSEED */
handler intercept_xsetbv;
handler intercept_vmx;                 /* of any privilege: VMCALL, VMLAUNCH, VMRESUME, VMXOFF */
handler intercept_vmx_operand;         /* those with an operand */

/* intercept_control.c: `code` is the number of the control or debug register. */
handler intercept_mov_to_cr, intercept_mov_from_cr, intercept_mov_to_dr, intercept_mov_from_dr;
handler intercept_clts;
handler intercept_lmsw, intercept_lmsw_memory;
handler intercept_smsw, intercept_smsw_memory; /* `code` is the operand size */
handler intercept_invlpg, intercept_invpcid;
handler intercept_table;               /* GDTR and IDTR; `code` tells stores from loads */
handler intercept_table_segment;       /* LDTR and TR, likewise */
enum { TABLE_STORE, TABLE_LOAD };

/* intercept_port.c: `code` is the size, `dst` the address size of string instructions. */
handler intercept_in, intercept_out;         /* the port in `imm` from bit 32 */
handler intercept_in_dx, intercept_out_dx;
handler intercept_ins, intercept_outs;       /* `src`: a repeat prefix */

/* intercept_software.c */
handler intercept_int, intercept_int3, intercept_into, intercept_int1;

#endif
