/* Moves to and from MMX registers, conversions between them and XMM registers, EMMS. */
#include "soft/sse/mmx.h"

static void copy(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  mmx_set(cpu, op->dst, mmx_get(cpu, op->src));
  NEXT;
}

static void from_general_32(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  mmx_set(cpu, op->dst, REG32(op->src));
  NEXT;
}

static void from_general_64(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  mmx_set(cpu, op->dst, REG64(op->src));
  NEXT;
}

static void to_general_32(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  mmx_enter(cpu);
  SET32(op->dst, mmx_get(cpu, op->src));
  NEXT;
}

static void to_general_64(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  mmx_enter(cpu);
  SET64(op->dst, mmx_get(cpu, op->src));
  NEXT;
}

#define MEMORY(bits)                                                        \
  static void load_##bits(struct cpu *cpu, const struct op *op) {           \
    mmx_wait(cpu, op);                                                      \
    mmx_set(cpu, op->dst, load##bits(cpu, op, ea(cpu, op)));                \
    NEXT;                                                                   \
  }                                                                         \
  static void store_##bits(struct cpu *cpu, const struct op *op) {          \
    mmx_wait(cpu, op);                                                      \
    store##bits(cpu, op, ea(cpu, op), (uint##bits##_t)mmx_get(cpu, op->src)); \
    mmx_enter(cpu);                                                         \
    NEXT;                                                                   \
  }

MEMORY(32)
MEMORY(64)

static void maskmovq(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  uint64_t address = ea(cpu, op), value = mmx_get(cpu, op->dst), mask = mmx_get(cpu, op->src);
  uint32_t chosen = (uint32_t)_mm_movemask_epi8(_mm_cvtsi64_si128((int64_t)mask));
  if (chosen != 0) {
    uint32_t first = (uint32_t)__builtin_ctz(chosen), last = 31 - (uint32_t)__builtin_clz(chosen);
    memory_probe_write(cpu, op, address + first, last - first + 1);
    for (uint32_t i = first; i <= last; i++) {
      if (chosen >> i & 1) store8(cpu, op, address + i, (uint8_t)(value >> 8 * i));
    }
  }
  mmx_enter(cpu);
  NEXT;
}

static void movq2dq(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  mmx_enter(cpu);
  *xmm(cpu, op->dst) = _mm_cvtsi64_si128((int64_t)mmx_get(cpu, op->src));
  NEXT;
}

static void movdq2q(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  mmx_set(cpu, op->dst, cpu->xmm[op->src].u64[0]);
  NEXT;
}

/* To an MMX register. */
#define TO_MMX(name, operand)                                                   \
  static inline void name(struct cpu *cpu, const struct op *op, __m128i from) { \
    uint64_t value;                                                             \
    __asm__ volatile(#name " %1, %%mm0\n\tmovq %%mm0, %0\n\temms"               \
                     : "=r"(value) : "x"(from) : "mm0");                        \
    TRAPPED;                                                                    \
    mmx_set(cpu, op->dst, value);                                               \
  }                                                                             \
  static void name##_reg(struct cpu *cpu, const struct op *op) {                \
    mmx_wait(cpu, op);                                                          \
    name(cpu, op, *xmm(cpu, op->src));                                          \
    NEXT;                                                                       \
  }                                                                             \
  static void name##_mem(struct cpu *cpu, const struct op *op) {                \
    mmx_wait(cpu, op);                                                          \
    name(cpu, op, operand(cpu, op));                                            \
    NEXT;                                                                       \
  }

TO_MMX(cvtps2pi, m64)
TO_MMX(cvttps2pi, m64)
TO_MMX(cvtpd2pi, m128)
TO_MMX(cvttpd2pi, m128)

