/* Integer arithmetic and shuffles on MMX registers: those of MMX, SSE, SSE2 and SSSE3. */
#include "soft/sse/mmx.h"

/* The last one: bits of an operand in memory. */
#define BINARY(X)             \
  X(0F, 60, punpcklbw, 32)    \
  X(0F, 61, punpcklwd, 32)    \
  X(0F, 62, punpckldq, 32)    \
  X(0F, 63, packsswb, 64)     \
  X(0F, 64, pcmpgtb, 64)      \
  X(0F, 65, pcmpgtw, 64)      \
  X(0F, 66, pcmpgtd, 64)      \
  X(0F, 67, packuswb, 64)     \
  X(0F, 68, punpckhbw, 64)    \
  X(0F, 69, punpckhwd, 64)    \
  X(0F, 6A, punpckhdq, 64)    \
  X(0F, 6B, packssdw, 64)     \
  X(0F, 74, pcmpeqb, 64)      \
  X(0F, 75, pcmpeqw, 64)      \
  X(0F, 76, pcmpeqd, 64)      \
  X(0F, D1, psrlw, 64)        \
  X(0F, D2, psrld, 64)        \
  X(0F, D3, psrlq, 64)        \
  X(0F, D4, paddq, 64)        \
  X(0F, D5, pmullw, 64)       \
  X(0F, D8, psubusb, 64)      \
  X(0F, D9, psubusw, 64)      \
  X(0F, DA, pminub, 64)       \
  X(0F, DB, pand, 64)         \
  X(0F, DC, paddusb, 64)      \
  X(0F, DD, paddusw, 64)      \
  X(0F, DE, pmaxub, 64)       \
  X(0F, DF, pandn, 64)        \
  X(0F, E0, pavgb, 64)        \
  X(0F, E1, psraw, 64)        \
  X(0F, E2, psrad, 64)        \
  X(0F, E3, pavgw, 64)        \
  X(0F, E4, pmulhuw, 64)      \
  X(0F, E5, pmulhw, 64)       \
  X(0F, E8, psubsb, 64)       \
  X(0F, E9, psubsw, 64)       \
  X(0F, EA, pminsw, 64)       \
  X(0F, EB, por, 64)          \
  X(0F, EC, paddsb, 64)       \
  X(0F, ED, paddsw, 64)       \
  X(0F, EE, pmaxsw, 64)       \
  X(0F, EF, pxor, 64)         \
  X(0F, F1, psllw, 64)        \
  X(0F, F2, pslld, 64)        \
  X(0F, F3, psllq, 64)        \
  X(0F, F4, pmuludq, 64)      \
  X(0F, F5, pmaddwd, 64)      \
  X(0F, F6, psadbw, 64)       \
  X(0F, F8, psubb, 64)        \
  X(0F, F9, psubw, 64)        \
  X(0F, FA, psubd, 64)        \
  X(0F, FB, psubq, 64)        \
  X(0F, FC, paddb, 64)        \
  X(0F, FD, paddw, 64)        \
  X(0F, FE, paddd, 64)        \
  X(0F38, 00, pshufb, 64)     \
  X(0F38, 01, phaddw, 64)     \
  X(0F38, 02, phaddd, 64)     \
  X(0F38, 03, phaddsw, 64)    \
  X(0F38, 04, pmaddubsw, 64)  \
  X(0F38, 05, phsubw, 64)     \
  X(0F38, 06, phsubd, 64)     \
  X(0F38, 07, phsubsw, 64)    \
  X(0F38, 08, psignb, 64)     \
  X(0F38, 09, psignw, 64)     \
  X(0F38, 0A, psignd, 64)     \
  X(0F38, 0B, pmulhrsw, 64)   \
  X(0F38, 1C, pabsb, 64)      \
  X(0F38, 1D, pabsw, 64)      \
  X(0F38, 1E, pabsd, 64)

#define DEFINE_BINARY(map, opcode, name, bits)                                     \
  static inline uint64_t name(uint64_t a, uint64_t b) {                            \
    __asm__ volatile("movq %[a], %%mm0\n\tmovq %[b], %%mm1\n\t"                    \
                     #name " %%mm1, %%mm0\n\tmovq %%mm0, %[a]\n\temms"             \
                     : [a] "+r"(a) : [b] "r"(b) : "mm0", "mm1");                   \
    return a;                                                                      \
  }                                                                                \
  static void name##_reg(struct cpu *cpu, const struct op *op) {                   \
    mmx_wait(cpu, op);                                                             \
    mmx_set(cpu, op->dst, name(mmx_get(cpu, op->dst), mmx_get(cpu, op->src)));     \
    NEXT;                                                                          \
  }                                                                                \
  static void name##_mem(struct cpu *cpu, const struct op *op) {                   \
    mmx_wait(cpu, op);                                                             \
    uint64_t b = load##bits(cpu, op, ea(cpu, op));                                 \
    mmx_set(cpu, op->dst, name(mmx_get(cpu, op->dst), b));                         \
    NEXT;                                                                          \
  }
