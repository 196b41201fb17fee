/* What an instruction does with its memory operand, for the checks that segments need (SDM volume 2). */
#ifndef SX_SOFT_OPERAND_H
#define SX_SOFT_OPERAND_H

#include "soft/translation/decode.h"

struct operand {
  uint16_t bytes; /* 0: it is only an address */
  bool written;
};

/* Of an instruction outside 64-bit mode. */
struct operand insn_operand(const struct insn *insn);

/* Make an address in REG_EA: with a segment's base, and of 32 bits. */
handler address64, address32;

#endif
