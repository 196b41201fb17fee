/* MUL, IMUL, DIV, IDIV (SDM volume 2). `code` is the size in bytes. */
#include "soft/integer/multiply.h"

#include "soft/exec.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

static inline uint64_t operand(const struct cpu *cpu, const struct op *op) {
  switch (op->code) {
    case 1: return REG8(op->src);
    case 2: return REG16(op->src);
    case 4: return REG32(op->src);
    default: return REG64(op->src);
  }
}

static inline int64_t signed_of(uint64_t value, uint32_t size) {
  unsigned shift = 64 - 8 * size;
  return (int64_t)(value << shift) >> shift;
}

/* CF and OF say that the upper half counts; the others are undefined and follow the lower half. */
static inline void set_product(struct cpu *cpu, uint64_t low, uint32_t size, bool overflow) {
  cc_result(cpu, signed_of(low, size), overflow ? FLAG_CF | FLAG_OF : 0);
}

static inline void store_wide(struct cpu *cpu, uint32_t size, uint64_t low, uint64_t high) {
  if (size == 1) {
    SET16(REG_OFFSET(RAX), (low & 0xff) | high << 8);
  } else if (size == 2) {
    SET16(REG_OFFSET(RAX), low);
    SET16(REG_OFFSET(RDX), high);
  } else if (size == 4) {
    SET32(REG_OFFSET(RAX), low);
    SET32(REG_OFFSET(RDX), high);
  } else {
    cpu->reg[RAX] = low;
    cpu->reg[RDX] = high;
  }
}

void mul(struct cpu *cpu, const struct op *op) {
  uint32_t size = op->code, bits = 8 * size;
  uint64_t a = size == 8 ? cpu->reg[RAX] : cpu->reg[RAX] & ((1ull << bits) - 1);
  u128 product = (u128)a * operand(cpu, op);
  uint64_t low = (uint64_t)product, high = (uint64_t)(product >> bits);
  store_wide(cpu, size, low, high);
  set_product(cpu, low, size, high != 0);
  NEXT;
}

void imul(struct cpu *cpu, const struct op *op) {
  uint32_t size = op->code;
  s128 product = (s128)signed_of(cpu->reg[RAX], size) * signed_of(operand(cpu, op), size);
  uint64_t low = (uint64_t)product;
  store_wide(cpu, size, low, (uint64_t)(product >> 8 * size));
  set_product(cpu, low, size, product != signed_of(low, size));
  NEXT;
}

#define DEFINE_IMUL(bits)                                                                  \
  static inline void imul_into##bits(struct cpu *cpu, uint8_t dst, int##bits##_t a, int##bits##_t b) { \
    int##bits##_t r;                                                                       \
    bool overflow = __builtin_mul_overflow(a, b, &r);                                      \
    SET##bits(dst, (uint##bits##_t)r);                                                     \
    cc_result(cpu, r, overflow ? FLAG_CF | FLAG_OF : 0);                                   \
  }                                                                                        \
  void imul##bits##_rr(struct cpu *cpu, const struct op *op) {                             \
    imul_into##bits(cpu, op->dst, (int##bits##_t)REG##bits(op->dst), (int##bits##_t)REG##bits(op->src)); \
    NEXT;                                                                                  \
  }                                                                                        \
  void imul##bits##_rm(struct cpu *cpu, const struct op *op) {                             \
    imul_into##bits(cpu, op->dst, (int##bits##_t)REG##bits(op->dst),                       \
                    (int##bits##_t)load##bits(cpu, op, ea(cpu, op)));                      \
    NEXT;                                                                                  \
  }                                                                                        \
  void imul##bits##_rri(struct cpu *cpu, const struct op *op) {                            \
    imul_into##bits(cpu, op->dst, (int##bits##_t)REG##bits(op->src), (int##bits##_t)op->imm); \
    NEXT;                                                                                  \
  }                                                                                        \
  void imul##bits##_rmi(struct cpu *cpu, const struct op *op) {                            \
    imul_into##bits(cpu, op->dst, (int##bits##_t)load##bits(cpu, op, ea(cpu, op)), (int##bits##_t)op->imm); \
    NEXT;                                                                                  \
  }
DEFINE_IMUL(16)
DEFINE_IMUL(32)
DEFINE_IMUL(64)

void divide(struct cpu *cpu, const struct op *op) {
  uint32_t size = op->code, bits = 8 * size;
  uint64_t divisor = operand(cpu, op);
  if (unlikely(divisor == 0)) cpu_fault(cpu, op, VECTOR_DE, 0);
  if (size == 4 && likely((uint32_t)cpu->reg[RDX] == 0)) { /* what compilers make of 32 bits */
    uint32_t a = (uint32_t)cpu->reg[RAX], b = (uint32_t)divisor;
    store_wide(cpu, 4, a / b, a % b);
    NEXT;
  }
  if (size == 8 && likely(cpu->reg[RDX] == 0)) {
    uint64_t a = cpu->reg[RAX];
    store_wide(cpu, 8, a / divisor, a % divisor);
    NEXT;
  }
  uint64_t mask = size == 8 ? UINT64_MAX : (1ull << bits) - 1;
  u128 dividend = size == 1 ? (uint16_t)cpu->reg[RAX]
                            : (u128)(cpu->reg[RDX] & mask) << bits | (cpu->reg[RAX] & mask);
  u128 quotient = dividend / divisor;
  if (unlikely(quotient > mask)) cpu_fault(cpu, op, VECTOR_DE, 0);
  store_wide(cpu, size, (uint64_t)quotient, (uint64_t)(dividend % divisor));
  NEXT;
}

void idivide(struct cpu *cpu, const struct op *op) {
  uint32_t size = op->code, bits = 8 * size;
  int64_t divisor = signed_of(operand(cpu, op), size);
  if (unlikely(divisor == 0)) cpu_fault(cpu, op, VECTOR_DE, 0);
  s128 dividend;
  if (size == 1) {
    dividend = (int16_t)cpu->reg[RAX];
  } else {
    uint64_t mask = size == 8 ? UINT64_MAX : (1ull << bits) - 1;
    u128 wide = (u128)(cpu->reg[RDX] & mask) << bits | (cpu->reg[RAX] & mask);
    dividend = (s128)(wide << (128 - 2 * bits)) >> (128 - 2 * bits);
  }
  u128 most = (u128)1 << 127; /* the one dividend whose quotient by -1 does not exist here */
  if (unlikely((u128)dividend == most && divisor == -1)) cpu_fault(cpu, op, VECTOR_DE, 0);
  s128 quotient = dividend / divisor;
  if (unlikely(quotient != signed_of((uint64_t)quotient, size))) cpu_fault(cpu, op, VECTOR_DE, 0);
  store_wide(cpu, size, (uint64_t)quotient, (uint64_t)(dividend % divisor));
  NEXT;
}
