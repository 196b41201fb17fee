/*
 * What the functions of SSE instructions are made with. They run the host's own instruction, so
 * that rounding, NaNs and flags are the processor's. Arithmetic is in assembly: the compiler must
 * neither exchange operands nor move it across accesses to MXCSR.
 *
 * To be included first: it sets the target.
 */
#ifndef SX_SOFT_SSE_HANDLERS_H
#define SX_SOFT_SSE_HANDLERS_H

#pragma GCC target("sse4.2")

#include <nmmintrin.h>

#include "soft/translation/decode.h"
#include "soft/exec.h"
#include "soft/sse/sse.h"

/* An instruction: what it is known by, where its operands are, who runs it (NULL: no such form). */
struct sse_entry {
  uint8_t map, prefix, opcode;
  uint8_t when; /* SSE_ANY ... */
  uint8_t form; /* SSE_RM_DST ... */
  handler *reg, *mem;
};

enum { SSE_ANY, SSE_W0, SSE_W1, SSE_SIZE2, SSE_SIZE4, SSE_SIZE8, SSE_DIGIT };
/* `when` the reg field of ModRM extends the opcode. */
#define SSE_DIGIT_IS(n) (SSE_DIGIT + (n))

/* Without any of these the destination is the XMM register of reg, the source that of rm. */
#define SSE_XMM 0
#define SSE_RM_DST 0x1
#define SSE_REG_GPR 0x2
#define SSE_RM_GPR 0x4
#define SSE_RM_GPR8 0x8
#define SSE_ALWAYS 0x10 /* works whatever CR0 and CR4 say (SDM volume 3, 2.5, EM) */
#define SSE_AT_RDI 0x20 /* implied memory operand */
/* MMX registers, which REX says nothing about; with both of these no XMM register takes part, and
 * the function asks CR0 itself. */
#define SSE_REG_MMX 0x40
#define SSE_RM_MMX 0x80
#define SSE_MMX (SSE_REG_MMX | SSE_RM_MMX)

/* Each ends with an entry that has no functions. */
extern const struct sse_entry sse_moves[], sse_floats[], sse_integers[], sse_shuffles[],
    sse_conversions[], sse_strings[], sse_control[], mmx_moves[], mmx_integers[];

/* Before the first SSE instruction of a block. */
void sse_check(struct cpu *cpu, const struct op *op);

#define MASKED ((void)0)
#define TRAPPED \
  if (unlikely(cpu->simd_unmasked)) call_trap(cpu, op)

static inline __m128i *xmm(struct cpu *cpu, uint8_t number) {
  return (__m128i *)&cpu->xmm[number];
}

static inline uint64_t ea_aligned(struct cpu *cpu, const struct op *op) {
  uint64_t address = ea(cpu, op);
  if (unlikely(address % 16)) cpu_fault(cpu, op, VECTOR_GP, 0);
  return address;
}

/* Misses of 16 bytes: call_load() and call_store() of memory.h, for a vector. In sse_calls.c. */
#define SSE_CALL_CLOBBERS                                                                         \
  "rax", "cc", "memory", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
      "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

static inline __m128i call_load128(struct cpu *cpu, const struct op *op, uint64_t address) {
  __m128i value;
  __asm__ volatile("call soft_call_load128"
                   : "=Yz"(value) : "D"(cpu), "S"(op), "d"(address) : SSE_CALL_CLOBBERS);
  return value;
}

static inline void call_store128(struct cpu *cpu, const struct op *op, uint64_t address,
                                 const __m128i *value) {
  __asm__ volatile("call soft_call_store128"
                   : : "D"(cpu), "S"(op), "d"(address), "c"(value) : "xmm0", SSE_CALL_CLOBBERS);
}

static inline __m128i load_vector(struct cpu *cpu, const struct op *op, uint64_t address) {
  const struct tlb_entry *entry = tlb_at(cpu, address);
  if (likely(entry->read == tlb_tag(cpu, address, 16))) {
    return _mm_loadu_si128((const __m128i *)(address + entry->addend));
  }
  return call_load128(cpu, op, address);
}

static inline void store_vector(struct cpu *cpu, const struct op *op, uint64_t address,
                                const __m128i *value) {
  const struct tlb_entry *entry = tlb_at(cpu, address);
  if (likely(entry->write == tlb_tag(cpu, address, 16))) {
    _mm_storeu_si128((__m128i *)(address + entry->addend), *value);
  } else {
    call_store128(cpu, op, address, value);
  }
}

