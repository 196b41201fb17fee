#include "soft/native/template.h"

#include <pthread.h>

#include "soft/integer/condition.h"

/* A power of two, with most places free. */
#define PLACES 2048

static struct template table[PLACES];

static struct template *place_of(handler *run) {
  uint64_t key = (uint64_t)(uintptr_t)run * 0x9e3779b97f4a7c15ull;
  struct template *at = &table[key >> 53];
  while (at->run && at->run != run) at = at == &table[PLACES - 1] ? table : at + 1;
  return at;
}

void template_add(struct template template) {
  *place_of(template.run) = template;
}

static void fill_table(void) {
  integer_templates();
  move_templates();
  branch_templates();
}

const struct template *template_of(handler *run) {
  static pthread_once_t filled = PTHREAD_ONCE_INIT;
  pthread_once(&filled, fill_table);
  const struct template *at = place_of(run);
  return at->run ? at : NULL;
}

void put_to_op(struct compiler *c, enum host_condition condition) {
  c->to_op[c->to_op_count++] = put_branch(&c->a, condition);
}

/* By whether the sign counts, and the size. */
static const uint16_t extensions[2][9] = {{[1] = HOST_MOVZX8, [2] = HOST_MOVZX16, [4] = HOST_MOV, [8] = HOST_MOV},
                                          {[1] = HOST_MOVSX8, [2] = HOST_MOVSX16, [4] = HOST_MOVSXD, [8] = HOST_MOV}};

static void put_extended(struct compiler *c, unsigned size, bool sign, enum host_register to,
                         enum host_register base, unsigned index, int32_t disp) {
  put_rm(&c->a, sign || size == 8 ? 8 : 4, extensions[sign][size], to, base, index, 0, disp);
}

/* What templates use for nothing else. */
static const uint8_t holders[HELD] = {HOST_RBX, HOST_R10, HOST_R11, HOST_R12, HOST_R13, HOST_R14, HOST_R15};

void forget_held(struct compiler *c) {
  memset(c->held, HOLDS_NOTHING, sizeof c->held);
}

void put_held(struct compiler *c, const uint8_t held[HELD]) {
  for (int i = 0; i < HELD; i++) {
    if (held[i] != HOLDS_NOTHING) put_load(&c->a, 8, holders[i], HOST_CPU, CPU(reg) + REG_OFFSET(held[i]));
  }
}

/*
 * The place in `held` of a guest register, taken from the one that has had its place longest if need be. The
 * place asked for before stays as it is: an address has a base and an index.
 */
static int place_held(struct compiler *c, uint8_t guest, bool *found) {
  for (uint8_t i = 0; i < HELD; i++) {
    *found = c->held[i] == guest;
    if (*found) return c->recent = i;
  }
  do {
    c->oldest = (uint8_t)((c->oldest + 1) % HELD);
  } while (c->oldest == c->recent);
  c->held[c->oldest] = guest;
  return c->recent = c->oldest;
}

/* The host's register that holds a guest's, by its offset. */
static enum host_register held(struct compiler *c, uint8_t offset) {
  bool found;
  int place = place_held(c, offset / 8, &found);
  if (!found) put_load(&c->a, 8, holders[place], HOST_CPU, CPU(reg) + offset);
  return holders[place];
}

/* AH and its like. */
static bool second_byte(uint8_t offset) { return offset % 8; }

static void put_extended_register(struct compiler *c, unsigned size, bool sign, enum host_register to, uint8_t offset) {
  if (second_byte(offset)) {
    put_extended(c, size, sign, to, HOST_CPU, NO_INDEX, CPU(reg) + offset);
    return;
  }
  enum host_register from = held(c, offset);
  put_rr(&c->a, sign || size == 8 ? 8 : 4, extensions[sign][size], to, from);
}

void put_sign_extended(struct compiler *c, unsigned size, enum host_register of) {
  put_rr(&c->a, 8, extensions[true][size], of, of);
}

void put_signed(struct compiler *c, enum host_register to, unsigned size, uint8_t offset) {
  put_extended_register(c, size, true, to, offset);
}

void put_unsigned(struct compiler *c, enum host_register to, unsigned size, uint8_t offset) {
  put_extended_register(c, size, false, to, offset);
}

/* Less than 4 bytes go into all 8 that the processor reads next: it waits where a load finds a part just stored. */
void put_register(struct compiler *c, unsigned size, uint8_t offset, enum host_register from) {
  struct assembler *a = &c->a;
  bool found;
  if (size >= 4) {
    put_store(a, 8, from, HOST_CPU, CPU(reg) + offset);
    put_rr(a, 8, HOST_MOV, holders[place_held(c, offset / 8, &found)], from);
  } else if (!second_byte(offset)) {
    enum host_register whole = held(c, offset);
    put_rr(a, size, size == 1 ? HOST_MOV8 : HOST_MOV, whole, from);
    put_store(a, 8, whole, HOST_CPU, CPU(reg) + offset);
  } else {
    put_store(a, 1, from, HOST_CPU, CPU(reg) + offset);
    for (int i = 0; i < HELD; i++) {
      if (c->held[i] == offset / 8) c->held[i] = HOLDS_NOTHING;
    }
  }
}

