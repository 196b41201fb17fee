/* Moves between XMM registers, general registers and memory. */
#include "soft/sse/sse_handlers.h"

static void copy(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = *xmm(cpu, op->src);
  NEXT;
}

static void load_aligned(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = m128(cpu, op);
  NEXT;
}

static void load_unaligned(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = m128u(cpu, op);
  NEXT;
}

static void store_aligned(struct cpu *cpu, const struct op *op) {
  store_vector(cpu, op, ea_aligned(cpu, op), xmm(cpu, op->src));
  NEXT;
}

static void store_unaligned(struct cpu *cpu, const struct op *op) {
  store_vector(cpu, op, ea(cpu, op), xmm(cpu, op->src));
  NEXT;
}

static void load_32(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = m32(cpu, op);
  NEXT;
}

static void load_64(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = m64(cpu, op);
  NEXT;
}

static void load_low(struct cpu *cpu, const struct op *op) {
  __m128i low = m64(cpu, op);
  *xmm(cpu, op->dst) = _mm_blend_epi16(*xmm(cpu, op->dst), low, 0x0f);
  NEXT;
}

static void load_high(struct cpu *cpu, const struct op *op) {
  __m128i high = m64(cpu, op);
  *xmm(cpu, op->dst) = _mm_unpacklo_epi64(*xmm(cpu, op->dst), high);
  NEXT;
}

static void store_32(struct cpu *cpu, const struct op *op) {
  store32(cpu, op, ea(cpu, op), cpu->xmm[op->src].u32[0]);
  NEXT;
}

static void store_low(struct cpu *cpu, const struct op *op) {
  store64(cpu, op, ea(cpu, op), cpu->xmm[op->src].u64[0]);
  NEXT;
}

static void store_high(struct cpu *cpu, const struct op *op) {
  store64(cpu, op, ea(cpu, op), cpu->xmm[op->src].u64[1]);
  NEXT;
}

static void movss(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = _mm_blend_epi16(*xmm(cpu, op->dst), *xmm(cpu, op->src), 0x03);
  NEXT;
}

static void movsd(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = _mm_blend_epi16(*xmm(cpu, op->dst), *xmm(cpu, op->src), 0x0f);
  NEXT;
}

static void movq(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = _mm_move_epi64(*xmm(cpu, op->src));
  NEXT;
}

static void movhlps(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = _mm_unpackhi_epi64(*xmm(cpu, op->src), *xmm(cpu, op->dst));
  NEXT;
}

static void movlhps(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = _mm_unpacklo_epi64(*xmm(cpu, op->dst), *xmm(cpu, op->src));
  NEXT;
}

SSE_OP(movddup, m64, MASKED)
SSE_OP(movsldup, m128, MASKED)
SSE_OP(movshdup, m128, MASKED)

static void from_general_32(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = _mm_cvtsi32_si128((int32_t)REG32(op->src));
  NEXT;
}

static void from_general_64(struct cpu *cpu, const struct op *op) {
  *xmm(cpu, op->dst) = _mm_cvtsi64_si128((int64_t)REG64(op->src));
  NEXT;
}

static void to_general_32(struct cpu *cpu, const struct op *op) {
  SET32(op->dst, cpu->xmm[op->src].u32[0]);
  NEXT;
}

static void to_general_64(struct cpu *cpu, const struct op *op) {
  SET64(op->dst, cpu->xmm[op->src].u64[0]);
  NEXT;
}

static void movmskps(struct cpu *cpu, const struct op *op) {
  SET32(op->dst, _mm_movemask_ps(_mm_castsi128_ps(*xmm(cpu, op->src))));
  NEXT;
}

static void movmskpd(struct cpu *cpu, const struct op *op) {
  SET32(op->dst, _mm_movemask_pd(_mm_castsi128_pd(*xmm(cpu, op->src))));
  NEXT;
}

static void pmovmskb(struct cpu *cpu, const struct op *op) {
  SET32(op->dst, _mm_movemask_epi8(*xmm(cpu, op->src)));
  NEXT;
}

static void movnti_32(struct cpu *cpu, const struct op *op) {
  store32(cpu, op, ea(cpu, op), REG32(op->src));
  NEXT;
}

static void movnti_64(struct cpu *cpu, const struct op *op) {
  store64(cpu, op, ea(cpu, op), REG64(op->src));
  NEXT;
}

static void maskmovdqu(struct cpu *cpu, const struct op *op) {
  uint32_t chosen = (uint32_t)_mm_movemask_epi8(*xmm(cpu, op->src));
  uint64_t address = ea(cpu, op);
  if (chosen == 0xffff) {
    store_vector(cpu, op, address, xmm(cpu, op->dst));
  } else if (chosen != 0) {
    uint32_t first = (uint32_t)__builtin_ctz(chosen), last = 31 - (uint32_t)__builtin_clz(chosen);
    memory_probe_write(cpu, op, address + first, last - first + 1);
    for (uint32_t i = first; i <= last; i++) {
      if (chosen >> i & 1) store8(cpu, op, address + i, cpu->xmm[op->dst].u8[i]);
    }
  }
  NEXT;
}

