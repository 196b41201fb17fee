/* Shifts and rotations (SDM volume 2: SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD). Where a flag is
 * undefined we do what processors do for a count of 1. */
#include "soft/integer/alu.h"
#include "soft/exec.h"

#define U(bits) uint##bits##_t
#define S(bits) int##bits##_t
#define TOP(bits) ((bits) - 1)

static inline uint32_t cf_of(uint64_t x) { return x & 1 ? FLAG_CF : 0; }

/* Rotations leave the other status flags as they are. */
static inline void set_rotated(struct cpu *cpu, uint32_t cf, bool of) {
  uint32_t status = cc_status(cpu) & ~(uint32_t)(FLAG_CF | FLAG_OF);
  cc_flags(cpu, status | (cf ? FLAG_CF : 0) | (of ? FLAG_OF : 0));
}

/*
 * Each: the result of `a` by `n` from 1 to 31 (or 63) into `r`, and what the flags need. The flags are
 * set after the result is stored.
 */
#define COMPUTE_shl(bits)                                                     \
  r = n < bits ? (U(bits))(a << n) : 0;                                       \
  x = n <= bits ? (uint64_t)a >> (bits - n) : 0;
#define SET_shl(bits) cc_result(cpu, (S(bits))r, cf_of(x) | ((r >> TOP(bits) ^ x) & 1 ? FLAG_OF : 0))
#define COMPUTE_shr(bits)                                                     \
  r = n < bits ? (U(bits))(a >> n) : 0;                                       \
  x = n <= bits ? (uint64_t)a >> (n - 1) : 0;
#define SET_shr(bits) cc_result(cpu, (S(bits))r, cf_of(x) | (a >> TOP(bits) & 1 ? FLAG_OF : 0))
#define COMPUTE_sar(bits)                                                     \
  r = (U(bits))((S(bits))a >> (n < bits ? n : TOP(bits)));                    \
  x = (uint64_t)((int64_t)(S(bits))a >> (n - 1));
#define SET_sar(bits) cc_result(cpu, (S(bits))r, cf_of(x))
#define COMPUTE_rol(bits)                                                     \
  r = n % bits ? (U(bits))(a << n % bits | a >> (bits - n % bits)) : a;       \
  x = r & 1;
#define SET_rol(bits) set_rotated(cpu, (uint32_t)x, (r >> TOP(bits) ^ r) & 1)
#define COMPUTE_ror(bits)                                                     \
  r = n % bits ? (U(bits))(a >> n % bits | a << (bits - n % bits)) : a;       \
  x = r >> TOP(bits) & 1;
#define SET_ror(bits) set_rotated(cpu, (uint32_t)x, (r >> TOP(bits) ^ r >> (bits - 2)) & 1)
#define COMPUTE_rcl(bits)                                                     \
  x = cc_carry(cpu);                                                          \
  r = a;                                                                      \
  for (unsigned i = n % (bits + 1); i > 0; i--) {                             \
    uint64_t out = r >> TOP(bits) & 1;                                        \
    r = (U(bits))(r << 1 | x);                                                \
    x = out;                                                                  \
  }
#define SET_rcl(bits) set_rotated(cpu, (uint32_t)x, (r >> TOP(bits) ^ x) & 1)
#define COMPUTE_rcr(bits)                                                     \
  x = cc_carry(cpu);                                                          \
  r = a;                                                                      \
  for (unsigned i = n % (bits + 1); i > 0; i--) {                             \
    uint64_t out = r & 1;                                                     \
    r = (U(bits))(r >> 1 | (U(bits))x << TOP(bits));                          \
    x = out;                                                                  \
  }
#define SET_rcr(bits) set_rotated(cpu, (uint32_t)x, (r >> TOP(bits) ^ r >> (bits - 2)) & 1)

#define COUNT_MASK(bits) ((bits) == 64 ? 63 : 31)

#define DEFINE_SHIFT_R(name, bits, form, count)                            \
  static void name##bits##_##form(struct cpu *cpu, const struct op *op) {  \
    unsigned n = (count) & COUNT_MASK(bits);                               \
    U(bits) a = REG##bits(op->dst), r = a;                                 \
    uint64_t x;                                                            \
    if (n == 0) {                                                          \
      SET##bits(op->dst, a);                                               \
      NEXT;                                                                \
    }                                                                      \
    COMPUTE_##name(bits) SET##bits(op->dst, r);                            \
    SET_##name(bits);                                                      \
    NEXT;                                                                  \
  }
#define DEFINE_SHIFT_M(name, bits, form, count)                            \
  static void name##bits##_##form(struct cpu *cpu, const struct op *op) {  \
    unsigned n = (count) & COUNT_MASK(bits);                               \
    U(bits) *place = update##bits(cpu, op, ea(cpu, op));                   \
    U(bits) a = *place, r = a;                                             \
    uint64_t x;                                                            \
    if (n == 0) {                                                          \
      commit(cpu, op, place);                                              \
      NEXT;                                                                \
    }                                                                      \
    COMPUTE_##name(bits) *place = r;                                       \
    commit(cpu, op, place);                                                \
    SET_##name(bits);                                                      \
    NEXT;                                                                  \
  }
