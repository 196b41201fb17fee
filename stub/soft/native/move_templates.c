/* Templates of moves: move.c and emit.c say what they do. */
#include "soft/native/template.h"

#include "soft/exec.h"
#include "soft/integer/move.h"
#include "soft/translation/code_cache.h"
#include "soft/translation/operand.h"

#define VALUE HOST_RCX

/* What 4 bytes or less leave of a value that a register gets. */
static uint64_t cut(uint64_t value, unsigned size) {
  return size == 8 ? value : value & ((1ull << 8 * size) - 1);
}

static bool move(struct compiler *c) {
  unsigned size = c->template->size, form = c->template->form;
  struct assembler *a = &c->a;
  const struct op *op = c->op;
  if (form != MOVE_RR && form != MOVE_RI) put_address(c);
  if (form == MOVE_RM) put_readable(c, size);
  if (form == MOVE_MR || form == MOVE_MI) put_writable(c, size);
  if (form == MOVE_RI || form == MOVE_MI) put_value(a, VALUE, cut(op->imm, size));
  else if (form == MOVE_RM) put_from_memory(c, size, VALUE, false);
  else put_unsigned(c, VALUE, size, op->src);
  if (form == MOVE_MR || form == MOVE_MI) put_to_memory(c, size, VALUE);
  else put_register(c, size, op->dst, VALUE);
  return true;
}

/* `form`; `operation` is the kind of extension. */
enum { FROM_REGISTER, FROM_MEMORY };

static bool extend(struct compiler *c) {
  unsigned kind = c->template->operation, size = c->template->size;
  bool sign = kind >= EXTEND_SIGN_8;
  unsigned from = kind == EXTEND_ZERO_8 || kind == EXTEND_SIGN_8 ? 1 : kind == EXTEND_SIGN_32 ? 4 : 2;
  if (c->template->form == FROM_MEMORY) {
    put_address(c);
    put_readable(c, from);
    put_from_memory(c, from, VALUE, sign);
  } else if (sign) {
    put_signed(c, VALUE, from, c->op->src);
  } else {
    put_unsigned(c, VALUE, from, c->op->src);
  }
  if (size == 4 && sign) put_rr(&c->a, 4, HOST_MOV, VALUE, VALUE);
  put_register(c, size, c->op->dst, VALUE);
  return true;
}

static bool load_address(struct compiler *c) {
  unsigned size = c->template->size;
  put_address(c);
  if (size == 4) put_rr(&c->a, 4, HOST_MOV, HOST_RDX, HOST_RDX);
  put_register(c, size, c->op->dst, HOST_RDX);
  return true;
}

/* For an op behind this one of the same instruction. */
static bool load_ea(struct compiler *c) {
  put_address(c);
  put_readable(c, c->template->size);
  put_from_memory(c, c->template->size, VALUE, false);
  put_register(c, 8, REG_OFFSET(REG_EA), VALUE);
  return true;
}

static bool address_flat(struct compiler *c) {
  put_address(c);
  put_rr(&c->a, 4, HOST_MOV, HOST_RDX, HOST_RDX);
  put_register(c, 8, REG_OFFSET(REG_EA), HOST_RDX);
  return true;
}

static bool address_based(struct compiler *c) {
  int32_t base = CPU(segment) + c->op->segment * (int32_t)sizeof(struct segment) + (int32_t)offsetof(struct segment, base);
  put_address(c);
  put_rm(&c->a, 8, HOST_ADD, HOST_RDX, HOST_CPU, NO_INDEX, 0, base);
  put_register(c, 8, REG_OFFSET(REG_EA), HOST_RDX);
  return true;
}

static void put_stack_pointer(struct compiler *c, uint8_t from, int32_t distance) {
  put_unsigned(c, HOST_RDX, 8, REG_OFFSET(from));
  if (distance) put_rm(&c->a, 8, HOST_LEA, HOST_RDX, HOST_RDX, NO_INDEX, 0, distance);
}

enum { PUSH_REGISTER, PUSH_IMMEDIATE };

static bool push(struct compiler *c) {
  put_stack_pointer(c, RSP, -8);
  put_writable(c, 8);
  if (c->template->form == PUSH_REGISTER) put_unsigned(c, VALUE, 8, c->op->src);
  else put_value(&c->a, VALUE, c->op->imm);
  put_to_memory(c, 8, VALUE);
  put_register(c, 8, REG_OFFSET(RSP), HOST_RDX);
  return true;
}

