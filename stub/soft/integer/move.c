/* MOV and its kin, LEA, XCHG, CMOVcc, SETcc, the stack, conversions. */
#include "soft/integer/move.h"

#include <sched.h>

#include "soft/integer/condition.h"
#include "soft/system/stack.h"

#define DEFINE_MOVE(bits)                                                       \
  static void mov##bits##_rr(struct cpu *cpu, const struct op *op) {            \
    SET##bits(op->dst, REG##bits(op->src));                                     \
    NEXT;                                                                       \
  }                                                                             \
  static void mov##bits##_ri(struct cpu *cpu, const struct op *op) {            \
    SET##bits(op->dst, op->imm);                                                \
    NEXT;                                                                       \
  }                                                                             \
  static void mov##bits##_rm(struct cpu *cpu, const struct op *op) {            \
    SET##bits(op->dst, load##bits(cpu, op, ea(cpu, op)));                       \
    NEXT;                                                                       \
  }                                                                             \
  static void mov##bits##_mr(struct cpu *cpu, const struct op *op) {            \
    store##bits(cpu, op, ea(cpu, op), REG##bits(op->src));                      \
    NEXT;                                                                       \
  }                                                                             \
  static void mov##bits##_mi(struct cpu *cpu, const struct op *op) {            \
    store##bits(cpu, op, ea(cpu, op), (uint##bits##_t)op->imm);                 \
    NEXT;                                                                       \
  }                                                                             \
  static void xchg##bits##_rr(struct cpu *cpu, const struct op *op) {           \
    uint##bits##_t a = REG##bits(op->dst), b = REG##bits(op->src);              \
    SET##bits(op->dst, b);                                                      \
    SET##bits(op->src, a);                                                      \
    NEXT;                                                                       \
  }                                                                             \
  static void xchg##bits##_mr(struct cpu *cpu, const struct op *op) {           \
    uint##bits##_t *place = update##bits(cpu, op, ea(cpu, op));                 \
    uint##bits##_t old = __atomic_exchange_n(place, REG##bits(op->src), __ATOMIC_SEQ_CST); \
    commit(cpu, op, place);                                                     \
    SET##bits(op->src, old);                                                    \
    NEXT;                                                                       \
  }

DEFINE_MOVE(8)
DEFINE_MOVE(16)
DEFINE_MOVE(32)
DEFINE_MOVE(64)

#define FORMS(bits) \
  {mov##bits##_rr, mov##bits##_ri, mov##bits##_rm, mov##bits##_mr, mov##bits##_mi, xchg##bits##_rr, xchg##bits##_mr}
handler *const move_handlers[4][MOVE_FORMS] = {FORMS(8), FORMS(16), FORMS(32), FORMS(64)};

/* With extension from a smaller size. */
#define DEFINE_EXTEND(name, from, type, to)                                              \
  static void name##from##_##to##_r(struct cpu *cpu, const struct op *op) {              \
    SET##to(op->dst, (int64_t)(type)REG##from(op->src));                                 \
    NEXT;                                                                                \
  }                                                                                      \
  static void name##from##_##to##_m(struct cpu *cpu, const struct op *op) {              \
    SET##to(op->dst, (int64_t)(type)load##from(cpu, op, ea(cpu, op)));                   \
    NEXT;                                                                                \
  }
#define DEFINE_EXTENDS(to)                   \
  DEFINE_EXTEND(movzx, 8, uint8_t, to)       \
  DEFINE_EXTEND(movzx, 16, uint16_t, to)     \
  DEFINE_EXTEND(movsx, 8, int8_t, to)        \
  DEFINE_EXTEND(movsx, 16, int16_t, to)      \
  DEFINE_EXTEND(movsx, 32, int32_t, to)
DEFINE_EXTENDS(16)
DEFINE_EXTENDS(32)
DEFINE_EXTENDS(64)

