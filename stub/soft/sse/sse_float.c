/* Floating-point arithmetic and comparisons. */
#include "soft/sse/sse_handlers.h"

/* Both precisions, packed and scalar. */
#define ARITHMETIC(X) \
  X(51, sqrt)         \
  X(58, add)          \
  X(59, mul)          \
  X(5C, sub)          \
  X(5D, min)          \
  X(5E, div)          \
  X(5F, max)

#define DEFINE(opcode, name)       \
  SSE_OP(name##ps, m128, TRAPPED) \
  SSE_OP(name##pd, m128, TRAPPED) \
  SSE_OP(name##ss, m32, TRAPPED)  \
  SSE_OP(name##sd, m64, TRAPPED)

ARITHMETIC(DEFINE)

SSE_OP(rsqrtps, m128, MASKED)
SSE_OP(rsqrtss, m32, MASKED)
SSE_OP(rcpps, m128, MASKED)
SSE_OP(rcpss, m32, MASKED)
SSE_OP(andps, m128, MASKED)
SSE_OP(andpd, m128, MASKED)
SSE_OP(andnps, m128, MASKED)
SSE_OP(andnpd, m128, MASKED)
SSE_OP(orps, m128, MASKED)
SSE_OP(orpd, m128, MASKED)
SSE_OP(xorps, m128, MASKED)
SSE_OP(xorpd, m128, MASKED)

SSE_OP(haddps, m128, TRAPPED)
SSE_OP(haddpd, m128, TRAPPED)
SSE_OP(hsubps, m128, TRAPPED)
SSE_OP(hsubpd, m128, TRAPPED)
SSE_OP(addsubps, m128, TRAPPED)
SSE_OP(addsubpd, m128, TRAPPED)

SSE_OP_IMM(cmpps, 8, m128, TRAPPED)
SSE_OP_IMM(cmppd, 8, m128, TRAPPED)
SSE_OP_IMM(cmpss, 8, m32, TRAPPED)
SSE_OP_IMM(cmpsd, 8, m64, TRAPPED)
SSE_OP_IMM(roundps, 16, m128, TRAPPED)
SSE_OP_IMM(roundpd, 16, m128, TRAPPED)
SSE_OP_IMM(roundss, 16, m32, TRAPPED)
SSE_OP_IMM(roundsd, 16, m64, TRAPPED)
SSE_OP_IMM(dpps, 256, m128, TRAPPED)
SSE_OP_IMM(dppd, 256, m128, TRAPPED)

/* OF, SF and AF become 0 (SDM volume 2, COMISS). */
#define COMPARE(name, operand)                                     \
  static inline void name(struct cpu *cpu, const struct op *op, __m128i b) { \
    bool zf, pf, cf;                                               \
    __asm__ volatile(#name " %4, %3"                               \
                     : "=@ccz"(zf), "=@ccp"(pf), "=@ccc"(cf)       \
                     : "x"(*xmm(cpu, op->dst)), "x"(b));           \
    TRAPPED;                                                       \
    cc_flags(cpu, (zf ? FLAG_ZF : 0) | (pf ? FLAG_PF : 0) | (cf ? FLAG_CF : 0)); \
  }                                                                \
  static void name##_reg(struct cpu *cpu, const struct op *op) {   \
    name(cpu, op, *xmm(cpu, op->src));                             \
    NEXT;                                                          \
  }                                                                \
  static void name##_mem(struct cpu *cpu, const struct op *op) {   \
    name(cpu, op, operand(cpu, op));                               \
    NEXT;                                                          \
  }

COMPARE(ucomiss, m32)
COMPARE(ucomisd, m64)
COMPARE(comiss, m32)
COMPARE(comisd, m64)

#define ENTRIES(opcode, name)                \
  SSE_ENTRY(0F, NONE, opcode, name##ps),     \
      SSE_ENTRY(0F, 66, opcode, name##pd),   \
      SSE_ENTRY(0F, F3, opcode, name##ss),   \
      SSE_ENTRY(0F, F2, opcode, name##sd),

const struct sse_entry sse_floats[] = {
    ARITHMETIC(ENTRIES)
    ENTRIES(C2, cmp)
    SSE_ENTRY(0F, NONE, 2E, ucomiss),
    SSE_ENTRY(0F, 66, 2E, ucomisd),
    SSE_ENTRY(0F, NONE, 2F, comiss),
    SSE_ENTRY(0F, 66, 2F, comisd),
    SSE_ENTRY(0F, NONE, 52, rsqrtps),
    SSE_ENTRY(0F, F3, 52, rsqrtss),
    SSE_ENTRY(0F, NONE, 53, rcpps),
    SSE_ENTRY(0F, F3, 53, rcpss),
    SSE_ENTRY(0F, NONE, 54, andps),
    SSE_ENTRY(0F, 66, 54, andpd),
    SSE_ENTRY(0F, NONE, 55, andnps),
    SSE_ENTRY(0F, 66, 55, andnpd),
    SSE_ENTRY(0F, NONE, 56, orps),
    SSE_ENTRY(0F, 66, 56, orpd),
    SSE_ENTRY(0F, NONE, 57, xorps),
    SSE_ENTRY(0F, 66, 57, xorpd),
    SSE_ENTRY(0F, 66, 7C, haddpd),
    SSE_ENTRY(0F, F2, 7C, haddps),
    SSE_ENTRY(0F, 66, 7D, hsubpd),
    SSE_ENTRY(0F, F2, 7D, hsubps),
    SSE_ENTRY(0F, 66, D0, addsubpd),
    SSE_ENTRY(0F, F2, D0, addsubps),
    SSE_ENTRY(0F3A, 66, 08, roundps),
    SSE_ENTRY(0F3A, 66, 09, roundpd),
    SSE_ENTRY(0F3A, 66, 0A, roundss),
    SSE_ENTRY(0F3A, 66, 0B, roundsd),
    SSE_ENTRY(0F3A, 66, 40, dpps),
    SSE_ENTRY(0F3A, 66, 41, dppd),
    {0},
};
