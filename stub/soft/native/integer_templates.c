/* Templates of arithmetic: alu.c, shift.c and multiply.c say what they do. */
#include "soft/native/template.h"

#include "soft/exec.h"
#include "soft/integer/alu.h"
#include "soft/integer/multiply.h"

/* Arithmetic is done on 64 bits, with operands sign-extended, in these registers; B may be lost. */
#define A HOST_RAX
#define B HOST_RCX
#define RESULT HOST_R9
/* As a byte, without a REX prefix. */
#define HOST_AH 4

static void put_cc(struct compiler *c, enum cc_op cc) {
  if (c->cc != cc) put_store_immediate(&c->a, 4, HOST_CPU, CPU(cc_op), (int32_t)cc);
  c->cc = (uint8_t)cc;
  put_store(&c->a, 8, RESULT, HOST_CPU, CPU(cc_result));
}

static bool logic(unsigned operation) {
  return operation == ALU_AND || operation == ALU_OR || operation == ALU_XOR || operation == ALU_TEST;
}

/* RESULT, sign-extended, and the flags that A, B and it make. */
static void put_arithmetic(struct compiler *c, unsigned operation, unsigned size) {
  static const uint8_t opcodes[ALU_OPERATIONS] = {
      [ALU_ADD] = HOST_ADD, [ALU_OR] = HOST_OR,  [ALU_AND] = HOST_AND, [ALU_SUB] = HOST_SUB,
      [ALU_XOR] = HOST_XOR, [ALU_CMP] = HOST_SUB, [ALU_TEST] = HOST_AND};
  struct assembler *a = &c->a;
  put_rr(a, 8, HOST_MOV, RESULT, A);
  put_rr(a, 8, opcodes[operation], RESULT, B);
  if (!c->live) return;
  if (logic(operation)) {
    put_store(a, 8, RESULT, HOST_CPU, CPU(cc_a));
    put_store_immediate(a, 8, HOST_CPU, CPU(cc_b), 0);
  } else {
    if (size != 8) put_sign_extended(c, size, RESULT);
    put_store(a, 8, A, HOST_CPU, CPU(cc_a));
    put_store(a, 8, B, HOST_CPU, CPU(cc_b));
  }
  put_cc(c, operation == ALU_ADD ? CC_ADD : CC_SUB);
}

static void put_result(struct compiler *c, unsigned size) {
  if (size == 4) put_rr(&c->a, 4, HOST_MOV, RESULT, RESULT);
  put_register(c, size, c->op->dst, RESULT);
}

static bool in_memory(unsigned form) { return form == ALU_RM || form == ALU_MR || form == ALU_MI; }

static int64_t immediate_of(const struct op *op, unsigned size) {
  unsigned shift = 64 - 8 * size;
  return (int64_t)(op->imm << shift) >> shift;
}

static bool alu(struct compiler *c) {
  unsigned operation = c->template->operation, size = c->template->size, form = c->template->form;
  bool compares = operation == ALU_CMP || operation == ALU_TEST;
  if (in_memory(form)) {
    put_address(c);
    if (form == ALU_RM || compares) put_readable(c, size);
    else put_writable(c, size);
  }
  if (form == ALU_RM) put_from_memory(c, size, B, true);
  else if (form == ALU_RI || form == ALU_MI) put_value(&c->a, B, (uint64_t)immediate_of(c->op, size));
  else put_signed(c, B, size, c->op->src);
  if (form == ALU_MR || form == ALU_MI) put_from_memory(c, size, A, true);
  else put_signed(c, A, size, c->op->dst);
  put_arithmetic(c, operation, size);
  if (compares) return true;
  if (form == ALU_MR || form == ALU_MI) put_to_memory(c, size, RESULT);
  else put_result(c, size);
  return true;
}

/* The host's CF, AF and OF of what RESULT came from, and RESULT. A and B are lost. */
static void put_cc_result(struct compiler *c, unsigned size) {
  struct assembler *a = &c->a;
  put_bytes(a, HOST_LAHF, 1);
  put_rr(a, 1, HOST_SET | HOST_O, 0, B);
  put_rr(a, 4, HOST_MOVZX8, A, HOST_AH);
  put_immediate(a, 4, HOST_I_AND, A, FLAG_CF | FLAG_AF);
  put_rr(a, 4, HOST_MOVZX8, B, B);
  put_shift(a, 4, HOST_SHL, B, __builtin_ctz(FLAG_OF));
  put_rr(a, 4, HOST_OR, B, A);
  put_store(a, 8, B, HOST_CPU, CPU(cc_a));
  if (size == 4) put_sign_extended(c, size, RESULT);
  put_cc(c, CC_RESULT);
}

