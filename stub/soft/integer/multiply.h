/* Handlers of multiplication and division. */
#ifndef SX_SOFT_MULTIPLY_H
#define SX_SOFT_MULTIPLY_H

#include "soft/cpu.h"

/* By RAX; the operand is in `src`, REG_EA for memory, its size in `code`. */
handler mul, imul, divide, idivide;
handler imul16_rr, imul32_rr, imul64_rr, imul16_rm, imul32_rm, imul64_rm;
handler imul16_rri, imul32_rri, imul64_rri, imul16_rmi, imul32_rmi, imul64_rmi;

#endif
