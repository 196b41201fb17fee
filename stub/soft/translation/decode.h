/*
 * From instruction bytes to ops. decode.c takes an instruction apart (`struct insn`); the
 * translate_*() functions, by opcode map and subject, turn it into ops.
 */
#ifndef SX_SOFT_DECODE_H
#define SX_SOFT_DECODE_H

#include "soft/cpu.h"

#define MOST_INSN_BYTES 15

enum opcode_map { MAP_ONE_BYTE, MAP_0F, MAP_0F38, MAP_0F3A };

/* Mandatory or repeat prefix, as far as it says what the opcode means. */
enum { PREFIX_NONE, PREFIX_66, PREFIX_F3, PREFIX_F2 };

/* An instruction taken apart (SDM volume 2, chapter 2). */
struct insn {
  uint8_t map, opcode;
  uint8_t rep;          /* 0, 0xf2 or 0xf3: the last of them */
  bool lock, has_66;
  bool has_rex, rex_w;
  uint8_t mode;         /* code size: 2, 4 or 8 */
  uint8_t size;         /* operand size: 2, 4 or 8 */
  uint8_t address_size; /* 2, 4 or 8 */
  bool has_modrm;
  uint8_t modrm, mod;
  uint8_t reg, rm;      /* with REX.R and REX.B; without ModRM, rm has the low bits of the opcode */
  /* Of a memory operand: register numbers (REG_ZERO for none), and the segment in use. */
  uint8_t base, index, scale, segment;
  bool rip_relative;
  int64_t disp;
  uint64_t imm;         /* sign-extended from its own size */
  uint8_t length;
  bool segment_override; /* FS or GS, or any without 64-bit mode */
};

/* Where ops go. */
struct translator {
  struct op *ops;       /* room for all of a block */
  uint32_t count, room;
  uint16_t pc;          /* the present instruction's first byte, from the block's */
  uint8_t mode;         /* code size */
  bool flat;            /* segment bases other than those of FS and GS are 0 */
  bool ended;           /* the present instruction is the block's last one */
  bool breaks;          /* instructions get an op that looks for a breakpoint there: debug.h */
  bool intercepts;      /* instructions that controls may make exit get an op for that: intercept.h */
  bool traced;          /* a block has one instruction, whose bytes its first op keeps */
  bool timed;           /* costs are counted, and what reads the clock ends its block */
  uint32_t cost;        /* of the instructions so far, cycles */
  bool sse_checked;     /* the block has asked CR0 and CR4 whether SSE is there */
  uint64_t address;     /* linear address of the block: for far too distant displacements only */
};

/* SSE's meaning of prefixes: PREFIX_*. F2 and F3 win over 66. */
static inline uint8_t insn_prefix(const struct insn *insn) {
  return insn->rep == 0xf3 ? PREFIX_F3 : insn->rep == 0xf2 ? PREFIX_F2
         : insn->has_66    ? PREFIX_66 : PREFIX_NONE;
}

static inline bool insn_memory(const struct insn *insn) { return insn->mod != 3; }

/* The byte offset of a general register operand of `size` bytes. */
static inline uint8_t insn_register(const struct insn *insn, uint8_t number, uint8_t size) {
  if (size == 1 && !insn->has_rex && number >= 4 && number < 8) return REG_OFFSET(number - 4) + 1;
  return REG_OFFSET(number);
}

/*
 * Appends an op for the present instruction. The second one also fills in the instruction's memory
 * operand, after an op that makes its address where base, index and disp alone do not say it
 * (segment bases, addresses of 16 and 32 bits). What the caller does not set is 0.
 */
struct op *emit(struct translator *t, const struct insn *insn, handler *run);
struct op *emit_memory(struct translator *t, const struct insn *insn, handler *run);
/* Of an instruction that reaches the stack with operands of `size` bytes, its `code`. */
struct op *emit_stack(struct translator *t, const struct insn *insn, handler *run, unsigned size);

/* An instruction that does not exist, or not here. */
void emit_undefined(struct translator *t, const struct insn *insn);
/* One of more than 15 bytes (SDM volume 2, 2.3.11). */
void emit_too_long(struct translator *t, const struct insn *insn);

/*
 * Takes the instruction at `bytes` apart.
 *
 * @param available bytes that may be looked at
 * @return its length, 0 when it is longer than `available`, -1 when it is longer than 15
 */
int decode(struct insn *insn, const uint8_t *bytes, uint32_t available, uint8_t mode);

/* What an instruction costs on a virtual clock, in cycles, and whether it reads that clock: cost.c. */
uint32_t insn_cost(const struct insn *insn);
bool insn_reads_clock(const struct insn *insn);

/* Each returns false when the opcode is not one of its own. */
bool translate_integer(struct translator *t, const struct insn *insn);  /* arithmetic, moves, bits */
bool translate_branch(struct translator *t, const struct insn *insn);   /* jumps, calls, returns */
bool translate_decimal(struct translator *t, const struct insn *insn);  /* what 64-bit mode has not */
bool translate_string(struct translator *t, const struct insn *insn);   /* MOVS to SCAS, INS, OUTS */
bool translate_system(struct translator *t, const struct insn *insn);   /* see system.c */
bool translate_sse(struct translator *t, const struct insn *insn);      /* MMX, too */
bool translate_x87(struct translator *t, const struct insn *insn);      /* D8 to DF, FXSAVE, XSAVE */

#endif
