/* Integer arithmetic on vectors, and CRC32. */
#include "soft/sse/sse_handlers.h"

#define BINARY(X)            \
  X(0F, 60, punpcklbw)       \
  X(0F, 61, punpcklwd)       \
  X(0F, 62, punpckldq)       \
  X(0F, 63, packsswb)        \
  X(0F, 64, pcmpgtb)         \
  X(0F, 65, pcmpgtw)         \
  X(0F, 66, pcmpgtd)         \
  X(0F, 67, packuswb)        \
  X(0F, 68, punpckhbw)       \
  X(0F, 69, punpckhwd)       \
  X(0F, 6A, punpckhdq)       \
  X(0F, 6B, packssdw)        \
  X(0F, 6C, punpcklqdq)      \
  X(0F, 6D, punpckhqdq)      \
  X(0F, 74, pcmpeqb)         \
  X(0F, 75, pcmpeqw)         \
  X(0F, 76, pcmpeqd)         \
  X(0F, D1, psrlw)           \
  X(0F, D2, psrld)           \
  X(0F, D3, psrlq)           \
  X(0F, D4, paddq)           \
  X(0F, D5, pmullw)          \
  X(0F, D8, psubusb)         \
  X(0F, D9, psubusw)         \
  X(0F, DA, pminub)          \
  X(0F, DB, pand)            \
  X(0F, DC, paddusb)         \
  X(0F, DD, paddusw)         \
  X(0F, DE, pmaxub)          \
  X(0F, DF, pandn)           \
  X(0F, E0, pavgb)           \
  X(0F, E1, psraw)           \
  X(0F, E2, psrad)           \
  X(0F, E3, pavgw)           \
  X(0F, E4, pmulhuw)         \
  X(0F, E5, pmulhw)          \
  X(0F, E8, psubsb)          \
  X(0F, E9, psubsw)          \
  X(0F, EA, pminsw)          \
  X(0F, EB, por)             \
  X(0F, EC, paddsb)          \
  X(0F, ED, paddsw)          \
  X(0F, EE, pmaxsw)          \
  X(0F, EF, pxor)            \
  X(0F, F1, psllw)           \
  X(0F, F2, pslld)           \
  X(0F, F3, psllq)           \
  X(0F, F4, pmuludq)         \
  X(0F, F5, pmaddwd)         \
  X(0F, F6, psadbw)          \
  X(0F, F8, psubb)           \
  X(0F, F9, psubw)           \
  X(0F, FA, psubd)           \
  X(0F, FB, psubq)           \
  X(0F, FC, paddb)           \
  X(0F, FD, paddw)           \
  X(0F, FE, paddd)           \
  X(0F38, 00, pshufb)        \
  X(0F38, 01, phaddw)        \
  X(0F38, 02, phaddd)        \
  X(0F38, 03, phaddsw)       \
  X(0F38, 04, pmaddubsw)     \
  X(0F38, 05, phsubw)        \
  X(0F38, 06, phsubd)        \
  X(0F38, 07, phsubsw)       \
  X(0F38, 08, psignb)        \
  X(0F38, 09, psignw)        \
  X(0F38, 0A, psignd)        \
  X(0F38, 0B, pmulhrsw)      \
  X(0F38, 1C, pabsb)         \
  X(0F38, 1D, pabsw)         \
  X(0F38, 1E, pabsd)         \
  X(0F38, 28, pmuldq)        \
  X(0F38, 29, pcmpeqq)       \
  X(0F38, 2B, packusdw)      \
  X(0F38, 37, pcmpgtq)       \
  X(0F38, 38, pminsb)        \
  X(0F38, 39, pminsd)        \
  X(0F38, 3A, pminuw)        \
  X(0F38, 3B, pminud)        \
  X(0F38, 3C, pmaxsb)        \
  X(0F38, 3D, pmaxsd)        \
  X(0F38, 3E, pmaxuw)        \
  X(0F38, 3F, pmaxud)        \
  X(0F38, 40, pmulld)        \
  X(0F38, 41, phminposuw)

#define DEFINE_BINARY(map, opcode, name) SSE_OP(name, m128, MASKED)
#define BINARY_ENTRY(map, opcode, name) SSE_ENTRY(map, 66, opcode, name),

BINARY(DEFINE_BINARY)