#define EXTENDS(to)                                                                   \
  {{movzx8_##to##_r, movzx8_##to##_m}, {movzx16_##to##_r, movzx16_##to##_m},          \
   {movsx8_##to##_r, movsx8_##to##_m}, {movsx16_##to##_r, movsx16_##to##_m},          \
   {movsx32_##to##_r, movsx32_##to##_m}}
handler *const extend_handlers[3][EXTENSIONS][2] = {EXTENDS(16), EXTENDS(32), EXTENDS(64)};

void lea16(struct cpu *cpu, const struct op *op) {
  SET16(op->dst, ea(cpu, op));
  NEXT;
}
void lea32(struct cpu *cpu, const struct op *op) {
  SET32(op->dst, ea(cpu, op));
  NEXT;
}
void lea64(struct cpu *cpu, const struct op *op) {
  SET64(op->dst, ea(cpu, op));
  NEXT;
}

/* CMOVcc: the load and the clearing of the upper half happen either way. */
#define DEFINE_CMOV(cc, number)                                                         \
  static void cmov##cc##_16(struct cpu *cpu, const struct op *op) {                     \
    if (condition(cpu, number) != op->code) SET16(op->dst, REG16(op->src));             \
    NEXT;                                                                               \
  }                                                                                     \
  static void cmov##cc##_32(struct cpu *cpu, const struct op *op) {                     \
    uint8_t from = condition(cpu, number) != op->code ? op->src : op->dst;              \
    SET32(op->dst, REG32(from));                                                        \
    NEXT;                                                                               \
  }                                                                                     \
  static void cmov##cc##_64(struct cpu *cpu, const struct op *op) {                     \
    uint8_t from = condition(cpu, number) != op->code ? op->src : op->dst;              \
    SET64(op->dst, REG64(from));                                                        \
    NEXT;                                                                               \
  }                                                                                     \
  static void set##cc##_r(struct cpu *cpu, const struct op *op) {                       \
    SET8(op->dst, condition(cpu, number) != op->code);                                  \
    NEXT;                                                                               \
  }                                                                                     \
  static void set##cc##_m(struct cpu *cpu, const struct op *op) {                       \
    store8(cpu, op, ea(cpu, op), condition(cpu, number) != op->code);                   \
    NEXT;                                                                               \
  }
DEFINE_CMOV(o, COND_O)
DEFINE_CMOV(b, COND_B)
DEFINE_CMOV(z, COND_Z)
DEFINE_CMOV(be, COND_BE)
DEFINE_CMOV(s, COND_S)
DEFINE_CMOV(p, COND_P)
DEFINE_CMOV(l, COND_L)
DEFINE_CMOV(le, COND_LE)
#define CONDITIONAL(cc) {cmov##cc##_16, cmov##cc##_32, cmov##cc##_64, set##cc##_r, set##cc##_m}
handler *const conditional_handlers[8][CONDITIONAL_FORMS] = {
    CONDITIONAL(o), CONDITIONAL(b), CONDITIONAL(z), CONDITIONAL(be),
    CONDITIONAL(s), CONDITIONAL(p), CONDITIONAL(l), CONDITIONAL(le)};

/* A value from memory for an op behind this one of the same instruction. */
void load_ea8(struct cpu *cpu, const struct op *op) {
  cpu->reg[REG_EA] = load8(cpu, op, ea(cpu, op));
  NEXT;
}
void load_ea16(struct cpu *cpu, const struct op *op) {
  cpu->reg[REG_EA] = load16(cpu, op, ea(cpu, op));
  NEXT;
}
void load_ea32(struct cpu *cpu, const struct op *op) {
  cpu->reg[REG_EA] = load32(cpu, op, ea(cpu, op));
  NEXT;
}
void load_ea64(struct cpu *cpu, const struct op *op) {
  cpu->reg[REG_EA] = load64(cpu, op, ea(cpu, op));
  NEXT;
}

void push64_r(struct cpu *cpu, const struct op *op) {
  uint64_t sp = cpu->reg[RSP] - 8;
  store64(cpu, op, sp, REG64(op->src));
  cpu->reg[RSP] = sp;
  NEXT;
}
void push64_i(struct cpu *cpu, const struct op *op) {
  uint64_t sp = cpu->reg[RSP] - 8;
  store64(cpu, op, sp, op->imm);
  cpu->reg[RSP] = sp;
  NEXT;
}
void pop64_r(struct cpu *cpu, const struct op *op) {
  uint64_t value = load64(cpu, op, cpu->reg[RSP]);
  cpu->reg[RSP] += 8;
  REG64(op->dst) = value;
  NEXT;
}

