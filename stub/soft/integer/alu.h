/* Handlers of arithmetic by operation, size (as log2 of bytes) and form of the operands. */
#ifndef SX_SOFT_ALU_H
#define SX_SOFT_ALU_H

#include "soft/cpu.h"

/* The first eight as in opcodes. */
enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP, ALU_TEST, ALU_OPERATIONS };
/* r: register, m: memory, i: immediate; the first operand is the destination. */
enum { ALU_RR, ALU_RI, ALU_RM, ALU_MR, ALU_MI, ALU_LOCK_MR, ALU_LOCK_MI, ALU_FORMS };
extern handler *const alu_handlers[ALU_OPERATIONS][4][ALU_FORMS];

enum { UNARY_INC, UNARY_DEC, UNARY_NOT, UNARY_NEG, UNARY_OPERATIONS };
enum { UNARY_R, UNARY_M, UNARY_LOCK_M, UNARY_FORMS_COUNT };
extern handler *const unary_handlers[UNARY_OPERATIONS][4][UNARY_FORMS_COUNT];

/* Shifts and rotations in the order of group 2. */
enum { SHIFT_ROL, SHIFT_ROR, SHIFT_RCL, SHIFT_RCR, SHIFT_SHL, SHIFT_SHR, SHIFT_SAL, SHIFT_SAR, SHIFT_OPERATIONS };
/* By an immediate, or by CL. */
enum { SHIFT_RI, SHIFT_RC, SHIFT_MI, SHIFT_MC, SHIFT_FORMS };
extern handler *const shift_handlers[SHIFT_OPERATIONS][4][SHIFT_FORMS];
/* SHLD and SHRD of 2, 4 and 8 bytes; the other operand is in `src`. */
enum { DOUBLE_SHLD, DOUBLE_SHRD, DOUBLE_OPERATIONS };
extern handler *const double_shift_handlers[DOUBLE_OPERATIONS][4][SHIFT_FORMS];

#endif
