#include "soft/translation/operand.h"

#define FXSAVE_BYTES 512
#define XSAVE_BYTES 576

static struct operand reads(uint32_t bytes) { return (struct operand){.bytes = (uint16_t)bytes}; }
static struct operand writes(uint32_t bytes) { return (struct operand){.bytes = (uint16_t)bytes, .written = true}; }
static struct operand either(uint32_t bytes, bool written) {
  return (struct operand){.bytes = (uint16_t)bytes, .written = written};
}

/* D8 to DF, a row each: the bytes of the eight members, negative when they are written. The environment
 * (D9 /4, /6) and the whole state (DD /4, /6) have 7 words of the operand's size, and 80 bytes more. */
static struct operand x87(const struct insn *insn) {
  static const int8_t bytes[8][8] = {
      {4, 4, 4, 4, 4, 4, 4, 4},       {4, 0, -4, -4, 0, 2, 0, -2}, {4, 4, 4, 4, 4, 4, 4, 4},
      {4, -4, -4, -4, 0, 10, 0, -10}, {8, 8, 8, 8, 8, 8, 8, 8},    {8, -8, -8, -8, 0, 0, 0, -2},
      {2, 2, 2, 2, 2, 2, 2, 2},       {2, -2, -2, -2, 10, 8, -10, -8}};
  unsigned row = insn->opcode & 7, member = insn->reg & 7;
  if ((row == 1 || row == 5) && (member & 5) == 4) {
    return either((insn->size == 2 ? 14 : 28) + (row == 5 ? 80 : 0), member == 6);
  }
  int8_t size = bytes[row][member];
  return either((uint32_t)(size < 0 ? -size : size), size < 0);
}

static struct operand one_byte(const struct insn *insn) {
  uint8_t opcode = insn->opcode, member = insn->reg & 7;
  uint32_t size = opcode & 1 ? insn->size : 1;
  if (opcode < 0x40) return either(size, !(opcode & 2) && opcode < 0x38);
  switch (opcode) {
    case 0x62: return reads(2u * insn->size);
    case 0x63: return writes(2);
    case 0x69: case 0x6b: return reads(insn->size);
    case 0x80 ... 0x83: return either(size, member != 7);
    case 0x84: case 0x85: case 0x8a: case 0x8b: case 0xa0: case 0xa1: return reads(size);
    case 0x8c: return writes(2);
    case 0x8d: return reads(0);
    case 0x8e: return reads(2);
    case 0x8f: return writes(insn->size);
    case 0xc4: case 0xc5: return reads(insn->size + 2u);
    case 0xd7: return reads(1);
    case 0xd8 ... 0xdf: return x87(insn);
    case 0xf6: case 0xf7: return either(size, member == 2 || member == 3);
    case 0xff:
      if (member >= 2) return reads(member == 3 || member == 5 ? insn->size + 2u : insn->size);
      return writes(size);
    default: return writes(size); /* XCHG, MOV, shifts, INC, DEC */
  }
}

/* An SSE operand: packed, of MMX where no prefix says otherwise, or a scalar. */
static uint32_t vector_bytes(const struct insn *insn) { return insn_prefix(insn) == PREFIX_NONE ? 8 : 16; }
static uint32_t float_bytes(const struct insn *insn) {
  return insn_prefix(insn) == PREFIX_F3 ? 4 : insn_prefix(insn) == PREFIX_F2 ? 8 : 16;
}

/* 0F AE. */
static struct operand group15(const struct insn *insn) {
  switch (insn->reg & 7) {
    case 0: return writes(FXSAVE_BYTES);
    case 1: return reads(FXSAVE_BYTES);
    case 2: return reads(4);
    case 3: return writes(4);
    case 5: return reads(XSAVE_BYTES);
    case 7: return reads(1);
    default: return writes(XSAVE_BYTES);
  }
}

