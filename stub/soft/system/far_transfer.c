/*
 * Far jumps, calls and returns (SDM volume 3, 5.8; volume 2, JMP, CALL, RET). Call gates are those of
 * IA-32e mode; a gate of 16 or 32 bits and a task raise #GP.
 */
#include "soft/controls/controls.h"
#include "soft/system/stack.h"
#include "soft/system/system.h"
#include "soft/system/system_ops.h"

/* Checks a place in a code segment as the direct target of a jump or call, which keeps CPL. */
static void direct_check(struct cpu *cpu, const struct op *op, uint16_t selector, const struct descriptor *code,
                         uint64_t rip) {
  uint32_t access = descriptor_access(code->raw);
  uint32_t error = SELECTOR_ERROR(selector);
  uint32_t dpl = access_dpl(access);
  bool reachable = access_conforming(access)
                       ? dpl <= cpu->cpl : dpl == cpu->cpl && (selector & SELECTOR_RPL) <= cpu->cpl;
  bool both = cpu_long_mode(cpu) && access & AR_L && access & AR_DB;
  if (!reachable || both) cpu_fault(cpu, op, VECTOR_GP, error);
  if (!(access & AR_PRESENT)) cpu_fault(cpu, op, VECTOR_NP, error);
  code_target_check(cpu, op, code, rip);
}

static void go(struct cpu *cpu, uint16_t selector, const struct descriptor *code, uint8_t cpl,
               uint64_t rip) {
  segment_set(cpu, CS, (selector & ~SELECTOR_RPL) | cpl, code);
  cpu->rip = rip;
  cpu_mode_changed(cpu);
}

static void go_real(struct cpu *cpu, uint16_t selector, uint64_t rip) {
  segment_set_paragraph(cpu, CS, selector);
  cpu->rip = rip;
  cpu_mode_changed(cpu);
}

/* Fetches what a selector names: whether it is a code segment, which is then checked as a direct target. */
static bool fetch_code(struct cpu *cpu, const struct op *op, uint16_t selector, uint64_t offset,
                       struct descriptor *target) {
  if (selector_null(selector)) cpu_fault(cpu, op, VECTOR_GP, 0);
  *target = descriptor_fetch(cpu, op, selector, 8);
  if (!access_code(descriptor_access(target->raw))) return false;
  direct_check(cpu, op, selector, target, offset);
  return true;
}

/* A TSS that is not busy, or a task gate, outside IA-32e mode. */
static void task_check(struct cpu *cpu, const struct op *op, uint16_t selector, const struct descriptor *target,
                       enum task_source source) {
  uint32_t access = descriptor_access(target->raw), type = access & (AR_S | AR_TYPE);
  bool reachable = access_dpl(access) >= cpu->cpl && access_dpl(access) >= (selector & SELECTOR_RPL);
  if (cpu_long_mode(cpu) || !reachable || !(access & AR_PRESENT)) return;
  if (type == TYPE_TASK_GATE) selector = (uint16_t)(target->raw >> 16);
  else if (type != TYPE_TSS16 && type != TYPE_TSS32) return;
  controls_task_switch(cpu, op, selector, source);
}

struct call_gate {
  uint16_t selector; /* of its code segment */
  struct descriptor code;
  uint64_t offset;
  uint8_t cpl;       /* behind it */
};