void put_address(struct compiler *c) {
  const struct op *op = c->op;
  struct assembler *a = &c->a;
  bool has_base = op->base != REG_OFFSET(REG_ZERO), has_index = op->index != REG_OFFSET(REG_ZERO);
  if (!has_base && !has_index) {
    put_value(a, HOST_RDX, (uint64_t)(int64_t)op->disp);
    return;
  }
  enum host_register base = has_base ? held(c, op->base) : HOST_RDX;
  enum host_register index = has_index ? held(c, op->index) : HOST_RDX;
  if (has_base && has_index) {
    put_rm(a, 8, HOST_LEA, HOST_RDX, base, index, op->scale, op->disp);
  } else if (has_base) {
    put_rm(a, 8, HOST_LEA, HOST_RDX, base, NO_INDEX, 0, op->disp);
  } else {
    put_rr(a, 8, HOST_MOV, HOST_RDX, index);
    if (op->scale) put_shift(a, 8, HOST_SHL, HOST_RDX, op->scale);
    if (op->disp) put_rm(a, 8, HOST_LEA, HOST_RDX, HOST_RDX, NO_INDEX, 0, op->disp);
  }
}

/* memory.h's look into the TLB. */
static void put_translated(struct compiler *c, unsigned size, size_t tag) {
  struct assembler *a = &c->a;
  _Static_assert(sizeof(struct tlb_entry) == 32 && PAGE_BYTES == 4096, "the shift by 7");
  put_rr(a, 4, HOST_MOV, HOST_RAX, HOST_RDX);
  put_shift(a, 4, HOST_SHR, HOST_RAX, 7);
  put_immediate(a, 4, HOST_I_AND, HOST_RAX, (TLB_ENTRIES - 1) * 32);
  put_rm(a, 8, HOST_ADD, HOST_RAX, HOST_CPU, NO_INDEX, 0, CPU(tlb));
  put_rm(a, 8, HOST_LEA, HOST_R8, HOST_RDX, NO_INDEX, 0, (int32_t)size - 1);
  put_immediate(a, 8, HOST_I_AND, HOST_R8, -(int32_t)PAGE_BYTES);
  put_rm(a, 8, HOST_OR, HOST_R8, HOST_CPU, NO_INDEX, 0, CPU(tlb_generation));
  put_rm(a, 8, HOST_CMP, HOST_R8, HOST_RAX, NO_INDEX, 0, (int32_t)tag);
  put_to_op(c, HOST_NE);
  put_load(a, 8, HOST_R8, HOST_RAX, offsetof(struct tlb_entry, addend));
}

void put_readable(struct compiler *c, unsigned size) {
  put_translated(c, size, offsetof(struct tlb_entry, read));
}

void put_writable(struct compiler *c, unsigned size) {
  put_translated(c, size, offsetof(struct tlb_entry, write));
}

void put_from_memory(struct compiler *c, unsigned size, enum host_register to, bool sign) {
  put_extended(c, size, sign, to, HOST_RDX, HOST_R8, 0);
}

void put_to_memory(struct compiler *c, unsigned size, enum host_register from) {
  put_rm(&c->a, size, size == 1 ? HOST_STORE8 : HOST_STORE, from, HOST_RDX, HOST_R8, 0, 0);
}

/* Compares 8 bytes of the processor's state with 0. */
static void put_compare_zero(struct assembler *a, int32_t field) {
  put_rm(a, 8, HOST_IMMEDIATE8, HOST_I_CMP, HOST_CPU, NO_INDEX, 0, field);
  put_bytes(a, 0, 1);
}

static void put_compare_cc(struct assembler *a, enum cc_op value) {
  put_rm(a, 4, HOST_IMMEDIATE8, HOST_I_CMP, HOST_CPU, NO_INDEX, 0, CPU(cc_op));
  put_bytes(a, value, 1);
}

/* Of the result alone, whatever it came from. */
static int put_result_condition(struct compiler *c, enum host_condition condition) {
  if (c->cc == CC_UNKNOWN) {
    put_compare_cc(&c->a, CC_FLAGS);
    put_to_op(c, HOST_E);
  }
  put_compare_zero(&c->a, CPU(cc_result));
  return condition;
}

/* Of two values. */
static int put_compare_condition(struct compiler *c, enum host_condition condition) {
  if (c->cc != CC_UNKNOWN && c->cc != CC_SUB) return -1;
  if (c->cc == CC_UNKNOWN) {
    put_compare_cc(&c->a, CC_SUB);
    put_to_op(c, HOST_NE);
  }
  put_load(&c->a, 8, HOST_RAX, HOST_CPU, CPU(cc_a));
  put_rm(&c->a, 8, HOST_CMP, HOST_RAX, HOST_CPU, NO_INDEX, 0, CPU(cc_b));
  return condition;
}

void put_carry(struct compiler *c) {
  struct assembler *a = &c->a;
  if (c->cc == CC_UNKNOWN) {
    put_compare_cc(a, CC_RESULT);
    put_to_op(c, HOST_NE);
  }
  if (c->cc == CC_UNKNOWN || c->cc == CC_RESULT) {
    put_rm(a, 4, HOST_BIT, HOST_BT, HOST_CPU, NO_INDEX, 0, CPU(cc_a));
    put_bytes(a, __builtin_ctz(FLAG_CF), 1);
  } else {
    put_load(a, 8, HOST_RAX, HOST_CPU, c->cc == CC_ADD ? CPU(cc_result) : CPU(cc_a));
    put_rm(a, 8, HOST_CMP, HOST_RAX, HOST_CPU, NO_INDEX, 0, CPU(cc_b));
  }
}

int put_condition(struct compiler *c, unsigned number) {
  switch (number) {
    case COND_Z: return put_result_condition(c, HOST_E);
    case COND_S: return put_result_condition(c, HOST_S);
    case COND_P: return put_result_condition(c, HOST_P);
    case COND_B:
      if (c->cc == CC_UNKNOWN) return put_compare_condition(c, HOST_B);
      put_carry(c);
      return HOST_B;
    case COND_BE: return put_compare_condition(c, HOST_BE);
    case COND_L: return put_compare_condition(c, HOST_L);
    case COND_LE: return put_compare_condition(c, HOST_LE);
    default: return -1;
  }
}
