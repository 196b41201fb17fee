/* Encodes the host's instructions (SDM volume 2, chapter 2) that native code is made of. */
#ifndef SX_SOFT_ASSEMBLER_H
#define SX_SOFT_ASSEMBLER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The host's registers. CPU and OP are the arguments that ops are called with. */
enum host_register {
  HOST_RAX, HOST_RCX, HOST_RDX, HOST_RBX, HOST_RSP, HOST_RBP, HOST_OP, HOST_CPU,
  HOST_R8, HOST_R9, HOST_R10, HOST_R11, HOST_R12, HOST_R13, HOST_R14, HOST_R15
};

/* Condition codes of Jcc, SETcc and CMOVcc. */
enum host_condition {
  HOST_O, HOST_NO, HOST_B, HOST_AE, HOST_E, HOST_NE, HOST_BE, HOST_A,
  HOST_S, HOST_NS, HOST_P, HOST_NP, HOST_L, HOST_GE, HOST_LE, HOST_G
};

/* Opcodes, as far as their register is the ModRM byte's and the operation reads r/m. */
enum host_opcode {
  HOST_ADD = 0x03, HOST_OR = 0x0b, HOST_AND = 0x23, HOST_SUB = 0x2b, HOST_XOR = 0x33, HOST_CMP = 0x3b,
  HOST_ADC = 0x13, HOST_SBB = 0x1b, HOST_MOVSXD = 0x63, HOST_STORE = 0x89, HOST_MOV8 = 0x8a, HOST_MOV = 0x8b,
  HOST_LEA = 0x8d, HOST_CMOV = 0x0f40, HOST_SET = 0x0f90, HOST_IMUL = 0x0faf, HOST_MOVZX8 = 0x0fb6, HOST_MOVZX16 = 0x0fb7,
  HOST_MOVSX8 = 0x0fbe, HOST_MOVSX16 = 0x0fbf
};
#define HOST_STORE8 0x88
#define HOST_ADD_TO 0x01 /* ADD and SUB whose destination is r/m */
#define HOST_SUB_FROM 0x29
#define HOST_MULTIPLY_IMMEDIATE 0x69
#define HOST_STORE_IMMEDIATE 0xc7
#define HOST_LAHF 0x9f
#define HOST_JUMP_NEAR 0xe9
#define HOST_RETURN 0xc3
/* Groups: the register's number is the operation. */
#define HOST_IMMEDIATE 0x81
#define HOST_IMMEDIATE8 0x83
enum { HOST_I_ADD = 0, HOST_I_AND = 4, HOST_I_SUB = 5, HOST_I_CMP = 7 };
#define HOST_SHIFT 0xc1
enum { HOST_SHL = 4, HOST_SHR = 5, HOST_SAR = 7 };
#define HOST_UNARY 0xf7
enum { HOST_NOT = 2, HOST_NEG = 3 };
#define HOST_COUNT_OR_JUMP 0xff
enum { HOST_INC = 0, HOST_DEC = 1, HOST_JMP = 4 };
#define HOST_BIT 0x0fba
enum { HOST_BT = 4 };

/* Where code goes. Nothing is written behind `end`; who finds `at` beyond it has run out of room. */
struct assembler {
  uint8_t *at, *end;
};

/* No index in an address. */
#define NO_INDEX HOST_RSP

static inline void put_bytes(struct assembler *a, uint64_t value, unsigned size) {
  if (a->at + size <= a->end) memcpy(a->at, &value, size);
  a->at += size;
}

static inline void put_opcode(struct assembler *a, unsigned size, unsigned opcode, unsigned reg, unsigned index,
                              unsigned base) {
  unsigned rex = (size == 8 ? 8u : 0) | (reg & 8) >> 1 | (index & 8) >> 2 | (base & 8) >> 3;
  if (size == 2) put_bytes(a, 0x66, 1);
  if (rex) put_bytes(a, 0x40 | rex, 1);
  if (opcode >> 8) put_bytes(a, opcode >> 8, 1);
  put_bytes(a, opcode & 0xff, 1);
}

