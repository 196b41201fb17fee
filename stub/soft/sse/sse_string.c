/* Comparisons of strings (SDM volume 2, 4.1). */
#include "soft/sse/sse_handlers.h"

/* The length in RAX or RDX, explicit; more than 16 elements count as 16. */
static inline int32_t length(struct cpu *cpu, const struct op *op, uint8_t number) {
  int64_t value = op->code ? (int64_t)cpu->reg[number] : (int32_t)cpu->reg[number];
  return value > 16 ? 16 : value < -16 ? -16 : (int32_t)value;
}

/*
 * @param result the constraint of RCX or XMM0
 * @param type of the result
 * @param set how it is written
 */
#define COMPARE(name, result, type, set)                                                       \
  static __attribute__((noinline)) void name(struct cpu *cpu, const struct op *op, __m128i b) { \
    uint64_t to;                                                                               \
    type value;                                                                                \
    bool cf, zf, sf, of;                                                                       \
    __asm__(SSE_IMM_ASM(#name " $sse_imm, %[b], %[a]", 128)                                    \
            : result(value), [to] "=&r"(to), "=@ccc"(cf), "=@ccz"(zf), "=@ccs"(sf), "=@cco"(of) \
            : [a] "x"(*xmm(cpu, op->dst)), [b] "x"(b), "a"(length(cpu, op, RAX)),              \
              "d"(length(cpu, op, RDX)), [at] "r"(op->imm % 128 * SSE_IMM_STEP));              \
    set;                                                                                       \
    cc_flags(cpu, (cf ? FLAG_CF : 0) | (zf ? FLAG_ZF : 0) | (sf ? FLAG_SF : 0) |               \
                      (of ? FLAG_OF : 0));                                                     \
  }                                                                                            \
  static void name##_reg(struct cpu *cpu, const struct op *op) {                               \
    name(cpu, op, *xmm(cpu, op->src));                                                         \
    NEXT;                                                                                      \
  }                                                                                            \
  static void name##_mem(struct cpu *cpu, const struct op *op) {                               \
    name(cpu, op, m128u(cpu, op));                                                             \
    NEXT;                                                                                      \
  }

#define INDEX(name) COMPARE(name, "=c", uint32_t, SET32(REG_OFFSET(RCX), value))
#define MASK(name) COMPARE(name, "=Yz", __m128i, *xmm(cpu, 0) = value)

MASK(pcmpestrm)
INDEX(pcmpestri)
MASK(pcmpistrm)
INDEX(pcmpistri)

const struct sse_entry sse_strings[] = {
    SSE_ENTRY(0F3A, 66, 60, pcmpestrm),
    SSE_ENTRY(0F3A, 66, 61, pcmpestri),
    SSE_ENTRY(0F3A, 66, 62, pcmpistrm),
    SSE_ENTRY(0F3A, 66, 63, pcmpistri),
    {0},
};