#define EXTENSIONS(X)     \
  X(20, pmovsxbw, m64)    \
  X(21, pmovsxbd, m32)    \
  X(22, pmovsxbq, m16)    \
  X(23, pmovsxwd, m64)    \
  X(24, pmovsxwq, m32)    \
  X(25, pmovsxdq, m64)    \
  X(30, pmovzxbw, m64)    \
  X(31, pmovzxbd, m32)    \
  X(32, pmovzxbq, m16)    \
  X(33, pmovzxwd, m64)    \
  X(34, pmovzxwq, m32)    \
  X(35, pmovzxdq, m64)

#define DEFINE_EXTENSION(opcode, name, operand) SSE_OP(name, operand, MASKED)
#define EXTENSION_ENTRY(opcode, name, operand) SSE_ENTRY(0F38, 66, opcode, name),

EXTENSIONS(DEFINE_EXTENSION)

SSE_OP_IMM(mpsadbw, 8, m128, MASKED)

/* By an immediate: the instruction with its count in a register does the same. */
#define SHIFTS(X)    \
  X(71, 2, psrlw)    \
  X(71, 4, psraw)    \
  X(71, 6, psllw)    \
  X(72, 2, psrld)    \
  X(72, 4, psrad)    \
  X(72, 6, pslld)    \
  X(73, 2, psrlq)    \
  X(73, 6, psllq)

#define DEFINE_SHIFT(opcode, digit, name)                                             \
  static void name##_by(struct cpu *cpu, const struct op *op) {                       \
    __m128i a = *xmm(cpu, op->dst);                                                   \
    __asm__(#name " %1, %0" : "+x"(a) : "x"(_mm_cvtsi64_si128((int64_t)op->imm)));    \
    *xmm(cpu, op->dst) = a;                                                           \
    NEXT;                                                                             \
  }
#define SHIFT_ENTRY(opcode, digit, name) \
  {MAP_0F, PREFIX_66, 0x##opcode, SSE_DIGIT_IS(digit), SSE_RM_DST, name##_by, NULL},

SHIFTS(DEFINE_SHIFT)

static inline void ptest(struct cpu *cpu, const struct op *op, __m128i b) {
  __m128i a = *xmm(cpu, op->dst);
  cc_flags(cpu, (_mm_testz_si128(a, b) ? FLAG_ZF : 0) | (_mm_testc_si128(a, b) ? FLAG_CF : 0));
}

static void ptest_reg(struct cpu *cpu, const struct op *op) {
  ptest(cpu, op, *xmm(cpu, op->src));
  NEXT;
}

static void ptest_mem(struct cpu *cpu, const struct op *op) {
  ptest(cpu, op, m128(cpu, op));
  NEXT;
}

#define CRC32(bits)                                                                            \
  static void crc32_##bits##_reg(struct cpu *cpu, const struct op *op) {                       \
    SET32(op->dst, _mm_crc32_u##bits(REG32(op->dst), REG##bits(op->src)));                     \
    NEXT;                                                                                      \
  }                                                                                            \
  static void crc32_##bits##_mem(struct cpu *cpu, const struct op *op) {                       \
    SET32(op->dst, _mm_crc32_u##bits(REG32(op->dst), load##bits(cpu, op, ea(cpu, op))));       \
    NEXT;                                                                                      \
  }

CRC32(8)
CRC32(16)
CRC32(32)
CRC32(64)

#define CRC32_ENTRY(opcode, when, rm, bits)                                    \
  {MAP_0F38, PREFIX_F2, opcode, when, SSE_REG_GPR | (rm) | SSE_ALWAYS,         \
   crc32_##bits##_reg, crc32_##bits##_mem}

const struct sse_entry sse_integers[] = {
    BINARY(BINARY_ENTRY)
    EXTENSIONS(EXTENSION_ENTRY)
    SHIFTS(SHIFT_ENTRY)
    SSE_ENTRY(0F3A, 66, 42, mpsadbw),
    SSE_ENTRY(0F38, 66, 17, ptest),
    CRC32_ENTRY(0xf0, SSE_ANY, SSE_RM_GPR8, 8),
    CRC32_ENTRY(0xf1, SSE_SIZE2, SSE_RM_GPR, 16),
    CRC32_ENTRY(0xf1, SSE_SIZE4, SSE_RM_GPR, 32),
    CRC32_ENTRY(0xf1, SSE_SIZE8, SSE_RM_GPR, 64),
    {0},
};