#define BINARY_ENTRY(map, opcode, name, bits) MMX_ENTRY(map, opcode, name),

BINARY(DEFINE_BINARY)

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

#define DEFINE_SHIFT(opcode, digit, name)                                \
  static void name##_by(struct cpu *cpu, const struct op *op) {          \
    mmx_wait(cpu, op);                                                   \
    mmx_set(cpu, op->dst, name(mmx_get(cpu, op->dst), op->imm));         \
    NEXT;                                                                \
  }
#define SHIFT_ENTRY(opcode, digit, name)                                        \
  {MAP_0F, PREFIX_NONE, 0x##opcode, SSE_DIGIT_IS(digit), SSE_MMX | SSE_RM_DST, \
   name##_by, NULL},

SHIFTS(DEFINE_SHIFT)

#define WORD_BITS 16

static uint64_t pshufw(uint64_t from, uint64_t order) {
  uint64_t result = 0;
  for (uint32_t i = 0; i < 4; i++) {
    uint64_t word = from >> (order >> 2 * i & 3) * WORD_BITS & 0xffff;
    result |= word << i * WORD_BITS;
  }
  return result;
}

static void pshufw_reg(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  mmx_set(cpu, op->dst, pshufw(mmx_get(cpu, op->src), op->imm));
  NEXT;
}

static void pshufw_mem(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  uint64_t from = load64(cpu, op, ea(cpu, op));
  mmx_set(cpu, op->dst, pshufw(from, op->imm));
  NEXT;
}

/* The bytes from `from` of a value of 16 bytes. */
static uint64_t palignr(uint64_t high, uint64_t low, uint64_t from) {
  unsigned __int128 both = (unsigned __int128)high << 64 | low;
  return from < 16 ? (uint64_t)(both >> from * 8) : 0;
}

static void palignr_reg(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  mmx_set(cpu, op->dst, palignr(mmx_get(cpu, op->dst), mmx_get(cpu, op->src), op->imm));
  NEXT;
}

static void palignr_mem(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  uint64_t low = load64(cpu, op, ea(cpu, op));
  mmx_set(cpu, op->dst, palignr(mmx_get(cpu, op->dst), low, op->imm));
  NEXT;
}

static uint64_t pinsrw(uint64_t into, uint16_t word, uint64_t place) {
  uint32_t shift = (uint32_t)(place & 3) * WORD_BITS;
  return (into & ~(0xffffull << shift)) | (uint64_t)word << shift;
}

static void pinsrw_reg(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  mmx_set(cpu, op->dst, pinsrw(mmx_get(cpu, op->dst), REG16(op->src), op->imm));
  NEXT;
}

static void pinsrw_mem(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  uint16_t word = load16(cpu, op, ea(cpu, op));
  mmx_set(cpu, op->dst, pinsrw(mmx_get(cpu, op->dst), word, op->imm));
  NEXT;
}

static void pextrw(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  mmx_enter(cpu);
  SET32(op->dst, mmx_get(cpu, op->src) >> (op->imm & 3) * WORD_BITS & 0xffff);
  NEXT;
}

static void pmovmskb(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  mmx_enter(cpu);
  SET32(op->dst, _mm_movemask_epi8(_mm_cvtsi64_si128((int64_t)mmx_get(cpu, op->src))));
  NEXT;
}

const struct sse_entry mmx_integers[] = {
    BINARY(BINARY_ENTRY)
    SHIFTS(SHIFT_ENTRY)
    MMX_ENTRY(0F, 70, pshufw),
    MMX_ENTRY(0F3A, 0F, palignr),
    {MAP_0F, PREFIX_NONE, 0xc4, SSE_ANY, SSE_MMX | SSE_RM_GPR, pinsrw_reg, pinsrw_mem},
    {MAP_0F, PREFIX_NONE, 0xc5, SSE_ANY, SSE_MMX | SSE_REG_GPR, pextrw, NULL},
    {MAP_0F, PREFIX_NONE, 0xd7, SSE_ANY, SSE_MMX | SSE_REG_GPR, pmovmskb, NULL},
    {0},
};