/* ADC and SBB, of 4 and 8 bytes. */
static bool with_carry(struct compiler *c) {
  unsigned size = c->template->size, form = c->template->form;
  struct assembler *a = &c->a;
  if (in_memory(form)) {
    put_address(c);
    if (form == ALU_RM) put_readable(c, size);
    else put_writable(c, size);
  }
  put_carry(c);
  if (form == ALU_RM) put_from_memory(c, size, B, false);
  else if (form == ALU_RI || form == ALU_MI) put_value(a, B, (uint64_t)immediate_of(c->op, size));
  else put_unsigned(c, B, size, c->op->src);
  if (form == ALU_MR || form == ALU_MI) put_from_memory(c, size, RESULT, false);
  else put_unsigned(c, RESULT, size, c->op->dst);
  put_rr(a, size, c->template->operation == ALU_ADC ? HOST_ADC : HOST_SBB, RESULT, B);
  if (form == ALU_MR || form == ALU_MI) put_to_memory(c, size, RESULT);
  else put_register(c, size, c->op->dst, RESULT);
  if (c->live) put_cc_result(c, size);
  return true;
}

/* INC and DEC, of 4 and 8 bytes: they leave CF as it is, here and there. */
static bool count(struct compiler *c) {
  unsigned size = c->template->size;
  bool memory = c->template->form == UNARY_M;
  if (memory) {
    put_address(c);
    put_writable(c, size);
  }
  if (c->live) put_carry(c);
  if (memory) put_from_memory(c, size, RESULT, false);
  else put_unsigned(c, RESULT, size, c->op->dst);
  put_rr(&c->a, size, HOST_COUNT_OR_JUMP, c->template->operation == UNARY_INC ? HOST_INC : HOST_DEC, RESULT);
  if (memory) put_to_memory(c, size, RESULT);
  else put_register(c, size, c->op->dst, RESULT);
  if (c->live) put_cc_result(c, size);
  return true;
}

/* NOT sets no flags; NEG is done here where nobody asks for them. */
static bool unary(struct compiler *c) {
  unsigned operation = c->template->operation, size = c->template->size;
  if (operation == UNARY_NEG && c->live) return false;
  put_unsigned(c, RESULT, size, c->op->dst);
  put_rr(&c->a, size, HOST_UNARY, operation == UNARY_NOT ? HOST_NOT : HOST_NEG, RESULT);
  put_register(c, size, c->op->dst, RESULT);
  return true;
}

/* A condition as the host has it now, 0 or 1, into B. */
static void put_flag(struct assembler *a, enum host_condition condition) {
  put_rr(a, 1, HOST_SET | condition, 0, B);
  put_rr(a, 4, HOST_MOVZX8, B, B);
}

/* The top bit of a register, into RDX. */
static void put_top_bit(struct assembler *a, unsigned size, enum host_register of) {
  put_rr(a, size, HOST_MOV, HOST_RDX, of);
  put_shift(a, size, HOST_SHR, HOST_RDX, 8 * size - 1);
}

/* The host's group of shifts is the guest's. */
static bool shift(struct compiler *c) {
  unsigned operation = c->template->operation, size = c->template->size;
  unsigned count = (unsigned)c->op->imm & (8 * size - 1);
  struct assembler *a = &c->a;
  if (count == 0) return false;
  bool rotates = operation == SHIFT_ROL || operation == SHIFT_ROR;
  if (rotates && c->live) return false;
  put_unsigned(c, A, size, c->op->dst);
  put_rr(a, size, HOST_MOV, RESULT, A);
  put_shift(a, size, operation, RESULT, count);
  if (c->live) put_flag(a, HOST_B);
  put_register(c, size, c->op->dst, RESULT);
  if (!c->live) return true;
  if (operation != SHIFT_SAR) {
    put_top_bit(a, size, operation == SHIFT_SHL ? RESULT : A);
    if (operation == SHIFT_SHL) put_rr(a, 4, HOST_XOR, HOST_RDX, B);
    put_shift(a, 4, HOST_SHL, HOST_RDX, __builtin_ctz(FLAG_OF));
    put_rr(a, 4, HOST_OR, B, HOST_RDX);
  }
  put_store(a, 8, B, HOST_CPU, CPU(cc_a));
  if (size == 4) put_sign_extended(c, size, RESULT);
  put_cc(c, CC_RESULT);
  return true;
}