/* Of any size (`code`) and mode. */
void push_r(struct cpu *cpu, const struct op *op) {
  push_value(cpu, op, REG64(op->src), op->code);
  NEXT;
}
void push_i(struct cpu *cpu, const struct op *op) {
  push_value(cpu, op, op->imm, op->code);
  NEXT;
}
void pop_r(struct cpu *cpu, const struct op *op) {
  struct stack stack = stack_present(cpu);
  uint64_t value = stack_pop(cpu, op, &stack, op->code);
  cpu->reg[RSP] = stack.pointer;
  if (op->code == 2) SET16(op->dst, value);
  else SET64(op->dst, value);
  NEXT;
}
void pop_m(struct cpu *cpu, const struct op *op) {
  struct stack stack = stack_present(cpu);
  uint64_t value = stack_pop(cpu, op, &stack, op->code), at = ea(cpu, op);
  if (op->code == 8) store64(cpu, op, at, value);
  else if (op->code == 4) store32(cpu, op, at, (uint32_t)value);
  else store16(cpu, op, at, (uint16_t)value);
  cpu->reg[RSP] = stack.pointer;
  NEXT;
}

void leave64(struct cpu *cpu, const struct op *op) {
  uint64_t bp = cpu->reg[RBP], value = load64(cpu, op, bp);
  cpu->reg[RSP] = bp + 8;
  cpu->reg[RBP] = value;
  NEXT;
}
void leave(struct cpu *cpu, const struct op *op) {
  struct stack stack = stack_present(cpu);
  stack_set(&stack, cpu->reg[RBP]);
  uint64_t value = stack_pop(cpu, op, &stack, op->code);
  cpu->reg[RSP] = stack.pointer;
  if (op->code == 2) SET16(REG_OFFSET(RBP), value);
  else cpu->reg[RBP] = value;
  NEXT;
}

/* Frame pointers are read as they are pushed: what is pushed may lie over those that follow. */
static __attribute__((noinline)) void make_frame(struct cpu *cpu, const struct op *op) {
  uint32_t size = op->code, bytes = op->imm & 0xffff, level = op->imm >> 16 & 31;
  struct stack stack = stack_present(cpu), outer = stack;
  stack_probe(cpu, op, &stack, (level + 1) * size);
  stack_set(&outer, cpu->reg[RBP]);
  stack_push(cpu, op, &stack, cpu->reg[RBP], size);
  uint64_t frame = stack.pointer & stack.mask;
  for (uint32_t i = 1; i < level; i++) {
    stack_move(&outer, -(int64_t)size);
    struct stack from = outer;
    stack_push(cpu, op, &stack, stack_pop(cpu, op, &from, size), size);
  }
  if (level) stack_push(cpu, op, &stack, frame, size);
  stack_move(&stack, -(int64_t)bytes);
  memory_probe_write(cpu, op, stack_place(cpu, op, &stack, size), size); /* SDM volume 2, ENTER: #PF */
  cpu->reg[RSP] = stack.pointer;
  if (size == 2) SET16(REG_OFFSET(RBP), frame);
  else cpu->reg[RBP] = size == 8 ? frame : (cpu->reg[RBP] & ~stack.mask) | frame;
}

void enter(struct cpu *cpu, const struct op *op) {
  make_frame(cpu, op);
  NEXT;
}

/* PUSHA and POPA, outside 64-bit mode. */
static __attribute__((noinline)) void push_registers(struct cpu *cpu, const struct op *op) {
  struct stack stack = stack_present(cpu);
  stack_probe(cpu, op, &stack, 8u * op->code);
  for (int i = RAX; i <= RDI; i++) stack_push(cpu, op, &stack, cpu->reg[i], op->code);
  cpu->reg[RSP] = stack.pointer;
}
static __attribute__((noinline)) void pop_registers(struct cpu *cpu, const struct op *op) {
  struct stack stack = stack_present(cpu);
  uint64_t values[8];
  for (int i = RDI; i >= RAX; i--) values[i] = stack_pop(cpu, op, &stack, op->code);
  for (int i = RAX; i <= RDI; i++) {
    if (i == RSP) continue;
    if (op->code == 2) SET16(REG_OFFSET(i), values[i]);
    else SET32(REG_OFFSET(i), values[i]);
  }
  cpu->reg[RSP] = stack.pointer;
}