/* Memory operands; what lies behind them in the register is 0. */
static inline __m128i m128(struct cpu *cpu, const struct op *op) {
  return load_vector(cpu, op, ea_aligned(cpu, op));
}

static inline __m128i m128u(struct cpu *cpu, const struct op *op) {
  return load_vector(cpu, op, ea(cpu, op));
}

static inline __m128i m64(struct cpu *cpu, const struct op *op) {
  return _mm_cvtsi64_si128((int64_t)load64(cpu, op, ea(cpu, op)));
}

static inline __m128i m32(struct cpu *cpu, const struct op *op) {
  return _mm_cvtsi32_si128((int32_t)load32(cpu, op, ea(cpu, op)));
}

static inline __m128i m16(struct cpu *cpu, const struct op *op) {
  return _mm_cvtsi32_si128(load16(cpu, op, ea(cpu, op)));
}

/*
 * name_reg() and name_mem() of an instruction with two XMM operands, and maybe XMM0 as a third.
 *
 * @param operand which memory operand: m128 ...
 * @param after MASKED or TRAPPED
 */
#define SSE_OP(name, operand, after)                                       \
  static void name##_reg(struct cpu *cpu, const struct op *op) {           \
    __m128i a = *xmm(cpu, op->dst);                                        \
    __asm__ volatile(#name " %1, %0" : "+x"(a) : "xm"(*xmm(cpu, op->src))); \
    after;                                                                 \
    *xmm(cpu, op->dst) = a;                                                \
    NEXT;                                                                  \
  }                                                                        \
  static void name##_mem(struct cpu *cpu, const struct op *op) {           \
    __m128i b = operand(cpu, op), a = *xmm(cpu, op->dst);                  \
    __asm__ volatile(#name " %1, %0" : "+x"(a) : "x"(b));                  \
    after;                                                                 \
    *xmm(cpu, op->dst) = a;                                                \
    NEXT;                                                                  \
  }

/*
 * Assembly for an instruction whose immediate is known only now: `count` copies of it, 16 bytes
 * apart, one for each immediate, and a jump to the one at offset %[at]; %[to] is scratch. `text`
 * names the immediate as $sse_imm.
 */
#define SSE_IMM_ASM(text, count)                                 \
  "lea 1f(%%rip), %[to]\n\t"                                     \
  "add %[at], %[to]\n\t"                                         \
  "jmp *%[to]\n\t"                                               \
  ".balign 16\n"                                                 \
  "1:\n\t"                                                       \
  ".set sse_imm, 0\n\t"                                          \
  ".rept " #count "\n\t"                                         \
  ".balign 16\n\t" text "\n\t"                                   \
  "jmp 2f\n\t"                                                   \
  ".set sse_imm, sse_imm + 1\n\t"                                \
  ".endr\n"                                                      \
  "2:"
#define SSE_IMM_STEP 16

/* name_imm(), the instruction with an immediate less than `count`. */
#define SSE_IMM(name, count)                                                                 \
  static __attribute__((noinline)) __m128i name##_imm(__m128i a, __m128i b, uint64_t imm) {  \
    uint64_t to;                                                                             \
    __asm__ volatile(SSE_IMM_ASM(#name " $sse_imm, %[b], %[a]", count)                       \
                     : [a] "+x"(a), [to] "=&r"(to)                                           \
                     : [b] "x"(b), [at] "r"(imm * SSE_IMM_STEP));                            \
    return a;                                                                                \
  }

/* Likewise for an XMM operand, another one and an immediate, of which those from `count` (a power
 * of two) say nothing. */
#define SSE_OP_IMM(name, count, operand, after)                                          \
  SSE_IMM(name, count)                                                                   \
  static void name##_reg(struct cpu *cpu, const struct op *op) {                         \
    __m128i a = name##_imm(*xmm(cpu, op->dst), *xmm(cpu, op->src), op->imm % (count));   \
    after;                                                                               \
    *xmm(cpu, op->dst) = a;                                                              \
    NEXT;                                                                                \
  }                                                                                      \
  static void name##_mem(struct cpu *cpu, const struct op *op) {                         \
    __m128i b = operand(cpu, op);                                                        \
    __m128i a = name##_imm(*xmm(cpu, op->dst), b, op->imm % (count));                    \
    after;                                                                               \
    *xmm(cpu, op->dst) = a;                                                              \
    NEXT;                                                                                \
  }

/* An entry whose functions are name_reg() and name_mem(). */
#define SSE_ENTRY(map, prefix, opcode, name) \
  {MAP_##map, PREFIX_##prefix, 0x##opcode, SSE_ANY, SSE_XMM, name##_reg, name##_mem}

#endif