enum { IMUL_RR, IMUL_RM, IMUL_RRI, IMUL_RMI };

static bool multiply(struct compiler *c) {
  unsigned size = c->template->size, form = c->template->form;
  struct assembler *a = &c->a;
  if (form == IMUL_RM || form == IMUL_RMI) {
    put_address(c);
    put_readable(c, size);
    put_from_memory(c, size, RESULT, true);
  } else {
    put_signed(c, RESULT, size, c->op->src);
  }
  if (form == IMUL_RRI || form == IMUL_RMI) put_value(a, A, (uint64_t)immediate_of(c->op, size));
  else put_signed(c, A, size, c->op->dst);
  put_rr(a, size, HOST_IMUL, RESULT, A);
  if (c->live) put_flag(a, HOST_O);
  put_register(c, size, c->op->dst, RESULT);
  if (!c->live) return true;
  put_rr(a, 4, HOST_MULTIPLY_IMMEDIATE, B, B);
  put_bytes(a, FLAG_CF | FLAG_OF, 4);
  put_store(a, 8, B, HOST_CPU, CPU(cc_a));
  if (size == 4) put_sign_extended(c, size, RESULT);
  put_cc(c, CC_RESULT);
  return true;
}

void integer_templates(void) {
  static const uint8_t operations[] = {ALU_ADD, ALU_OR, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP, ALU_TEST};
  for (unsigned i = 0; i < sizeof operations; i++) {
    for (unsigned size = 0; size < 4; size++) {
      for (uint8_t form = ALU_RR; form <= ALU_MI; form++) {
        template_add((struct template){.run = alu_handlers[operations[i]][size][form],
                                       .emit = alu,
                                       .operation = operations[i],
                                       .size = (uint8_t)(1 << size),
                                       .form = form,
                                       .sets = true,
                                       .observes = in_memory(form)});
      }
    }
  }
  for (unsigned size = 2; size < 4; size++) {
    for (uint8_t operation = ALU_ADC; operation <= ALU_SBB; operation++) {
      for (uint8_t form = ALU_RR; form <= ALU_MI; form++) {
        template_add((struct template){.run = alu_handlers[operation][size][form],
                                       .emit = with_carry,
                                       .operation = operation,
                                       .size = (uint8_t)(1 << size),
                                       .form = form,
                                       .sets = true,
                                       .observes = true});
      }
    }
    for (uint8_t operation = 0; operation < UNARY_OPERATIONS; operation++) {
      bool counts = operation == UNARY_INC || operation == UNARY_DEC;
      for (uint8_t form = UNARY_R; form <= (counts ? UNARY_M : UNARY_R); form++) {
        template_add((struct template){.run = unary_handlers[operation][size][form],
                                       .emit = counts ? count : unary,
                                       .operation = operation,
                                       .size = (uint8_t)(1 << size),
                                       .form = form,
                                       .sets = operation != UNARY_NOT,
                                       .observes = operation != UNARY_NOT});
      }
    }
  }
  static const uint8_t shifts[] = {SHIFT_ROL, SHIFT_ROR, SHIFT_SHL, SHIFT_SHR, SHIFT_SAR};
  for (unsigned i = 0; i < sizeof shifts; i++) {
    for (unsigned size = 2; size < 4; size++) {
      template_add((struct template){.run = shift_handlers[shifts[i]][size][SHIFT_RI],
                                     .emit = shift,
                                     .operation = shifts[i],
                                     .size = (uint8_t)(1 << size),
                                     .sets = true,
                                     .observes = true});
    }
  }
  static handler *const products[2][4] = {{imul32_rr, imul32_rm, imul32_rri, imul32_rmi},
                                          {imul64_rr, imul64_rm, imul64_rri, imul64_rmi}};
  for (unsigned wide = 0; wide < 2; wide++) {
    for (uint8_t form = IMUL_RR; form <= IMUL_RMI; form++) {
      template_add((struct template){.run = products[wide][form],
                                     .emit = multiply,
                                     .size = wide ? 8 : 4,
                                     .form = form,
                                     .sets = true,
                                     .observes = form == IMUL_RM || form == IMUL_RMI});
    }
  }
}