#define DEFINE_SHIFT(name, bits)                       \
  DEFINE_SHIFT_R(name, bits, ri, (unsigned)op->imm)    \
  DEFINE_SHIFT_R(name, bits, rc, (unsigned)cpu->reg[RCX]) \
  DEFINE_SHIFT_M(name, bits, mi, (unsigned)op->imm)    \
  DEFINE_SHIFT_M(name, bits, mc, (unsigned)cpu->reg[RCX])

#define EACH_SIZE(define, name) define(name, 8) define(name, 16) define(name, 32) define(name, 64)
EACH_SIZE(DEFINE_SHIFT, rol)
EACH_SIZE(DEFINE_SHIFT, ror)
EACH_SIZE(DEFINE_SHIFT, rcl)
EACH_SIZE(DEFINE_SHIFT, rcr)
EACH_SIZE(DEFINE_SHIFT, shl)
EACH_SIZE(DEFINE_SHIFT, shr)
EACH_SIZE(DEFINE_SHIFT, sar)

/* The other operand's bits come in. With 16 bits a count above 16 is undefined; processors go on with
 * the destination's own bits. */
#define COMPUTE_shld(bits)                                                                       \
  if (bits == 16 && n > 16) {                                                                    \
    uint64_t both = (uint64_t)(U(16))a << 32 | (uint64_t)(U(16))b << 16 | (U(16))a;              \
    r = (U(bits))(both << n >> 32);                                                              \
    x = both >> (48 - n);                                                                        \
  } else {                                                                                       \
    r = (U(bits))(n == bits ? b : (U(bits))(a << n) | (U(bits))(b >> (bits - n)));               \
    x = (uint64_t)a >> (bits - n);                                                               \
  }
#define SET_shld(bits) cc_result(cpu, (S(bits))r, cf_of(x) | ((r ^ a) >> TOP(bits) & 1 ? FLAG_OF : 0))
#define COMPUTE_shrd(bits)                                                                       \
  if (bits == 16 && n > 16) {                                                                    \
    uint64_t both = (uint64_t)(U(16))a << 32 | (uint64_t)(U(16))b << 16 | (U(16))a;              \
    r = (U(bits))(both >> n);                                                                    \
    x = both >> (n - 1);                                                                         \
  } else {                                                                                       \
    r = (U(bits))(n == bits ? b : (U(bits))(a >> n) | (U(bits))(b << (bits - n)));               \
    x = (uint64_t)a >> (n - 1);                                                                  \
  }
#define SET_shrd(bits) SET_shld(bits)

#define DEFINE_DOUBLE_R(name, bits, form, count)                           \
  static void name##bits##_##form(struct cpu *cpu, const struct op *op) {  \
    unsigned n = (count) & COUNT_MASK(bits);                               \
    U(bits) a = REG##bits(op->dst), b = REG##bits(op->src), r;             \
    uint64_t x;                                                            \
    if (n == 0) {                                                          \
      SET##bits(op->dst, a);                                               \
      NEXT;                                                                \
    }                                                                      \
    COMPUTE_##name(bits) SET##bits(op->dst, r);                            \
    SET_##name(bits);                                                      \
    NEXT;                                                                  \
  }
#define DEFINE_DOUBLE_M(name, bits, form, count)                           \
  static void name##bits##_##form(struct cpu *cpu, const struct op *op) {  \
    unsigned n = (count) & COUNT_MASK(bits);                               \
    U(bits) b = REG##bits(op->src), r;                                     \
    U(bits) *place = update##bits(cpu, op, ea(cpu, op));                   \
    U(bits) a = *place;                                                    \
    uint64_t x;                                                            \
    if (n == 0) {                                                          \
      commit(cpu, op, place);                                              \
      NEXT;                                                                \
    }                                                                      \
    COMPUTE_##name(bits) *place = r;                                       \
    commit(cpu, op, place);                                                \
    SET_##name(bits);                                                      \
    NEXT;                                                                  \
  }
#define DEFINE_DOUBLE(name, bits)                          \
  DEFINE_DOUBLE_R(name, bits, ri, (unsigned)op->imm)       \
  DEFINE_DOUBLE_R(name, bits, rc, (unsigned)cpu->reg[RCX]) \
  DEFINE_DOUBLE_M(name, bits, mi, (unsigned)op->imm)       \
  DEFINE_DOUBLE_M(name, bits, mc, (unsigned)cpu->reg[RCX])
#define EACH_WIDE_SIZE(define, name) define(name, 16) define(name, 32) define(name, 64)
EACH_WIDE_SIZE(DEFINE_DOUBLE, shld)
EACH_WIDE_SIZE(DEFINE_DOUBLE, shrd)

#define FORMS(name, bits) {name##bits##_ri, name##bits##_rc, name##bits##_mi, name##bits##_mc}
#define SIZES(name) {FORMS(name, 8), FORMS(name, 16), FORMS(name, 32), FORMS(name, 64)}
handler *const shift_handlers[SHIFT_OPERATIONS][4][SHIFT_FORMS] = {
    SIZES(rol), SIZES(ror), SIZES(rcl), SIZES(rcr), SIZES(shl), SIZES(shr), SIZES(shl), SIZES(sar)};
#define WIDE_SIZES(name) {{NULL}, FORMS(name, 16), FORMS(name, 32), FORMS(name, 64)}
handler *const double_shift_handlers[DOUBLE_OPERATIONS][4][SHIFT_FORMS] = {WIDE_SIZES(shld), WIDE_SIZES(shrd)};
