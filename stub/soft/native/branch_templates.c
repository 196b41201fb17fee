/* Templates of how control leaves a block: branch.c and branch.h say what they do. */
#include "soft/native/template.h"

#include "soft/exec.h"
#include "soft/integer/branch.h"

#define LINK(field) ((int32_t)offsetof(struct op, field))
#define BLOCK(field) ((int32_t)offsetof(struct block, field))

/* The address of an op, which lies within reach of where the code runs. */
static void put_op_address(struct compiler *c, const struct op *op) {
  struct assembler *a = &c->a;
  put_opcode(a, 8, HOST_LEA, HOST_OP, 0, 0);
  put_bytes(a, (HOST_OP & 7) << 3 | 5, 1);
  put_bytes(a, 0, 4);
  put_target(a, a->at, (const uint8_t *)op - c->executable);
}

#define ENTRY(field) ((int32_t)offsetof(struct jump_entry, field))

/* To `target` unless the generation at `at`, of the lifetime in RAX, is the present one. */
static void put_stale(struct compiler *c, enum host_register at, int32_t generation, const uint8_t *target) {
  struct assembler *a = &c->a;
  put_load(a, 4, HOST_R8, at, generation);
  put_rm(a, 4, HOST_CMP, HOST_R8, HOST_CPU, HOST_RAX, 2, CPU(generation));
  put_target(a, put_branch(a, HOST_NE), target);
}

/* enter(): the block is in RDX, and REG_BLOCK is set. */
static void put_enter(struct compiler *c) {
  struct assembler *a = &c->a;
  put_load(a, 4, HOST_RCX, HOST_RDX, BLOCK(count));
  put_rm(a, 8, HOST_SUB_FROM, HOST_RCX, HOST_CPU, NO_INDEX, 0, CPU(budget));
  put_target(a, put_branch(a, HOST_S), c->leave);
  put_rm(a, 4, HOST_IMMEDIATE8, HOST_I_CMP, HOST_CPU, NO_INDEX, 0, CPU(attention) + 4); /* its sign */
  put_bytes(a, 0, 1);
  put_target(a, put_branch(a, HOST_S), c->leave);
  put_rm(a, 8, HOST_LEA, HOST_OP, HOST_RDX, NO_INDEX, 0, BLOCK(ops));
  put_jump_through(a, HOST_RDX, BLOCK(ops) + LINK(run));
}

/* follow() */
static void put_follow(struct compiler *c, const struct op *link) {
  struct assembler *a = &c->a;
  put_op_address(c, link);
  put_rm(a, 4, HOST_MOVZX8, HOST_RAX, HOST_OP, NO_INDEX, 0, LINK(code));
  put_stale(c, HOST_OP, LINK(generation), c->link_miss);
  if (link->disp) {
    put_rm(a, 8, HOST_IMMEDIATE, HOST_I_ADD, HOST_CPU, NO_INDEX, 0, CPU(reg[REG_BLOCK]));
    put_bytes(a, (uint32_t)link->disp, 4);
  }
  put_load(a, 8, HOST_RDX, HOST_OP, LINK(target));
  put_enter(c);
}

/* checked(): a target in RCX that is no address is the op's function's. */
static void put_checked(struct compiler *c) {
  struct assembler *a = &c->a;
  put_rr(a, 8, HOST_MOV, HOST_RAX, HOST_RCX);
  put_shift(a, 8, HOST_SHL, HOST_RAX, 16);
  put_shift(a, 8, HOST_SAR, HOST_RAX, 16);
  put_rr(a, 8, HOST_CMP, HOST_RAX, HOST_RCX);
  put_to_op(c, HOST_NE);
}