static struct call_gate call_gate_fetch(struct cpu *cpu, const struct op *op, uint16_t selector,
                                        const struct descriptor *gate, bool call) {
  uint32_t error = SELECTOR_ERROR(selector);
  uint32_t access = descriptor_access(gate->raw);
  bool reachable = access_dpl(access) >= cpu->cpl && access_dpl(access) >= (selector & SELECTOR_RPL);
  bool known = cpu_long_mode(cpu) && (access & (AR_S | AR_TYPE)) == TYPE_CALL_GATE32;
  if (!known || !reachable) cpu_fault(cpu, op, VECTOR_GP, error);
  if (!(access & AR_PRESENT)) cpu_fault(cpu, op, VECTOR_NP, error);
  descriptor_fetch(cpu, op, selector, 16);
  uint64_t high = system_load(cpu, gate->address + 8, 8);
  if (high >> 40 & (AR_S | AR_TYPE)) cpu_fault(cpu, op, VECTOR_GP, error);

  struct call_gate out = {
      .selector = (uint16_t)(gate->raw >> 16),
      .offset = (gate->raw & 0xffff) | (gate->raw >> 32 & 0xffff0000) | high << 32,
  };
  uint32_t code_error = SELECTOR_ERROR(out.selector);
  if (selector_null(out.selector)) cpu_fault(cpu, op, VECTOR_GP, 0);
  out.code = descriptor_fetch(cpu, op, out.selector, 8);
  uint32_t code_access = descriptor_access(out.code.raw);
  uint32_t dpl = access_dpl(code_access);
  bool conforming = access_conforming(code_access);
  bool inner = dpl < cpu->cpl && !conforming;
  if (!access_code(code_access) || dpl > cpu->cpl || (inner && !call) ||
      (code_access & (AR_L | AR_DB)) != AR_L) {
    cpu_fault(cpu, op, VECTOR_GP, code_error);
  }
  if (!(code_access & AR_PRESENT)) cpu_fault(cpu, op, VECTOR_NP, code_error);
  code_target_check(cpu, op, &out.code, out.offset);
  out.cpl = inner ? (uint8_t)dpl : cpu->cpl;
  return out;
}

static void jump_far(struct cpu *cpu, const struct op *op, uint16_t selector, uint64_t offset) {
  if (segments_real(cpu)) {
    if (offset > cpu->segment[CS].limit) cpu_fault(cpu, op, VECTOR_GP, 0);
    go_real(cpu, selector, offset);
    return;
  }
  struct descriptor target;
  if (fetch_code(cpu, op, selector, offset, &target)) {
    descriptor_access_mark(cpu, &target);
    go(cpu, selector, &target, cpu->cpl, offset);
    return;
  }
  if (unlikely(cpu->controls != NULL)) task_check(cpu, op, selector, &target, TASK_JMP);
  struct call_gate gate = call_gate_fetch(cpu, op, selector, &target, false);
  descriptor_access_mark(cpu, &gate.code);
  go(cpu, gate.selector, &gate.code, gate.cpl, gate.offset);
}

static void push_return(struct cpu *cpu, const struct op *op, struct stack *stack, uint32_t size) {
  stack_push(cpu, op, stack, cpu->segment[CS].selector, size);
  stack_push(cpu, op, stack, cpu_next_rip(cpu, op), size);
}

static void call_gate(struct cpu *cpu, const struct op *op, struct call_gate *gate) {
  bool inner = gate->cpl < cpu->cpl;
  struct stack stack = stack_present(cpu);
  stack.mask = ~0ull;
  if (inner) {
    stack = stack_of_tss64(cpu, op, TSS64_RSP(gate->cpl), 0);
    stack_push(cpu, op, &stack, cpu->segment[SS].selector, 8);
    stack_push(cpu, op, &stack, cpu->reg[RSP], 8);
  }
  push_return(cpu, op, &stack, 8);
  descriptor_access_mark(cpu, &gate->code);
  if (inner) segment_set_null(cpu, SS, gate->cpl);
  cpu->reg[RSP] = stack.pointer;
  go(cpu, gate->selector, &gate->code, gate->cpl, gate->offset);
}

static void call_far(struct cpu *cpu, const struct op *op, uint16_t selector, uint64_t offset) {
  struct stack stack = stack_present(cpu);
  if (segments_real(cpu)) {
    if (offset > cpu->segment[CS].limit) cpu_fault(cpu, op, VECTOR_GP, 0);
    push_return(cpu, op, &stack, op->code);
    cpu->reg[RSP] = stack.pointer;
    go_real(cpu, selector, offset);
    return;
  }
  struct descriptor target;
  if (fetch_code(cpu, op, selector, offset, &target)) {
    push_return(cpu, op, &stack, op->code);
    descriptor_access_mark(cpu, &target);
    cpu->reg[RSP] = stack.pointer;
    go(cpu, selector, &target, cpu->cpl, offset);
    return;
  }
  if (unlikely(cpu->controls != NULL)) task_check(cpu, op, selector, &target, TASK_CALL);
  struct call_gate gate = call_gate_fetch(cpu, op, selector, &target, true);
  call_gate(cpu, op, &gate);
}