/* Both directions of a move; `reg` is NULL when there are none between registers. */
#define LOAD(map, prefix, opcode, reg, mem) \
  {MAP_##map, PREFIX_##prefix, 0x##opcode, SSE_ANY, SSE_XMM, reg, mem}
#define STORE(map, prefix, opcode, reg, mem) \
  {MAP_##map, PREFIX_##prefix, 0x##opcode, SSE_ANY, SSE_RM_DST, reg, mem}

const struct sse_entry sse_moves[] = {
    LOAD(0F, NONE, 28, copy, load_aligned),    /* MOVAPS, MOVAPD */
    LOAD(0F, 66, 28, copy, load_aligned),
    STORE(0F, NONE, 29, copy, store_aligned),
    STORE(0F, 66, 29, copy, store_aligned),
    LOAD(0F, NONE, 10, copy, load_unaligned),  /* MOVUPS, MOVUPD */
    LOAD(0F, 66, 10, copy, load_unaligned),
    STORE(0F, NONE, 11, copy, store_unaligned),
    STORE(0F, 66, 11, copy, store_unaligned),
    LOAD(0F, 66, 6F, copy, load_aligned),      /* MOVDQA */
    STORE(0F, 66, 7F, copy, store_aligned),
    LOAD(0F, F3, 6F, copy, load_unaligned),    /* MOVDQU */
    STORE(0F, F3, 7F, copy, store_unaligned),
    LOAD(0F, F3, 10, movss, load_32),
    STORE(0F, F3, 11, movss, store_32),
    LOAD(0F, F2, 10, movsd, load_64),
    STORE(0F, F2, 11, movsd, store_low),
    LOAD(0F, F3, 7E, movq, load_64),
    STORE(0F, 66, D6, movq, store_low),
    LOAD(0F, NONE, 12, movhlps, load_low),     /* MOVHLPS; MOVLPS, MOVLPD */
    LOAD(0F, 66, 12, NULL, load_low),
    STORE(0F, NONE, 13, NULL, store_low),
    STORE(0F, 66, 13, NULL, store_low),
    LOAD(0F, NONE, 16, movlhps, load_high),    /* MOVLHPS; MOVHPS, MOVHPD */
    LOAD(0F, 66, 16, NULL, load_high),
    STORE(0F, NONE, 17, NULL, store_high),
    STORE(0F, 66, 17, NULL, store_high),
    SSE_ENTRY(0F, F2, 12, movddup),
    SSE_ENTRY(0F, F3, 12, movsldup),
    SSE_ENTRY(0F, F3, 16, movshdup),
    LOAD(0F, F2, F0, NULL, load_unaligned),    /* LDDQU */
    LOAD(0F38, 66, 2A, NULL, load_aligned),    /* MOVNTDQA */
    STORE(0F, NONE, 2B, NULL, store_aligned),  /* MOVNTPS, MOVNTPD, MOVNTDQ */
    STORE(0F, 66, 2B, NULL, store_aligned),
    STORE(0F, 66, E7, NULL, store_aligned),
    {MAP_0F, PREFIX_66, 0x6e, SSE_W0, SSE_RM_GPR, from_general_32, load_32}, /* MOVD, MOVQ */
    {MAP_0F, PREFIX_66, 0x6e, SSE_W1, SSE_RM_GPR, from_general_64, load_64},
    {MAP_0F, PREFIX_66, 0x7e, SSE_W0, SSE_RM_DST | SSE_RM_GPR, to_general_32, store_32},
    {MAP_0F, PREFIX_66, 0x7e, SSE_W1, SSE_RM_DST | SSE_RM_GPR, to_general_64, store_low},
    {MAP_0F, PREFIX_NONE, 0x50, SSE_ANY, SSE_REG_GPR, movmskps, NULL},
    {MAP_0F, PREFIX_66, 0x50, SSE_ANY, SSE_REG_GPR, movmskpd, NULL},
    {MAP_0F, PREFIX_66, 0xd7, SSE_ANY, SSE_REG_GPR, pmovmskb, NULL},
    {MAP_0F, PREFIX_NONE, 0xc3, SSE_W0, SSE_RM_DST | SSE_REG_GPR | SSE_ALWAYS, NULL, movnti_32},
    {MAP_0F, PREFIX_NONE, 0xc3, SSE_W1, SSE_RM_DST | SSE_REG_GPR | SSE_ALWAYS, NULL, movnti_64},
    {MAP_0F, PREFIX_66, 0xf7, SSE_ANY, SSE_AT_RDI, maskmovdqu, NULL},
    {0},
};
