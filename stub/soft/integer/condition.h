/* Conditions of Jcc, SETcc and CMOVcc (SDM volume 1, appendix B). */
#ifndef SX_SOFT_CONDITION_H
#define SX_SOFT_CONDITION_H

#include "soft/exec.h"

/* By the number in the opcode without its lowest bit, which negates. */
enum { COND_O, COND_B, COND_Z, COND_BE, COND_S, COND_P, COND_L, COND_LE };

static inline bool condition_of_status(uint32_t status, unsigned number) {
  switch (number) {
    case COND_O: return status & FLAG_OF;
    case COND_B: return status & FLAG_CF;
    case COND_Z: return status & FLAG_ZF;
    case COND_BE: return status & (FLAG_CF | FLAG_ZF);
    case COND_S: return status & FLAG_SF;
    case COND_P: return status & FLAG_PF;
    case COND_L: return !(status & FLAG_SF) != !(status & FLAG_OF);
    default: return status & FLAG_ZF || !(status & FLAG_SF) != !(status & FLAG_OF);
  }
}

/* `number` is a constant where it matters. After a comparison no flag has to be made. */
static inline bool condition(const struct cpu *cpu, unsigned number) {
  if (likely(cpu->cc_op == CC_SUB)) {
    switch (number) {
      case COND_B: return (uint64_t)cpu->cc_a < (uint64_t)cpu->cc_b;
      case COND_Z: return cpu->cc_result == 0;
      case COND_BE: return (uint64_t)cpu->cc_a <= (uint64_t)cpu->cc_b;
      case COND_S: return cpu->cc_result < 0;
      case COND_L: return cpu->cc_a < cpu->cc_b;
      case COND_LE: return cpu->cc_a <= cpu->cc_b;
    }
  } else if (cpu->cc_op != CC_FLAGS) {
    if (number == COND_Z) return cpu->cc_result == 0;
    if (number == COND_S) return cpu->cc_result < 0;
  }
  return condition_of_status(cc_status(cpu), number);
}

#endif
