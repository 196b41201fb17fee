/* The forms of instructions that programs are made of. */
#ifndef SX_DIFFERENTIAL_FORMS_H
#define SX_DIFFERENTIAL_FORMS_H

#include "program.h"

/* What an operand is: a general register of the operand's size or of its own, or a vector register. */
enum kind { K_NONE, K_GPR, K_GPR8, K_GPR16, K_GPR32, K_GPR64, K_XMM, K_MMX };

enum immediate { I_NONE, I_BYTE, I_WORD, I_Z /* 1, 2 or 4 bytes */, I_V /* 1 to 8 */, I_ADDRESS };

/* What a form needs besides its encoding: see generate.c. */
enum special {
  S_NONE, S_SHIFT, S_SHIFT_CL, S_DOUBLE_SHIFT, S_DOUBLE_SHIFT_CL, S_BIT_OFFSET, S_DIVIDE, S_STRING, S_XLAT,
  S_MASKMOV, S_ENTER, S_LEAVE, S_POPF, S_CONDITIONAL_JUMP, S_JUMP, S_CALL, S_LOOP, S_JUMP_RM, S_CALL_RM,
  S_RETURN, S_SAVE_STATE, S_LDMXCSR, S_FLDCW, S_FLDENV, S_FRSTOR, S_FXRSTOR, S_SEGMENT, S_FAR_RETURN, S_IRET, S_INT, S_BYTES
};

/* Traits. */
#define LOCKS 0x1          /* with memory, LOCK is allowed */
#define WRITES_REG 0x2
#define WRITES_RM 0x4
#define ONLY_MEMORY 0x8
#define ONLY_REGISTER 0x10
#define ALIGNED 0x20       /* memory at a multiple of 16 */
#define REG_IN_OPCODE 0x40 /* `rm` is there */
#define STACK_SIZE 0x80    /* 64-bit operands without REX.W */
#define NO_ACCESS 0x100    /* memory is not touched: any address will do */
#define RARE 0x200
#define X87_REGISTER 0x400 /* ModRM from C0 to FF */
#define IN_STAGES 0x800    /* what it has done when it raises an unmasked exception differs */
#define HINT 0x1000        /* does nothing */

struct form {
  uint8_t map, prefix, opcode; /* map 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A */
  uint8_t digit;               /* DIGIT(ModRM.reg), or NO_DIGIT */
  uint8_t sizes;               /* of operands, a bit each: 1, 2, 4, 8 bytes; 0 when none is encoded */
  uint8_t reg, rm, imm;
  uint8_t special;
  uint16_t bytes;              /* of the memory operand; 0: the operand's size */
  uint16_t traits;
  uint16_t defined, undefined; /* status flags afterwards */
  uint16_t reads;
  uint16_t clobbers;           /* general registers written without being named, a bit each */
  const char *raw;             /* S_BYTES: the whole instruction */
};
#define NO_DIGIT 0
#define DIGIT(n) ((n) + 1)

#define MOST_FORMS 1536
extern struct form forms[MOST_FORMS];
extern uint32_t form_count;

void forms_make(bool mmx);

#endif