/* Reads the far pointer that a memory operand holds. */
static uint64_t load_pointer(struct cpu *cpu, const struct op *op, uint16_t *selector) {
  uint64_t address = ea(cpu, op);
  uint64_t offset = op->code == 8   ? load64(cpu, op, address)
                    : op->code == 4 ? load32(cpu, op, address) : load16(cpu, op, address);
  *selector = load16(cpu, op, address + op->code);
  return offset;
}

void exec_jmp_far(struct cpu *cpu, const struct op *op) {
  jump_far(cpu, op, (uint16_t)(op->imm >> 32), (uint32_t)op->imm);
}

void exec_call_far(struct cpu *cpu, const struct op *op) {
  call_far(cpu, op, (uint16_t)(op->imm >> 32), (uint32_t)op->imm);
}

void exec_jmp_far_memory(struct cpu *cpu, const struct op *op) {
  uint16_t selector;
  uint64_t offset = load_pointer(cpu, op, &selector);
  jump_far(cpu, op, selector, offset);
}

void exec_call_far_memory(struct cpu *cpu, const struct op *op) {
  uint16_t selector;
  uint64_t offset = load_pointer(cpu, op, &selector);
  call_far(cpu, op, selector, offset);
}

/* The stack that a return to less privilege finds behind the return address and its parameters. */
static void return_outer(struct cpu *cpu, const struct op *op, struct stack *stack, uint16_t selector,
                         struct descriptor *code, uint64_t rip) {
  uint8_t cpl = selector & SELECTOR_RPL;
  uint64_t pointer = stack_pop(cpu, op, stack, op->code);
  uint16_t ss_selector = (uint16_t)stack_pop(cpu, op, stack, op->code);
  bool to64 = cpu_long_mode(cpu) && descriptor_access(code->raw) & AR_L;
  bool null = selector_null(ss_selector) && to64 && cpl < 3 && (ss_selector & SELECTOR_RPL) == cpl;
  struct descriptor ss = {0};
  if (!null) {
    ss = stack_segment_fetch(cpu, op, ss_selector, cpl, VECTOR_GP, 0);
    descriptor_access_mark(cpu, &ss);
  }
  code_target_check(cpu, op, code, rip);
  descriptor_access_mark(cpu, code);

  if (null) segment_set_null(cpu, SS, ss_selector);
  else segment_set(cpu, SS, ss_selector, &ss);
  struct stack outer = {.pointer = pointer, .mask = to64 ? ~0ull : stack_mask(cpu->segment[SS].access)};
  stack_move(&outer, (int64_t)op->imm);
  cpu->reg[RSP] = outer.pointer;
  segments_drop(cpu, cpl);
  go(cpu, selector, code, cpl, rip);
}

void exec_ret_far(struct cpu *cpu, const struct op *op) {
  struct stack stack = stack_present(cpu);
  uint64_t rip = stack_pop(cpu, op, &stack, op->code);
  uint16_t selector = (uint16_t)stack_pop(cpu, op, &stack, op->code);
  stack_move(&stack, (int64_t)op->imm);
  if (segments_real(cpu)) {
    if (rip > cpu->segment[CS].limit) cpu_fault(cpu, op, VECTOR_GP, 0);
    cpu->reg[RSP] = stack.pointer;
    go_real(cpu, selector, rip);
    return;
  }
  if (selector_null(selector)) cpu_fault(cpu, op, VECTOR_GP, 0);
  struct descriptor code = descriptor_fetch(cpu, op, selector, 8);
  return_code_check(cpu, op, selector, &code);
  if ((selector & SELECTOR_RPL) > cpu->cpl) {
    return_outer(cpu, op, &stack, selector, &code, rip);
    return;
  }
  code_target_check(cpu, op, &code, rip);
  descriptor_access_mark(cpu, &code);
  cpu->reg[RSP] = stack.pointer;
  go(cpu, selector, &code, cpu->cpl, rip);
}
