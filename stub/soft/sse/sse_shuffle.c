/* Shuffles, blends, insertions and extractions. */
#include "soft/sse/sse_handlers.h"

SSE_OP(unpcklps, m128, MASKED)
SSE_OP(unpcklpd, m128, MASKED)
SSE_OP(unpckhps, m128, MASKED)
SSE_OP(unpckhpd, m128, MASKED)
SSE_OP_IMM(shufps, 256, m128, MASKED)
SSE_OP_IMM(shufpd, 4, m128, MASKED)
SSE_OP_IMM(pshufd, 256, m128, MASKED)
SSE_OP_IMM(pshufhw, 256, m128, MASKED)
SSE_OP_IMM(pshuflw, 256, m128, MASKED)
SSE_OP_IMM(blendps, 16, m128, MASKED)
SSE_OP_IMM(blendpd, 4, m128, MASKED)
SSE_OP_IMM(pblendw, 256, m128, MASKED)

/* XMM0 chooses. */
#define BLEND(name)                                                                              \
  static inline void name(struct cpu *cpu, const struct op *op, __m128i b) {                     \
    __m128i a = *xmm(cpu, op->dst);                                                              \
    __asm__(#name " %2, %1, %0" : "+x"(a) : "x"(b), "Yz"(*xmm(cpu, 0)));                         \
    *xmm(cpu, op->dst) = a;                                                                      \
  }                                                                                              \
  static void name##_reg(struct cpu *cpu, const struct op *op) {                                 \
    name(cpu, op, *xmm(cpu, op->src));                                                           \
    NEXT;                                                                                        \
  }                                                                                              \
  static void name##_mem(struct cpu *cpu, const struct op *op) {                                 \
    name(cpu, op, m128(cpu, op));                                                                \
    NEXT;                                                                                        \
  }

BLEND(pblendvb)
BLEND(blendvps)
BLEND(blendvpd)

/* PALIGNR, PSRLDQ and PSLLDQ take bytes of a vector that has zeros on both sides. */
static const uint8_t window[16 + 16 + 32] = {
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,   11,   12,   13,   14,   15,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};

/* @param from the first byte, -16 to 32 */
static inline __m128i bytes_from(__m128i value, int64_t from) {
  return _mm_shuffle_epi8(value, _mm_loadu_si128((const __m128i *)(window + 16 + from)));
}

static inline void palignr(struct cpu *cpu, const struct op *op, __m128i low) {
  int64_t from = op->imm < 32 ? (int64_t)op->imm : 32;
  *xmm(cpu, op->dst) =
      _mm_or_si128(bytes_from(low, from), bytes_from(*xmm(cpu, op->dst), from - 16));
}

static void palignr_reg(struct cpu *cpu, const struct op *op) {
  palignr(cpu, op, *xmm(cpu, op->src));
  NEXT;
}

static void palignr_mem(struct cpu *cpu, const struct op *op) {
  palignr(cpu, op, m128(cpu, op));
  NEXT;
}

static void psrldq(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = bytes_from(*xmm(cpu, op->dst), op->imm < 16 ? (int64_t)op->imm : 16);
  NEXT;
}

static void pslldq(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = bytes_from(*xmm(cpu, op->dst), op->imm < 16 ? -(int64_t)op->imm : -16);
  NEXT;
}

SSE_IMM(insertps, 256)

static void insertps_reg(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = insertps_imm(*xmm(cpu, op->dst), *xmm(cpu, op->src), op->imm);
  NEXT;
}

/* The bits that say which element of the source say nothing here: it is the only one. */
static void insertps_mem(struct cpu *cpu, const struct op *op) {
  __m128i element = m32(cpu, op);
  *xmm(cpu, op->dst) = insertps_imm(*xmm(cpu, op->dst), element, op->imm & 0x3f);
  NEXT;
}

#define INSERT(name, count, bits)                                                            \
  static __attribute__((noinline)) __m128i name##_imm(__m128i a, uint64_t b, uint64_t imm) { \
    uint64_t to;                                                                             \
    __asm__(SSE_IMM_ASM(#name " $sse_imm, %" INSERT_OPERAND_##bits "[b], %[a]", count)       \
            : [a] "+x"(a), [to] "=&r"(to)                                                    \
            : [b] "r"(b), [at] "r"(imm * SSE_IMM_STEP));                                     \
    return a;                                                                                \
  }                                                                                          \
  static void name##_reg(struct cpu *cpu, const struct op *op) {                             \
    *xmm(cpu, op->dst) = name##_imm(*xmm(cpu, op->dst), REG64(op->src), op->imm % (count));  \
    NEXT;                                                                                    \
  }                                                                                          \
  static void name##_mem(struct cpu *cpu, const struct op *op) {                             \
    uint64_t b = load##bits(cpu, op, ea(cpu, op));                                           \
    *xmm(cpu, op->dst) = name##_imm(*xmm(cpu, op->dst), b, op->imm % (count));               \
    NEXT;                                                                                    \
  }
