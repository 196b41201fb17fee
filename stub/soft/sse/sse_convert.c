/* Conversions between integers and both precisions. */
#include "soft/sse/sse_handlers.h"

#define CONVERSIONS(X)             \
  X(NONE, 5A, cvtps2pd, m64)       \
  X(66, 5A, cvtpd2ps, m128)        \
  X(F3, 5A, cvtss2sd, m32)         \
  X(F2, 5A, cvtsd2ss, m64)         \
  X(NONE, 5B, cvtdq2ps, m128)      \
  X(66, 5B, cvtps2dq, m128)        \
  X(F3, 5B, cvttps2dq, m128)       \
  X(66, E6, cvttpd2dq, m128)       \
  X(F3, E6, cvtdq2pd, m64)         \
  X(F2, E6, cvtpd2dq, m128)

#define DEFINE(prefix, opcode, name, operand) SSE_OP(name, operand, TRAPPED)
#define ENTRY(prefix, opcode, name, operand) SSE_ENTRY(0F, prefix, opcode, name),

CONVERSIONS(DEFINE)

/* To a general register: its 32 bits and its 64 bits. */
#define TO_INTEGER(name, operand)                               \
  TO_INTEGER_OF(name##_32, #name " %1, %k0", SET32, operand)    \
  TO_INTEGER_OF(name##_64, #name " %1, %q0", SET64, operand)

#define TO_INTEGER_OF(name, text, set, operand)                       \
  static void name##_reg(struct cpu *cpu, const struct op *op) {      \
    uint64_t value;                                                   \
    __asm__ volatile(text : "=r"(value) : "x"(*xmm(cpu, op->src)));   \
    TRAPPED;                                                          \
    set(op->dst, value);                                              \
    NEXT;                                                             \
  }                                                                   \
  static void name##_mem(struct cpu *cpu, const struct op *op) {      \
    uint64_t value;                                                   \
    __m128i source = operand(cpu, op);                                \
    __asm__ volatile(text : "=r"(value) : "x"(source));               \
    TRAPPED;                                                          \
    set(op->dst, value);                                              \
    NEXT;                                                             \
  }

TO_INTEGER(cvtss2si, m32)
TO_INTEGER(cvttss2si, m32)
TO_INTEGER(cvtsd2si, m64)
TO_INTEGER(cvttsd2si, m64)

#define FROM_INTEGER(name)                         \
  FROM_INTEGER_OF(name##_32, #name "l %k1, %0", 32) \
  FROM_INTEGER_OF(name##_64, #name "q %q1, %0", 64)

#define FROM_INTEGER_OF(name, text, bits)                              \
  static void name##_reg(struct cpu *cpu, const struct op *op) {       \
    __m128i a = *xmm(cpu, op->dst);                                    \
    __asm__ volatile(text : "+x"(a) : "r"(REG##bits(op->src)));        \
    TRAPPED;                                                           \
    *xmm(cpu, op->dst) = a;                                            \
    NEXT;                                                              \
  }                                                                    \
  static void name##_mem(struct cpu *cpu, const struct op *op) {       \
    uint##bits##_t value = load##bits(cpu, op, ea(cpu, op));           \
    __m128i a = *xmm(cpu, op->dst);                                    \
    __asm__ volatile(text : "+x"(a) : "r"(value));                     \
    TRAPPED;                                                           \
    *xmm(cpu, op->dst) = a;                                            \
    NEXT;                                                              \
  }

FROM_INTEGER(cvtsi2ss)
FROM_INTEGER(cvtsi2sd)

#define ENTRIES(prefix, opcode, form, name)                                             \
  {MAP_0F, prefix, opcode, SSE_W0, form, name##_32_reg, name##_32_mem}, {               \
    MAP_0F, prefix, opcode, SSE_W1, form, name##_64_reg, name##_64_mem                  \
  }

const struct sse_entry sse_conversions[] = {
    CONVERSIONS(ENTRY)
    ENTRIES(PREFIX_F3, 0x2a, SSE_RM_GPR, cvtsi2ss),
    ENTRIES(PREFIX_F2, 0x2a, SSE_RM_GPR, cvtsi2sd),
    ENTRIES(PREFIX_F3, 0x2c, SSE_REG_GPR, cvttss2si),
    ENTRIES(PREFIX_F2, 0x2c, SSE_REG_GPR, cvttsd2si),
    ENTRIES(PREFIX_F3, 0x2d, SSE_REG_GPR, cvtss2si),
    ENTRIES(PREFIX_F2, 0x2d, SSE_REG_GPR, cvtsd2si),
    {0},
};
