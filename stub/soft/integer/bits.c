/* Single bits, bit scans, and the read-modify-write instructions that compare or add. */
#include "soft/integer/bits.h"

#include "soft/exec.h"

/* BT, BTS, BTR and BTC change CF alone. */
static inline void set_carry(struct cpu *cpu, bool carry) {
  cc_flags(cpu, (cc_status(cpu) & ~(uint32_t)FLAG_CF) | (carry ? FLAG_CF : 0));
}

#define CHANGE_bts(value, bit) ((value) | (bit))
#define CHANGE_btr(value, bit) ((value) & ~(bit))
#define CHANGE_btc(value, bit) ((value) ^ (bit))

/* The bit's number comes from a register or an immediate: the immediate counts when src is REG_ZERO. */
#define NUMBER(bits) ((REG##bits(op->src) + (uint##bits##_t)op->imm) & (bits - 1))

/* In memory a register's number reaches beyond the operand, signed; an immediate's does not. */
#define PLACE(bits)                                                                             \
  (ea(cpu, op) + (uint64_t)(((int##bits##_t)REG##bits(op->src) >> __builtin_ctz(bits)) * (int64_t)(bits / 8)))

void bit_place(struct cpu *cpu, const struct op *op) {
  uint32_t bits = op->code * 8u;
  int64_t number = bits == 16 ? (int16_t)REG16(op->src) : bits == 32 ? (int32_t)REG32(op->src) : (int64_t)REG64(op->src);
  cpu->reg[REG_EA] = ea(cpu, op) + (uint64_t)((number >> __builtin_ctz(bits)) * (int64_t)op->code);
  cpu->reg[REG_BIT] = (uint64_t)number & (bits - 1);
  NEXT;
}

#define DEFINE_TEST_BIT(bits)                                                     \
  static void bt##bits##_r(struct cpu *cpu, const struct op *op) {                \
    set_carry(cpu, REG##bits(op->dst) >> NUMBER(bits) & 1);                       \
    NEXT;                                                                         \
  }                                                                               \
  static void bt##bits##_m(struct cpu *cpu, const struct op *op) {                \
    set_carry(cpu, load##bits(cpu, op, PLACE(bits)) >> NUMBER(bits) & 1);         \
    NEXT;                                                                         \
  }
#define DEFINE_CHANGE_BIT(name, bits)                                             \
  static void name##bits##_r(struct cpu *cpu, const struct op *op) {              \
    uint##bits##_t a = REG##bits(op->dst), bit = (uint##bits##_t)1 << NUMBER(bits); \
    SET##bits(op->dst, CHANGE_##name(a, bit));                                    \
    set_carry(cpu, a & bit);                                                      \
    NEXT;                                                                         \
  }                                                                               \
  static void name##bits##_m(struct cpu *cpu, const struct op *op) {              \
    uint##bits##_t bit = (uint##bits##_t)1 << NUMBER(bits);                       \
    uint##bits##_t *place = update##bits(cpu, op, PLACE(bits)), a = *place;       \
    *place = (uint##bits##_t)CHANGE_##name(a, bit);                               \
    commit(cpu, op, place);                                                       \
    set_carry(cpu, a & bit);                                                      \
    NEXT;                                                                         \
  }                                                                               \
  static void name##bits##_lock_m(struct cpu *cpu, const struct op *op) {         \
    uint##bits##_t bit = (uint##bits##_t)1 << NUMBER(bits);                       \
    uint##bits##_t *place = update##bits(cpu, op, PLACE(bits));                   \
    uint##bits##_t a = __atomic_load_n(place, __ATOMIC_RELAXED);                  \
    while (!__atomic_compare_exchange_n(place, &a, (uint##bits##_t)CHANGE_##name(a, bit), true, \
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {}   \
    commit(cpu, op, place);                                                       \
    set_carry(cpu, a & bit);                                                      \
    NEXT;                                                                         \
  }
#define EACH_SIZE(define) define(16) define(32) define(64)
#define EACH_NAMED_SIZE(define, name) define(name, 16) define(name, 32) define(name, 64)
EACH_SIZE(DEFINE_TEST_BIT)
EACH_NAMED_SIZE(DEFINE_CHANGE_BIT, bts)
EACH_NAMED_SIZE(DEFINE_CHANGE_BIT, btr)
EACH_NAMED_SIZE(DEFINE_CHANGE_BIT, btc)

#define TEST_FORMS(bits) {bt##bits##_r, bt##bits##_m, NULL}
#define FORMS(name, bits) {name##bits##_r, name##bits##_m, name##bits##_lock_m}
handler *const bit_handlers[BIT_OPERATIONS][3][BIT_FORMS] = {
    {TEST_FORMS(16), TEST_FORMS(32), TEST_FORMS(64)},
    {FORMS(bts, 16), FORMS(bts, 32), FORMS(bts, 64)},
    {FORMS(btr, 16), FORMS(btr, 32), FORMS(btr, 64)},
    {FORMS(btc, 16), FORMS(btc, 32), FORMS(btc, 64)}};

/* BSF and BSR: of 0 they leave the destination alone, as every processor does (of 32 bits with the
 * upper half cleared or not; we keep it). */
static inline void set_scanned(struct cpu *cpu, uint64_t value) {
  cc_result(cpu, value ? 1 : 0, 0);
}
#define DEFINE_SCAN(bits, forward, backward)                                      \
  void bsf##bits(struct cpu *cpu, const struct op *op) {                          \
    uint##bits##_t value = REG##bits(op->src);                                    \
    if (value) SET##bits(op->dst, forward(value));                                \
    set_scanned(cpu, value);                                                      \
    NEXT;                                                                         \
  }                                                                               \
  void bsr##bits(struct cpu *cpu, const struct op *op) {                          \
    uint##bits##_t value = REG##bits(op->src);                                    \
    if (value) SET##bits(op->dst, backward(value));                               \
    set_scanned(cpu, value);                                                      \
    NEXT;                                                                         \
  }                                                                               \
  void popcnt##bits(struct cpu *cpu, const struct op *op) {                       \
    uint##bits##_t value = REG##bits(op->src);                                    \
    SET##bits(op->dst, __builtin_popcountll(value));                              \
    cc_flags(cpu, value ? 0 : FLAG_ZF);                                           \
    NEXT;                                                                         \
  }
DEFINE_SCAN(16, __builtin_ctz, 31 - __builtin_clz)
DEFINE_SCAN(32, __builtin_ctz, 31 - __builtin_clz)
DEFINE_SCAN(64, __builtin_ctzll, 63 - __builtin_clzll)

/* CMPXCHG and XADD are atomic with and without LOCK: that costs nothing that matters. */
#define DEFINE_EXCHANGE(bits)                                                     \
  static void cmpxchg##bits##_r(struct cpu *cpu, const struct op *op) {           \
    uint##bits##_t expected = REG##bits(REG_OFFSET(RAX)), old = REG##bits(op->dst); \
    if (old == expected) SET##bits(op->dst, REG##bits(op->src));                  \
    else SET##bits(REG_OFFSET(RAX), old);                                         \
    cc_sub(cpu, (int##bits##_t)expected, (int##bits##_t)old, (int##bits##_t)(uint##bits##_t)(expected - old)); \
    NEXT;                                                                         \
  }                                                                               \
  static void cmpxchg##bits##_m(struct cpu *cpu, const struct op *op) {           \
    uint##bits##_t expected = REG##bits(REG_OFFSET(RAX)), old = expected;         \
    uint##bits##_t *place = update##bits(cpu, op, ea(cpu, op));                   \
    bool same = __atomic_compare_exchange_n(place, &old, REG##bits(op->src), false, __ATOMIC_SEQ_CST, \
                                            __ATOMIC_SEQ_CST);                    \
    commit(cpu, op, place);                                                       \
    if (!same) SET##bits(REG_OFFSET(RAX), old);                                   \
    cc_sub(cpu, (int##bits##_t)expected, (int##bits##_t)old, (int##bits##_t)(uint##bits##_t)(expected - old)); \
    NEXT;                                                                         \
  }                                                                               \
  static void xadd##bits##_r(struct cpu *cpu, const struct op *op) {              \
    uint##bits##_t a = REG##bits(op->dst), b = REG##bits(op->src), r = (uint##bits##_t)(a + b); \
    SET##bits(op->src, a);                                                        \
    SET##bits(op->dst, r);                                                        \
    cc_add(cpu, (int##bits##_t)a, (int##bits##_t)b, (int##bits##_t)r);            \
    NEXT;                                                                         \
  }                                                                               \
  static void xadd##bits##_m(struct cpu *cpu, const struct op *op) {              \
    uint##bits##_t *place = update##bits(cpu, op, ea(cpu, op));                   \
    uint##bits##_t b = REG##bits(op->src), a = __atomic_fetch_add(place, b, __ATOMIC_SEQ_CST); \
    uint##bits##_t r = (uint##bits##_t)(a + b);                                   \
    commit(cpu, op, place);                                                       \
    SET##bits(op->src, a);                                                        \
    cc_add(cpu, (int##bits##_t)a, (int##bits##_t)b, (int##bits##_t)r);            \
    NEXT;                                                                         \
  }
DEFINE_EXCHANGE(8)
DEFINE_EXCHANGE(16)
DEFINE_EXCHANGE(32)
DEFINE_EXCHANGE(64)
#define EXCHANGE_FORMS(bits) {cmpxchg##bits##_r, cmpxchg##bits##_m, xadd##bits##_r, xadd##bits##_m}
handler *const exchange_handlers[4][EXCHANGE_FORMS_COUNT] = {EXCHANGE_FORMS(8), EXCHANGE_FORMS(16), EXCHANGE_FORMS(32),
                                                            EXCHANGE_FORMS(64)};

static inline void set_equal(struct cpu *cpu, bool equal) {
  cc_flags(cpu, (cc_status(cpu) & ~(uint32_t)FLAG_ZF) | (equal ? FLAG_ZF : 0));
}

void cmpxchg8b(struct cpu *cpu, const struct op *op) {
  uint64_t expected = cpu->reg[RDX] << 32 | (uint32_t)cpu->reg[RAX], old = expected;
  uint64_t *place = update64(cpu, op, ea(cpu, op));
  bool same = __atomic_compare_exchange_n(place, &old, cpu->reg[RCX] << 32 | (uint32_t)cpu->reg[RBX], false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  commit(cpu, op, place);
  if (!same) {
    SET32(REG_OFFSET(RAX), old);
    SET32(REG_OFFSET(RDX), old >> 32);
  }
  set_equal(cpu, same);
  NEXT;
}

void cmpxchg16b(struct cpu *cpu, const struct op *op) {
  uint64_t at = ea(cpu, op);
  if (at & 15) cpu_fault(cpu, op, VECTOR_GP, 0);
  const struct tlb_entry *entry = tlb_at(cpu, at);
  uint64_t *place = likely(entry->write == tlb_tag(cpu, at, 16)) ? (uint64_t *)(at + entry->addend)
                                                                : call_update(cpu, op, at, 16);
  uint64_t low = cpu->reg[RAX], high = cpu->reg[RDX];
  uint8_t same;
  __asm__ volatile("lock cmpxchg16b %0\n\tsete %1"
                   : "+m"(*(unsigned __int128 *)place), "=q"(same), "+a"(low), "+d"(high)
                   : "b"(cpu->reg[RBX]), "c"(cpu->reg[RCX])
                   : "cc", "memory");
  commit(cpu, op, place);
  cpu->reg[RAX] = low;
  cpu->reg[RDX] = high;
  set_equal(cpu, same);
  NEXT;
}