#define INSERT_OPERAND_8 "k"
#define INSERT_OPERAND_16 "k"
#define INSERT_OPERAND_32 "k"
#define INSERT_OPERAND_64 "q"

INSERT(pinsrb, 16, 8)
INSERT(pinsrw, 8, 16)
INSERT(pinsrd, 4, 32)
INSERT(pinsrq, 2, 64)

/* To general registers with zeros in front. */
#define EXTRACT(name, count, bits)                                                       \
  static void name##_reg(struct cpu *cpu, const struct op *op) {                         \
    SET64(op->dst, cpu->xmm[op->src].u##bits[op->imm % (count)]);                        \
    NEXT;                                                                                \
  }                                                                                      \
  static void name##_mem(struct cpu *cpu, const struct op *op) {                         \
    store##bits(cpu, op, ea(cpu, op), cpu->xmm[op->src].u##bits[op->imm % (count)]);     \
    NEXT;                                                                                \
  }

EXTRACT(pextrb, 16, 8)
EXTRACT(pextrw, 8, 16)
EXTRACT(pextrd, 4, 32)
EXTRACT(pextrq, 2, 64)

#define INSERT_ENTRY(map, opcode, when, name) \
  {map, PREFIX_66, opcode, when, SSE_RM_GPR, name##_reg, name##_mem}
#define EXTRACT_ENTRY(opcode, when, name) \
  {MAP_0F3A, PREFIX_66, opcode, when, SSE_RM_DST | SSE_RM_GPR, name##_reg, name##_mem}

const struct sse_entry sse_shuffles[] = {
    SSE_ENTRY(0F, NONE, 14, unpcklps),
    SSE_ENTRY(0F, 66, 14, unpcklpd),
    SSE_ENTRY(0F, NONE, 15, unpckhps),
    SSE_ENTRY(0F, 66, 15, unpckhpd),
    SSE_ENTRY(0F, NONE, C6, shufps),
    SSE_ENTRY(0F, 66, C6, shufpd),
    SSE_ENTRY(0F, 66, 70, pshufd),
    SSE_ENTRY(0F, F3, 70, pshufhw),
    SSE_ENTRY(0F, F2, 70, pshuflw),
    SSE_ENTRY(0F38, 66, 10, pblendvb),
    SSE_ENTRY(0F38, 66, 14, blendvps),
    SSE_ENTRY(0F38, 66, 15, blendvpd),
    SSE_ENTRY(0F3A, 66, 0C, blendps),
    SSE_ENTRY(0F3A, 66, 0D, blendpd),
    SSE_ENTRY(0F3A, 66, 0E, pblendw),
    SSE_ENTRY(0F3A, 66, 0F, palignr),
    SSE_ENTRY(0F3A, 66, 21, insertps),
    {MAP_0F, PREFIX_66, 0x73, SSE_DIGIT_IS(3), SSE_RM_DST, psrldq, NULL},
    {MAP_0F, PREFIX_66, 0x73, SSE_DIGIT_IS(7), SSE_RM_DST, pslldq, NULL},
    INSERT_ENTRY(MAP_0F, 0xc4, SSE_ANY, pinsrw),
    INSERT_ENTRY(MAP_0F3A, 0x20, SSE_ANY, pinsrb),
    INSERT_ENTRY(MAP_0F3A, 0x22, SSE_W0, pinsrd),
    INSERT_ENTRY(MAP_0F3A, 0x22, SSE_W1, pinsrq),
    {MAP_0F, PREFIX_66, 0xc5, SSE_ANY, SSE_REG_GPR, pextrw_reg, NULL},
    EXTRACT_ENTRY(0x14, SSE_ANY, pextrb),
    EXTRACT_ENTRY(0x15, SSE_ANY, pextrw),
    EXTRACT_ENTRY(0x16, SSE_W0, pextrd),
    EXTRACT_ENTRY(0x16, SSE_W1, pextrq),
    EXTRACT_ENTRY(0x17, SSE_ANY, pextrd), /* EXTRACTPS */
    {0},
};
