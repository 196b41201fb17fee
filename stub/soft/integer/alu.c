/* ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST; INC, DEC, NEG, NOT. */
#include "soft/integer/alu.h"

#include "soft/exec.h"

#define U(bits) uint##bits##_t
#define S(bits) int##bits##_t

/* Results and flags; `c` is CF before. Flags come last, for an access to memory may still fault. */
#define RESULT_add(a, b, c) ((a) + (b))
#define RESULT_or(a, b, c) ((a) | (b))
#define RESULT_adc(a, b, c) ((a) + (b) + (c))
#define RESULT_sbb(a, b, c) ((a) - (b) - (c))
#define RESULT_and(a, b, c) ((a) & (b))
#define RESULT_sub(a, b, c) ((a) - (b))
#define RESULT_xor(a, b, c) ((a) ^ (b))
#define CARRY_add 0
#define CARRY_or 0
#define CARRY_adc cc_carry(cpu)
#define CARRY_sbb cc_carry(cpu)
#define CARRY_and 0
#define CARRY_sub 0
#define CARRY_xor 0
#define FLAGS_add(bits) cc_add(cpu, (S(bits))a, (S(bits))b, (S(bits))r)
#define FLAGS_sub(bits) cc_sub(cpu, (S(bits))a, (S(bits))b, (S(bits))r)
#define FLAGS_or(bits) cc_logic(cpu, (S(bits))r)
#define FLAGS_and(bits) cc_logic(cpu, (S(bits))r)
#define FLAGS_xor(bits) cc_logic(cpu, (S(bits))r)
#define OVERFLOWS(bits, x) ((S(bits))(x) < 0 ? FLAG_OF : 0)
#define FLAGS_adc(bits)                                                       \
  cc_result(cpu, (S(bits))r,                                                  \
            (r < a || (c && r == a) ? FLAG_CF : 0) | ((a ^ b ^ r) & FLAG_AF) | \
                OVERFLOWS(bits, (a ^ r) & (b ^ r)))
#define FLAGS_sbb(bits)                                                       \
  cc_result(cpu, (S(bits))r,                                                  \
            (a < b || (c && a == b) ? FLAG_CF : 0) | ((a ^ b ^ r) & FLAG_AF) | \
                OVERFLOWS(bits, (a ^ b) & (a ^ r)))

#define DEFINE_REGISTER_FORM(name, bits, form, second)           \
  static void name##bits##_##form(struct cpu *cpu, const struct op *op) { \
    U(bits) b = second;                                          \
    U(bits) a = REG##bits(op->dst), c = CARRY_##name;            \
    U(bits) r = (U(bits))RESULT_##name(a, b, c);                 \
    (void)c;                                                     \
    SET##bits(op->dst, r);                                       \
    FLAGS_##name(bits);                                          \
    NEXT;                                                        \
  }

#define DEFINE_MEMORY_FORM(name, bits, form, second)             \
  static void name##bits##_##form(struct cpu *cpu, const struct op *op) { \
    U(bits) b = second, c = CARRY_##name;                        \
    U(bits) *place = update##bits(cpu, op, ea(cpu, op));         \
    U(bits) a = *place;                                          \
    U(bits) r = (U(bits))RESULT_##name(a, b, c);                 \
    (void)c;                                                     \
    *place = r;                                                  \
    commit(cpu, op, place);                                      \
    FLAGS_##name(bits);                                          \
    NEXT;                                                        \
  }

#define DEFINE_LOCKED_FORM(name, bits, form, second)             \
  static void name##bits##_##form(struct cpu *cpu, const struct op *op) { \
    U(bits) b = second, c = CARRY_##name;                        \
    U(bits) *place = update##bits(cpu, op, ea(cpu, op));         \
    U(bits) a = __atomic_load_n(place, __ATOMIC_RELAXED), r;     \
    do {                                                         \
      r = (U(bits))RESULT_##name(a, b, c);                       \
    } while (!__atomic_compare_exchange_n(place, &a, r, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)); \
    (void)c;                                                     \
    commit(cpu, op, place);                                      \
    FLAGS_##name(bits);                                          \
    NEXT;                                                        \
  }