/* An operation of `size` bytes on a register and a register. */
static inline void put_rr(struct assembler *a, unsigned size, unsigned opcode, unsigned reg, unsigned rm) {
  put_opcode(a, size, opcode, reg, 0, rm);
  put_bytes(a, 0xc0 | (reg & 7) << 3 | (rm & 7), 1);
}

/* On a register and memory at base + (index << scale) + disp. */
static inline void put_rm(struct assembler *a, unsigned size, unsigned opcode, unsigned reg, unsigned base,
                          unsigned index, unsigned scale, int32_t disp) {
  put_opcode(a, size, opcode, reg, index == NO_INDEX ? 0 : index, base);
  unsigned mod = disp == (int8_t)disp ? 0x40 : 0x80;
  if (index == NO_INDEX && (base & 7) != HOST_RSP) {
    put_bytes(a, mod | (reg & 7) << 3 | (base & 7), 1);
  } else {
    put_bytes(a, mod | (reg & 7) << 3 | 4, 1);
    put_bytes(a, scale << 6 | (index & 7) << 3 | (base & 7), 1);
  }
  put_bytes(a, (uint64_t)(int64_t)disp, mod == 0x40 ? 1 : 4);
}

static inline void put_load(struct assembler *a, unsigned size, unsigned reg, unsigned base, int32_t disp) {
  put_rm(a, size, HOST_MOV, reg, base, NO_INDEX, 0, disp);
}

static inline void put_store(struct assembler *a, unsigned size, unsigned reg, unsigned base, int32_t disp) {
  put_rm(a, size, size == 1 ? HOST_STORE8 : HOST_STORE, reg, base, NO_INDEX, 0, disp);
}

/* A value that memory of 4 or 8 bytes gets, sign-extended. */
static inline void put_store_immediate(struct assembler *a, unsigned size, unsigned base, int32_t disp, int32_t value) {
  put_rm(a, size, HOST_STORE_IMMEDIATE, 0, base, NO_INDEX, 0, disp);
  put_bytes(a, (uint32_t)value, 4);
}

/* An operation of HOST_IMMEDIATE on 4 or 8 bytes. */
static inline void put_immediate(struct assembler *a, unsigned size, unsigned operation, unsigned reg, int32_t value) {
  put_rr(a, size, HOST_IMMEDIATE, operation, reg);
  put_bytes(a, (uint32_t)value, 4);
}

/* An operation of HOST_SHIFT. */
static inline void put_shift(struct assembler *a, unsigned size, unsigned operation, unsigned reg, unsigned count) {
  put_rr(a, size, HOST_SHIFT, operation, reg);
  put_bytes(a, count, 1);
}

/* A register gets a value, in the shortest way. */
static inline void put_value(struct assembler *a, unsigned reg, uint64_t value) {
  if (value == (uint32_t)value) {
    put_opcode(a, 4, 0xb8 | (reg & 7), 0, 0, reg);
    put_bytes(a, value, 4);
  } else if ((int64_t)value == (int32_t)value) {
    put_rr(a, 8, HOST_STORE_IMMEDIATE, 0, reg);
    put_bytes(a, value, 4);
  } else {
    put_opcode(a, 8, 0xb8 | (reg & 7), 0, 0, reg);
    put_bytes(a, value, 8);
  }
}

/* A jump whose target put_target() says. */
static inline uint8_t *put_branch(struct assembler *a, enum host_condition condition) {
  put_bytes(a, 0x0f, 1);
  put_bytes(a, 0x80 | condition, 1);
  put_bytes(a, 0, 4);
  return a->at;
}

static inline void put_target(struct assembler *a, uint8_t *branch, const uint8_t *target) {
  int32_t distance = (int32_t)(target - branch);
  if (branch <= a->end) memcpy(branch - 4, &distance, sizeof distance);
}

static inline void put_jump(struct assembler *a, const uint8_t *target) {
  put_bytes(a, HOST_JUMP_NEAR, 1);
  put_bytes(a, 0, 4);
  put_target(a, a->at, target);
}

static inline void put_jump_through(struct assembler *a, unsigned base, int32_t disp) {
  put_rm(a, 4, HOST_COUNT_OR_JUMP, HOST_JMP, base, NO_INDEX, 0, disp);
}

#endif