/* From an MMX register; `enter` is what a source in memory does besides. */
#define FROM_MMX(name, wait, enter)                                                   \
  static inline __m128i name(__m128i a, uint64_t from) {                              \
    __asm__ volatile("movq %1, %%mm0\n\t" #name " %%mm0, %0\n\temms"                  \
                     : "+x"(a) : "r"(from) : "mm0");                                  \
    return a;                                                                         \
  }                                                                                   \
  static void name##_reg(struct cpu *cpu, const struct op *op) {                      \
    mmx_wait(cpu, op);                                                                \
    __m128i a = name(*xmm(cpu, op->dst), mmx_get(cpu, op->src));                      \
    TRAPPED;                                                                          \
    mmx_enter(cpu);                                                                   \
    *xmm(cpu, op->dst) = a;                                                           \
    NEXT;                                                                             \
  }                                                                                   \
  static void name##_mem(struct cpu *cpu, const struct op *op) {                      \
    wait;                                                                             \
    uint64_t from = load64(cpu, op, ea(cpu, op));                                     \
    __m128i a = name(*xmm(cpu, op->dst), from);                                       \
    TRAPPED;                                                                          \
    enter;                                                                            \
    *xmm(cpu, op->dst) = a;                                                           \
    NEXT;                                                                             \
  }

/* From memory it is an MMX instruction all the same on Intel processors, not on AMD ones. */
FROM_MMX(cvtpi2ps, mmx_wait(cpu, op), mmx_enter(cpu))
/* From memory it is an SSE2 instruction like any other (SDM volume 2, CVTPI2PD). */
FROM_MMX(cvtpi2pd, (void)0, (void)0)

static void emms(struct cpu *cpu, const struct op *op) {
  mmx_wait(cpu, op);
  cpu->fpu.top = 0;
  cpu->fpu.tags = 0;
  NEXT;
}

#define CONVERSION(prefix, opcode, form, name) \
  {MAP_0F, PREFIX_##prefix, 0x##opcode, SSE_ANY, form, name##_reg, name##_mem}

const struct sse_entry mmx_moves[] = {
    {MAP_0F, PREFIX_NONE, 0x6f, SSE_ANY, SSE_MMX, copy, load_64}, /* MOVQ */
    {MAP_0F, PREFIX_NONE, 0x7f, SSE_ANY, SSE_MMX | SSE_RM_DST, copy, store_64},
    {MAP_0F, PREFIX_NONE, 0x6e, SSE_W0, SSE_MMX | SSE_RM_GPR, from_general_32, load_32}, /* MOVD, MOVQ */
    {MAP_0F, PREFIX_NONE, 0x6e, SSE_W1, SSE_MMX | SSE_RM_GPR, from_general_64, load_64},
    {MAP_0F, PREFIX_NONE, 0x7e, SSE_W0, SSE_MMX | SSE_RM_DST | SSE_RM_GPR, to_general_32, store_32},
    {MAP_0F, PREFIX_NONE, 0x7e, SSE_W1, SSE_MMX | SSE_RM_DST | SSE_RM_GPR, to_general_64, store_64},
    {MAP_0F, PREFIX_NONE, 0xe7, SSE_ANY, SSE_MMX | SSE_RM_DST, NULL, store_64}, /* MOVNTQ */
    {MAP_0F, PREFIX_NONE, 0xf7, SSE_ANY, SSE_MMX | SSE_AT_RDI, maskmovq, NULL},
    {MAP_0F, PREFIX_F3, 0xd6, SSE_ANY, SSE_RM_MMX, movq2dq, NULL},
    {MAP_0F, PREFIX_F2, 0xd6, SSE_ANY, SSE_REG_MMX, movdq2q, NULL},
    CONVERSION(NONE, 2A, SSE_RM_MMX, cvtpi2ps),
    CONVERSION(66, 2A, SSE_RM_MMX, cvtpi2pd),
    CONVERSION(NONE, 2C, SSE_REG_MMX, cvttps2pi),
    CONVERSION(66, 2C, SSE_REG_MMX, cvttpd2pi),
    CONVERSION(NONE, 2D, SSE_REG_MMX, cvtps2pi),
    CONVERSION(66, 2D, SSE_REG_MMX, cvtpd2pi),
    {MAP_0F, PREFIX_NONE, 0x77, SSE_ANY, SSE_MMX, emms, NULL},
    {0},
};