/* The stack pointer moves before the register gets its value: POP RSP. */
static bool pop_from(struct compiler *c, uint8_t pointer, uint8_t offset) {
  put_stack_pointer(c, pointer, 0);
  put_readable(c, 8);
  put_from_memory(c, 8, VALUE, false);
  put_rm(&c->a, 8, HOST_LEA, HOST_RDX, HOST_RDX, NO_INDEX, 0, 8);
  put_register(c, 8, REG_OFFSET(RSP), HOST_RDX);
  put_register(c, 8, offset, VALUE);
  return true;
}

static bool pop(struct compiler *c) { return pop_from(c, RSP, c->op->dst); }
static bool leave_frame(struct compiler *c) { return pop_from(c, RBP, REG_OFFSET(RBP)); }

static bool move_if(struct compiler *c) {
  unsigned size = c->template->size;
  int condition = put_condition(c, c->template->operation);
  if (condition < 0) return false;
  put_unsigned(c, VALUE, size, c->op->dst);
  put_unsigned(c, HOST_RDX, size, c->op->src);
  put_rr(&c->a, size, HOST_CMOV | ((unsigned)condition ^ c->op->code), VALUE, HOST_RDX);
  put_register(c, size, c->op->dst, VALUE);
  return true;
}

static bool set_if(struct compiler *c) {
  int condition = put_condition(c, c->template->operation);
  if (condition < 0) return false;
  put_rr(&c->a, 1, HOST_SET | ((unsigned)condition ^ c->op->code), 0, VALUE);
  put_register(c, 1, c->op->dst, VALUE);
  return true;
}

static bool nothing(struct compiler *c) {
  (void)c;
  return true;
}

/* CDQE and CWDE, CDQ and CQO: by op->code. */
static bool extend_accumulator(struct compiler *c) {
  unsigned size = c->op->code;
  if (size == 2) return false;
  put_signed(c, VALUE, size / 2, REG_OFFSET(RAX));
  if (size == 4) put_rr(&c->a, 4, HOST_MOV, VALUE, VALUE);
  put_register(c, 8, REG_OFFSET(RAX), VALUE);
  return true;
}

static bool extend_into_rdx(struct compiler *c) {
  unsigned size = c->op->code;
  if (size == 2) return false;
  put_unsigned(c, VALUE, size, REG_OFFSET(RAX));
  put_shift(&c->a, size, HOST_SAR, VALUE, 8 * size - 1);
  put_register(c, size, REG_OFFSET(RDX), VALUE);
  return true;
}

static void add(handler *run, emitter *emit, uint8_t operation, unsigned size, uint8_t form, bool observes) {
  template_add((struct template){
      .run = run, .emit = emit, .operation = operation, .size = (uint8_t)size, .form = form, .observes = observes});
}

void move_templates(void) {
  for (unsigned size = 0; size < 4; size++) {
    for (uint8_t form = MOVE_RR; form <= MOVE_MI; form++) {
      add(move_handlers[size][form], move, 0, 1u << size, form, form >= MOVE_RM);
    }
  }
  for (unsigned size = 0; size < 3; size++) {
    for (uint8_t kind = 0; kind < EXTENSIONS; kind++) {
      add(extend_handlers[size][kind][0], extend, kind, 2u << size, FROM_REGISTER, false);
      add(extend_handlers[size][kind][1], extend, kind, 2u << size, FROM_MEMORY, true);
    }
  }
  for (uint8_t number = 0; number < 8; number++) {
    add(conditional_handlers[number][CMOV_32], move_if, number, 4, 0, true);
    add(conditional_handlers[number][CMOV_64], move_if, number, 8, 0, true);
    add(conditional_handlers[number][SET_R], set_if, number, 1, 0, true);
  }
  static handler *const addresses[] = {lea16, lea32, lea64}, *const loads[] = {load_ea8, load_ea16, load_ea32, load_ea64};
  for (unsigned i = 0; i < 3; i++) add(addresses[i], load_address, 0, 2u << i, 0, false);
  for (unsigned i = 0; i < 4; i++) add(loads[i], load_ea, 0, 1u << i, 0, true);
  add(address32, address_flat, 0, 4, 0, false);
  add(address64, address_based, 0, 8, 0, false);
  add(push64_r, push, 0, 8, PUSH_REGISTER, true);
  add(push64_i, push, 0, 8, PUSH_IMMEDIATE, true);
  add(pop64_r, pop, 0, 8, 0, true);
  add(leave64, leave_frame, 0, 8, 0, true);
  add(cbw, extend_accumulator, 0, 0, 0, false);
  add(cwd, extend_into_rdx, 0, 0, 0, false);
  add(nop, nothing, 0, 0, 0, false);
  add(count_run, nothing, 0, 0, 0, false);
}