static struct operand two_bytes(const struct insn *insn) {
  uint8_t opcode = insn->opcode, prefix = insn_prefix(insn), member = insn->reg & 7;
  uint32_t size = opcode & 1 ? insn->size : 1;
  switch (opcode) {
    case 0x00: return either(2, member < 2);
    case 0x01:
      if (member < 4) return either(6, member < 2);
      return member == 7 ? reads(0) : either(2, member == 4);
    case 0x02: case 0x03: return reads(2);
    case 0x10: case 0x51 ... 0x59: case 0x5c ... 0x5f: case 0xc2: return reads(float_bytes(insn));
    case 0x11: return writes(float_bytes(insn));
    case 0x12: case 0x16: return reads(prefix == PREFIX_F3 ? 16 : 8);
    case 0x13: case 0x17: case 0xd6: return writes(8);
    case 0x14: case 0x15: case 0x28: case 0x7c: case 0x7d: case 0xc6: case 0xd0: return reads(16);
    case 0x29: case 0x2b: return writes(16);
    case 0x2a: return reads(prefix == PREFIX_F3 || prefix == PREFIX_F2 ? 4 : 8);
    case 0x2c: case 0x2d: return reads(prefix == PREFIX_NONE ? 8 : float_bytes(insn));
    case 0x2e: case 0x2f: return reads(prefix == PREFIX_NONE ? 4 : 8);
    case 0x40 ... 0x4f: return reads(insn->size);
    case 0x5a: return reads(prefix == PREFIX_NONE ? 8 : float_bytes(insn));
    case 0x5b: case 0xf0: return reads(16);
    case 0x60 ... 0x62: return reads(prefix == PREFIX_NONE ? 4 : 16);
    case 0x6e: return reads(4);
    case 0x7e: return prefix == PREFIX_F3 ? reads(8) : writes(4);
    case 0x7f: case 0xe7: case 0xf7: return writes(vector_bytes(insn));
    case 0x90 ... 0x9f: return writes(1);
    case 0xa3: case 0xaf: case 0xb8: case 0xbc: case 0xbd: return reads(insn->size);
    case 0xa4: case 0xa5: case 0xab: case 0xac: case 0xad: case 0xb3: case 0xbb: return writes(insn->size);
    case 0xae: return group15(insn);
    case 0xb0: case 0xb1: case 0xc0: case 0xc1: return writes(size);
    case 0xb2: case 0xb4: case 0xb5: return reads(insn->size + 2u);
    case 0xb6: case 0xbe: return reads(1);
    case 0xb7: case 0xbf: case 0xc4: return reads(2);
    case 0xba: return either(insn->size, member != 4);
    case 0xc3: return writes(4);
    case 0xc7: return writes(8);
    case 0xe6: return reads(prefix == PREFIX_F3 ? 8 : 16);
    default: return reads(vector_bytes(insn));
  }
}

static struct operand three_bytes_38(const struct insn *insn) {
  static const uint8_t extended[] = {8, 4, 2, 8, 4, 8}; /* PMOVSX, PMOVZX: BW to DQ */
  uint8_t opcode = insn->opcode;
  if ((opcode & 0xef) >= 0x20 && (opcode & 0xef) <= 0x25) return reads(extended[opcode & 7]);
  if (opcode == 0xf0) return reads(insn->rep == 0xf2 ? 1 : insn->size);
  if (opcode == 0xf1) return either(insn->size, insn->rep != 0xf2);
  return reads(opcode == 0x82 ? 16 : vector_bytes(insn));
}

static struct operand three_bytes_3a(const struct insn *insn) {
  switch (insn->opcode) {
    case 0x0a: case 0x21: case 0x22: return reads(4);
    case 0x0b: return reads(8);
    case 0x14: return writes(1);
    case 0x15: return writes(2);
    case 0x16: case 0x17: return writes(4);
    case 0x20: return reads(1);
    default: return reads(vector_bytes(insn));
  }
}

struct operand insn_operand(const struct insn *insn) {
  switch (insn->map) {
    case MAP_ONE_BYTE: return one_byte(insn);
    case MAP_0F: return two_bytes(insn);
    case MAP_0F38: return three_bytes_38(insn);
    default: return three_bytes_3a(insn);
  }
}