void push_all(struct cpu *cpu, const struct op *op) {
  push_registers(cpu, op);
  NEXT;
}
void pop_all(struct cpu *cpu, const struct op *op) {
  pop_registers(cpu, op);
  NEXT;
}

void cbw(struct cpu *cpu, const struct op *op) {
  if (op->code == 2) SET16(REG_OFFSET(RAX), (int8_t)cpu->reg[RAX]);
  else if (op->code == 4) SET32(REG_OFFSET(RAX), (int16_t)cpu->reg[RAX]);
  else cpu->reg[RAX] = (uint64_t)(int32_t)cpu->reg[RAX];
  NEXT;
}
void cwd(struct cpu *cpu, const struct op *op) {
  if (op->code == 2) SET16(REG_OFFSET(RDX), (int16_t)cpu->reg[RAX] >> 15);
  else if (op->code == 4) SET32(REG_OFFSET(RDX), (int32_t)cpu->reg[RAX] >> 31);
  else cpu->reg[RDX] = (uint64_t)((int64_t)cpu->reg[RAX] >> 63);
  NEXT;
}

void bswap32(struct cpu *cpu, const struct op *op) {
  SET32(op->dst, __builtin_bswap32(REG32(op->dst)));
  NEXT;
}
void bswap64(struct cpu *cpu, const struct op *op) {
  SET64(op->dst, __builtin_bswap64(REG64(op->dst)));
  NEXT;
}
void movbe_load(struct cpu *cpu, const struct op *op) {
  uint64_t at = ea(cpu, op);
  if (op->code == 2) SET16(op->dst, __builtin_bswap16(load16(cpu, op, at)));
  else if (op->code == 4) SET32(op->dst, __builtin_bswap32(load32(cpu, op, at)));
  else SET64(op->dst, __builtin_bswap64(load64(cpu, op, at)));
  NEXT;
}
void movbe_store(struct cpu *cpu, const struct op *op) {
  uint64_t at = ea(cpu, op), value = REG64(op->src);
  if (op->code == 2) store16(cpu, op, at, __builtin_bswap16((uint16_t)value));
  else if (op->code == 4) store32(cpu, op, at, __builtin_bswap32((uint32_t)value));
  else store64(cpu, op, at, __builtin_bswap64(value));
  NEXT;
}

void xlat_place(struct cpu *cpu, const struct op *op) {
  cpu->reg[REG_EA] = cpu->reg[RBX] + (uint8_t)cpu->reg[RAX];
  NEXT;
}

void lahf(struct cpu *cpu, const struct op *op) {
  SET8(REG_OFFSET(RAX) + 1, (cc_status(cpu) & 0xff) | FLAG_RESERVED);
  NEXT;
}
void sahf(struct cpu *cpu, const struct op *op) {
  cc_flags(cpu, (cc_status(cpu) & FLAG_OF) | (REG8(REG_OFFSET(RAX) + 1) & FLAGS_STATUS & 0xff));
  NEXT;
}
/* CLC, STC and CMC: `code` 0, 1, 2. */
void change_carry(struct cpu *cpu, const struct op *op) {
  uint32_t status = cc_status(cpu);
  bool carry = op->code == 2 ? !(status & FLAG_CF) : op->code;
  cc_flags(cpu, (status & ~(uint32_t)FLAG_CF) | (carry ? FLAG_CF : 0));
  NEXT;
}
void change_direction(struct cpu *cpu, const struct op *op) {
  cpu->flags = op->code ? cpu->flags | FLAG_DF : cpu->flags & ~(uint64_t)FLAG_DF;
  NEXT;
}

void nop(struct cpu *cpu, const struct op *op) {
  NEXT;
}
/* A loop that pauses waits for another processor, which may have no other core than this one. */
#define PAUSES_TO_YIELD 512
void pause_loop(struct cpu *cpu, const struct op *op) {
  __builtin_ia32_pause();
  if (unlikely(++cpu->pauses % PAUSES_TO_YIELD == 0)) sched_yield();
  NEXT;
}
void fence(struct cpu *cpu, const struct op *op) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  NEXT;
}
