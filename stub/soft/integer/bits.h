/* Handlers of bit instructions and of compare-and-exchange. */
#ifndef SX_SOFT_BITS_H
#define SX_SOFT_BITS_H

#include "soft/cpu.h"

/* By size of 2, 4 or 8 bytes. The bit's number is `src` (REG_ZERO for none) plus `imm`. */
enum { BIT_BT, BIT_BTS, BIT_BTR, BIT_BTC, BIT_OPERATIONS };
enum { BIT_R, BIT_M, BIT_LOCK_M, BIT_FORMS };
extern handler *const bit_handlers[BIT_OPERATIONS][3][BIT_FORMS];
/* Makes the address of a register's bit and the bit's number, where addresses are cut to fewer than 64
 * bits after that: REG_EA is its base then, REG_BIT the number. `code` is the operand's size. */
handler bit_place;
/* By size, log2 of bytes. */
enum { CMPXCHG_R, CMPXCHG_M, XADD_R, XADD_M, EXCHANGE_FORMS_COUNT };
extern handler *const exchange_handlers[4][EXCHANGE_FORMS_COUNT];

/* The source is a register, REG_EA for memory. */
handler bsf16, bsf32, bsf64, bsr16, bsr32, bsr64, popcnt16, popcnt32, popcnt64;
handler cmpxchg8b, cmpxchg16b;

#endif