#define DEFINE_ALU(name, bits)                                            \
  DEFINE_REGISTER_FORM(name, bits, rr, REG##bits(op->src))                \
  DEFINE_REGISTER_FORM(name, bits, ri, (U(bits))op->imm)                  \
  DEFINE_REGISTER_FORM(name, bits, rm, load##bits(cpu, op, ea(cpu, op)))  \
  DEFINE_MEMORY_FORM(name, bits, mr, REG##bits(op->src))                  \
  DEFINE_MEMORY_FORM(name, bits, mi, (U(bits))op->imm)                    \
  DEFINE_LOCKED_FORM(name, bits, lock_mr, REG##bits(op->src))             \
  DEFINE_LOCKED_FORM(name, bits, lock_mi, (U(bits))op->imm)

/* Those that only set flags. */
#define COMPARE_cmp(bits) cc_sub(cpu, (S(bits))a, (S(bits))b, (S(bits))(U(bits))(a - b))
#define COMPARE_test(bits) cc_logic(cpu, (S(bits))(a & b))
#define DEFINE_COMPARE_FORM(name, bits, form, first, second)     \
  static void name##bits##_##form(struct cpu *cpu, const struct op *op) { \
    U(bits) a = first, b = second;                               \
    COMPARE_##name(bits);                                        \
    NEXT;                                                        \
  }
#define DEFINE_COMPARE(name, bits)                                                        \
  DEFINE_COMPARE_FORM(name, bits, rr, REG##bits(op->dst), REG##bits(op->src))             \
  DEFINE_COMPARE_FORM(name, bits, ri, REG##bits(op->dst), (U(bits))op->imm)               \
  DEFINE_COMPARE_FORM(name, bits, rm, REG##bits(op->dst), load##bits(cpu, op, ea(cpu, op))) \
  DEFINE_COMPARE_FORM(name, bits, mr, load##bits(cpu, op, ea(cpu, op)), REG##bits(op->src)) \
  DEFINE_COMPARE_FORM(name, bits, mi, load##bits(cpu, op, ea(cpu, op)), (U(bits))op->imm)

#define EACH_SIZE(define, name) define(name, 8) define(name, 16) define(name, 32) define(name, 64)
EACH_SIZE(DEFINE_ALU, add)
EACH_SIZE(DEFINE_ALU, or)
EACH_SIZE(DEFINE_ALU, adc)
EACH_SIZE(DEFINE_ALU, sbb)
EACH_SIZE(DEFINE_ALU, and)
EACH_SIZE(DEFINE_ALU, sub)
EACH_SIZE(DEFINE_ALU, xor)
EACH_SIZE(DEFINE_COMPARE, cmp)
EACH_SIZE(DEFINE_COMPARE, test)

#define FORMS(name, bits) \
  {name##bits##_rr, name##bits##_ri, name##bits##_rm, name##bits##_mr, name##bits##_mi, \
   name##bits##_lock_mr, name##bits##_lock_mi}
#define COMPARE_FORMS(name, bits) \
  {name##bits##_rr, name##bits##_ri, name##bits##_rm, name##bits##_mr, name##bits##_mi, NULL, NULL}
#define SIZES(forms, name) {forms(name, 8), forms(name, 16), forms(name, 32), forms(name, 64)}

handler *const alu_handlers[ALU_OPERATIONS][4][ALU_FORMS] = {
    SIZES(FORMS, add), SIZES(FORMS, or),  SIZES(FORMS, adc),         SIZES(FORMS, sbb),          SIZES(FORMS, and),
    SIZES(FORMS, sub), SIZES(FORMS, xor), SIZES(COMPARE_FORMS, cmp), SIZES(COMPARE_FORMS, test)};

/* INC and DEC leave CF as it is; NEG is 0 - a; NOT sets no flags. */
#define RESULT_inc(bits) (U(bits))(a + 1)
#define RESULT_dec(bits) (U(bits))(a - 1)
#define RESULT_neg(bits) (U(bits))(0 - a)
#define RESULT_not(bits) (U(bits))~a
#define FLAGS_inc(bits)                                                                     \
  cc_result(cpu, (S(bits))r, (cc_carry(cpu) ? FLAG_CF : 0) | ((r & 0xf) == 0 ? FLAG_AF : 0) | \
                                 OVERFLOWS(bits, r & ~a))
#define FLAGS_dec(bits)                                                                     \
  cc_result(cpu, (S(bits))r, (cc_carry(cpu) ? FLAG_CF : 0) | ((r & 0xf) == 0xf ? FLAG_AF : 0) | \
                                 OVERFLOWS(bits, a & ~r))
#define FLAGS_neg(bits) cc_sub(cpu, 0, (S(bits))a, (S(bits))r)
#define FLAGS_not(bits) (void)0

#define DEFINE_UNARY(name, bits)                                                   \
  static void name##bits##_r(struct cpu *cpu, const struct op *op) {               \
    U(bits) a = REG##bits(op->dst), r = RESULT_##name(bits);                       \
    SET##bits(op->dst, r);                                                         \
    FLAGS_##name(bits);                                                            \
    NEXT;                                                                          \
  }                                                                                \
  static void name##bits##_m(struct cpu *cpu, const struct op *op) {               \
    U(bits) *place = update##bits(cpu, op, ea(cpu, op));                           \
    U(bits) a = *place, r = RESULT_##name(bits);                                   \
    *place = r;                                                                    \
    commit(cpu, op, place);                                                        \
    FLAGS_##name(bits);                                                            \
    NEXT;                                                                          \
  }                                                                                \
  static void name##bits##_lock_m(struct cpu *cpu, const struct op *op) {          \
    U(bits) *place = update##bits(cpu, op, ea(cpu, op));                           \
    U(bits) a = __atomic_load_n(place, __ATOMIC_RELAXED), r;                       \
    do {                                                                           \
      r = RESULT_##name(bits);                                                     \
    } while (!__atomic_compare_exchange_n(place, &a, r, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)); \
    commit(cpu, op, place);                                                        \
    FLAGS_##name(bits);                                                            \
    NEXT;                                                                          \
  }

EACH_SIZE(DEFINE_UNARY, inc)
EACH_SIZE(DEFINE_UNARY, dec)
EACH_SIZE(DEFINE_UNARY, neg)
EACH_SIZE(DEFINE_UNARY, not)

#define UNARY_FORMS(name, bits) {name##bits##_r, name##bits##_m, name##bits##_lock_m}
handler *const unary_handlers[UNARY_OPERATIONS][4][UNARY_FORMS_COUNT] = {
    SIZES(UNARY_FORMS, inc), SIZES(UNARY_FORMS, dec), SIZES(UNARY_FORMS, not), SIZES(UNARY_FORMS, neg)};