/* jump() to RCX, in 64-bit mode. */
static void put_jump_to(struct compiler *c) {
  struct assembler *a = &c->a;
  _Static_assert(sizeof(struct jump_entry) == 24, "the multiplication");
  put_rr(a, 8, HOST_MOV, HOST_OP, HOST_RCX);
  put_rr(a, 8, HOST_MOV, HOST_RAX, HOST_RCX);
  put_shift(a, 8, HOST_SHR, HOST_RAX, 12);
  put_rr(a, 8, HOST_XOR, HOST_RAX, HOST_RCX);
  put_immediate(a, 4, HOST_I_AND, HOST_RAX, JUMP_ENTRIES - 1);
  put_rm(a, 8, HOST_LEA, HOST_RAX, HOST_RAX, HOST_RAX, 1, 0);
  put_rm(a, 8, HOST_LEA, HOST_RDX, HOST_CPU, HOST_RAX, 3, CPU(jumps));
  put_rm(a, 4, HOST_MOVZX8, HOST_RAX, HOST_CPU, NO_INDEX, 0, CPU(cpl));
  put_shift(a, 4, HOST_SHR, HOST_RAX, 1);
  put_shift(a, 8, HOST_SHL, HOST_RAX, 62);
  put_rr(a, 8, HOST_XOR, HOST_RAX, HOST_RCX);
  put_rm(a, 8, HOST_CMP, HOST_RAX, HOST_RDX, NO_INDEX, 0, ENTRY(key));
  put_target(a, put_branch(a, HOST_NE), c->jump_miss);
  put_load(a, 4, HOST_RAX, HOST_RDX, ENTRY(lifetime));
  put_stale(c, HOST_RDX, ENTRY(generation), c->jump_miss);
  put_store(a, 8, HOST_RCX, HOST_CPU, CPU(reg[REG_BLOCK]));
  put_load(a, 8, HOST_RDX, HOST_RDX, ENTRY(block));
  put_enter(c);
}

static bool link(struct compiler *c) {
  put_follow(c, c->op);
  return true;
}

/* `form` negates. */
static bool jump_if(struct compiler *c) {
  int condition = put_condition(c, c->template->operation);
  if (condition < 0) return false;
  uint8_t *taken = put_branch(&c->a, (enum host_condition)((unsigned)condition ^ c->template->form));
  put_follow(c, c->op + 2);
  put_target(&c->a, taken, c->a.at);
  put_follow(c, c->op + 1);
  return true;
}

/* Room on the stack for the return address, which RCX gets: RDX is to be the stack pointer. */
static void put_return_address(struct compiler *c) {
  struct assembler *a = &c->a;
  put_unsigned(c, HOST_RDX, 8, REG_OFFSET(RSP));
  put_immediate(a, 8, HOST_I_SUB, HOST_RDX, 8);
  put_writable(c, 8);
  put_load(a, 8, HOST_RCX, HOST_CPU, CPU(reg[REG_BLOCK]));
  put_immediate(a, 8, HOST_I_ADD, HOST_RCX, c->op->next);
  put_to_memory(c, 8, HOST_RCX);
}

static bool call(struct compiler *c) {
  put_return_address(c);
  put_store(&c->a, 8, HOST_RDX, HOST_CPU, CPU(reg[RSP]));
  put_follow(c, c->op + 1);
  return true;
}

/* Its target is read before the stack pointer moves, and again for the jump: it may be RSP's. */
static bool call_register(struct compiler *c) {
  struct assembler *a = &c->a;
  put_unsigned(c, HOST_RCX, 8, c->op->src);
  put_checked(c);
  put_return_address(c);
  put_unsigned(c, HOST_RCX, 8, c->op->src);
  put_store(a, 8, HOST_RDX, HOST_CPU, CPU(reg[RSP]));
  put_jump_to(c);
  return true;
}

static bool jump_register(struct compiler *c) {
  put_unsigned(c, HOST_RCX, 8, c->op->src);
  put_checked(c);
  put_jump_to(c);
  return true;
}

static bool return_near(struct compiler *c) {
  struct assembler *a = &c->a;
  if (c->op->imm > INT16_MAX) return false;
  put_unsigned(c, HOST_RDX, 8, REG_OFFSET(RSP));
  put_readable(c, 8);
  put_from_memory(c, 8, HOST_RCX, false);
  put_checked(c);
  put_immediate(a, 8, HOST_I_ADD, HOST_RDX, 8 + (int32_t)c->op->imm);
  put_store(a, 8, HOST_RDX, HOST_CPU, CPU(reg[RSP]));
  put_jump_to(c);
  return true;
}

static void add(handler *run, emitter *emit) {
  template_add((struct template){.run = run, .emit = emit, .observes = true, .ends = true});
}

void branch_templates(void) {
  for (uint8_t condition = 0; condition < 16; condition++) {
    template_add((struct template){.run = jcc_handlers[condition],
                                   .emit = jump_if,
                                   .operation = condition >> 1,
                                   .form = condition & 1,
                                   .observes = true,
                                   .ends = true});
  }
  add(link_op, link);
  add(call64, call);
  add(call64_r, call_register);
  add(jump64_r, jump_register);
  add(ret64, return_near);
}
