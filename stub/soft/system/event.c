/*
 * Delivery of interrupts and exceptions (SDM volume 3, 6.12 to 6.14; volume 2, INT n). Task gates
 * raise #GP: there is no task switching.
 */
#include "soft/controls/controls.h"
#include "soft/system/debug.h"
#include "soft/system/stack.h"
#include "soft/system/system.h"
#include "soft/system/system_ops.h"

struct delivery {
  enum event_kind kind;
  uint8_t vector;
  bool has_error;
  uint32_t error;
  uint64_t return_rip;
  uint64_t flags; /* as pushed */
  uint32_t ext;   /* in error codes of faults on the way */
};

struct gate {
  uint8_t type, dpl, ist;
  bool present;
  uint16_t selector;
  uint64_t offset;
};

static _Noreturn void fault_at_gate(struct cpu *cpu, const struct delivery *event, uint8_t vector) {
  cpu_fault(cpu, NULL, vector, (uint32_t)event->vector * 8 | ERROR_IDT | event->ext);
}

static struct gate gate_load(struct cpu *cpu, const struct delivery *event) {
  uint32_t bytes = cpu_long_mode(cpu) ? 16 : 8;
  uint32_t offset = event->vector * bytes;
  if (offset + bytes - 1 > cpu->idtr.limit) fault_at_gate(cpu, event, VECTOR_GP);
  uint64_t raw = system_load(cpu, cpu->idtr.base + offset, 8);
  uint64_t high = bytes == 16 ? system_load(cpu, cpu->idtr.base + offset + 8, 8) : 0;
  struct gate gate = {
      .type = raw >> 40 & (AR_S | AR_TYPE),
      .dpl = raw >> 45 & 3,
      .ist = bytes == 16 ? raw >> 32 & 7 : 0,
      .present = raw >> 47 & 1,
      .selector = (uint16_t)(raw >> 16),
      .offset = (raw & 0xffff) | (raw >> 32 & 0xffff0000) | high << 32,
  };
  bool wide = gate.type == TYPE_INTERRUPT_GATE32 || gate.type == TYPE_TRAP_GATE32;
  bool narrow = gate.type == TYPE_INTERRUPT_GATE16 || gate.type == TYPE_TRAP_GATE16;
  if (unlikely(cpu->controls != NULL) && gate.type == TYPE_TASK_GATE && gate.present && bytes == 8 &&
      (event->kind != EVENT_SOFTWARE || gate.dpl >= cpu->cpl)) {
    controls_task_switch(cpu, NULL, gate.selector, TASK_GATE);
  }
  if (!wide && (!narrow || bytes == 16)) fault_at_gate(cpu, event, VECTOR_GP);
  if (event->kind == EVENT_SOFTWARE && gate.dpl < cpu->cpl) fault_at_gate(cpu, event, VECTOR_GP);
  if (!gate.present) fault_at_gate(cpu, event, VECTOR_NP);
  if (narrow) gate.offset &= 0xffff;
  return gate;
}

/* The code segment of a gate, and the privilege it runs with. */
static struct descriptor gate_target(struct cpu *cpu, const struct delivery *event,
                                     const struct gate *gate, uint8_t *cpl) {
  uint32_t error = SELECTOR_ERROR(gate->selector) | event->ext;
  struct descriptor code;
  if (selector_null(gate->selector)) cpu_fault(cpu, NULL, VECTOR_GP, event->ext);
  if (!descriptor_find(cpu, gate->selector, 8, &code)) cpu_fault(cpu, NULL, VECTOR_GP, error);
  uint32_t access = descriptor_access(code.raw);
  bool code64 = (access & (AR_L | AR_DB)) == AR_L;
  if (!access_code(access) || access_dpl(access) > cpu->cpl || (cpu_long_mode(cpu) && !code64)) {
    cpu_fault(cpu, NULL, VECTOR_GP, error);
  }
  if (!(access & AR_PRESENT)) cpu_fault(cpu, NULL, VECTOR_NP, error);
  bool fits = cpu_long_mode(cpu) ? address_canonical(gate->offset)
                                 : gate->offset <= descriptor_limit(code.raw);
  if (!fits) cpu_fault(cpu, NULL, VECTOR_GP, event->ext);
  *cpl = access_conforming(access) ? cpu->cpl : (uint8_t)access_dpl(access);
  return code;
}

/* The stack of more privilege in a TSS of 32 or 16 bits; its SS is checked and left in `ss`. */
static struct stack legacy_inner_stack(struct cpu *cpu, const struct delivery *event, uint8_t cpl,
                                       struct descriptor *ss) {
  const struct segment *tr = &cpu->segment[TR];
  uint32_t size = (tr->access & AR_TYPE) >= TYPE_TSS32 ? 4 : 2;
  uint32_t offset = size + cpl * size * 2;
  if (offset + size + 1 > tr->limit) {
    cpu_fault(cpu, NULL, VECTOR_TS, SELECTOR_ERROR(tr->selector) | event->ext);
  }
  uint64_t pointer = system_load(cpu, tr->base + offset, size);
  uint16_t selector = (uint16_t)system_load(cpu, tr->base + offset + size, 2);
  *ss = stack_segment_fetch(cpu, NULL, selector, cpl, VECTOR_TS, event->ext);
  descriptor_access_mark(cpu, ss);
  uint32_t access = descriptor_access(ss->raw);
  return (struct stack){
      .ss = {.base = descriptor_base(ss->raw), .limit = descriptor_limit(ss->raw),
             .access = access, .selector = selector},
      .pointer = pointer,
      .mask = stack_mask(access),
      .system = true,
      .error = SELECTOR_ERROR(selector) | event->ext,
  };
}

static uint64_t flags_after(uint64_t flags, bool masks_interrupts) {
  flags &= ~(uint64_t)(FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM);
  return masks_interrupts ? flags & ~(uint64_t)FLAG_IF : flags;
}

static void push_return(struct cpu *cpu, const struct delivery *event, struct stack *stack,
                        uint32_t size) {
  stack_push(cpu, NULL, stack, event->flags, size);
  stack_push(cpu, NULL, stack, cpu->segment[CS].selector, size);
  stack_push(cpu, NULL, stack, event->return_rip, size);
  if (event->has_error) stack_push(cpu, NULL, stack, event->error, size);
}

static void enter(struct cpu *cpu, const struct gate *gate, const struct descriptor *code, uint8_t cpl,
                  const struct stack *stack) {
  segment_set(cpu, CS, (gate->selector & ~SELECTOR_RPL) | cpl, code);
  cpu->reg[RSP] = stack->pointer;
  cpu->rip = gate->offset;
  bool interrupt_gate = !(gate->type & 1);
  cpu_set_flags(cpu, flags_after(cpu_flags(cpu), interrupt_gate));
  cpu_mode_changed(cpu);
}

static void deliver_long(struct cpu *cpu, const struct delivery *event) {
  struct gate gate = gate_load(cpu, event);
  uint8_t cpl;
  struct descriptor code = gate_target(cpu, event, &gate, &cpl);
  struct stack stack = {.pointer = cpu->reg[RSP], .mask = ~0ull, .system = true, .error = event->ext};
  if (gate.ist) stack = stack_of_tss64(cpu, NULL, TSS64_IST(gate.ist), event->ext);
  else if (cpl < cpu->cpl) stack = stack_of_tss64(cpu, NULL, TSS64_RSP(cpl), event->ext);
  stack.pointer &= ~15ull;
  stack_push(cpu, NULL, &stack, cpu->segment[SS].selector, 8);
  stack_push(cpu, NULL, &stack, cpu->reg[RSP], 8);
  push_return(cpu, event, &stack, 8);
  descriptor_access_mark(cpu, &code);
  if (cpl < cpu->cpl) segment_set_null(cpu, SS, cpl);
  enter(cpu, &gate, &code, cpl, &stack);
}

static void deliver_legacy(struct cpu *cpu, const struct delivery *event) {
  struct gate gate = gate_load(cpu, event);
  uint32_t size = gate.type >= TYPE_INTERRUPT_GATE32 ? 4 : 2;
  uint8_t cpl;
  struct descriptor code = gate_target(cpu, event, &gate, &cpl);
  bool inner = cpl < cpu->cpl;
  struct descriptor ss;
  struct stack stack = stack_present(cpu);
  stack.system = true;
  stack.error = event->ext;
  if (inner) {
    stack = legacy_inner_stack(cpu, event, cpl, &ss);
    stack_push(cpu, NULL, &stack, cpu->segment[SS].selector, size);
    stack_push(cpu, NULL, &stack, cpu->reg[RSP], size);
  }
  push_return(cpu, event, &stack, size);
  descriptor_access_mark(cpu, &code);
  if (inner) segment_set(cpu, SS, stack.ss.selector, &ss);
  enter(cpu, &gate, &code, cpl, &stack);
}

/* Through the vector table (SDM volume 3, 21.1.4); there are no error codes. */
static void deliver_real(struct cpu *cpu, const struct delivery *event) {
  uint32_t offset = event->vector * 4u;
  if (offset + 3 > cpu->idtr.limit) fault_at_gate(cpu, event, VECTOR_GP);
  uint32_t entry = (uint32_t)system_load(cpu, cpu->idtr.base + offset, 4);
  struct delivery plain = *event;
  plain.has_error = false;
  struct stack stack = stack_present(cpu);
  stack.system = true;
  push_return(cpu, &plain, &stack, 2);
  segment_set_paragraph(cpu, CS, (uint16_t)(entry >> 16));
  cpu->reg[RSP] = stack.pointer;
  cpu->rip = entry & 0xffff;
  cpu_set_flags(cpu, flags_after(cpu_flags(cpu), true) & ~(uint64_t)FLAG_AC);
  cpu_mode_changed(cpu);
}

/* Whether the pushed flags have RF set: of faults, and within a repeated string instruction, so that it does
 * not meet its breakpoint again (SDM volume 3, 17.3.1.1). */
static bool resumes(const struct cpu *cpu, const struct delivery *event) {
  if (cpu->repeating) return true;
  return event->kind == EVENT_EXCEPTION && event->vector != VECTOR_DB && event->vector != VECTOR_BP &&
         event->vector != VECTOR_OF && event->vector != VECTOR_DF && event->vector != VECTOR_MC;
}

static void deliver(struct cpu *cpu, struct delivery *event) {
  event->ext = event->kind == EVENT_SOFTWARE ? 0 : ERROR_EXT;
  event->flags = cpu_flags(cpu) | (resumes(cpu, event) ? FLAG_RF : 0);
  /* A fault in the delivery of a software interrupt, an external one or an NMI is not doubled
   * (SDM volume 3, table 6-4): those count as a benign vector, or as none at all. */
  cpu->delivering = event->kind != EVENT_SOFTWARE;
  cpu->delivered = event->kind == EVENT_EXCEPTION ? event->vector : VECTOR_NMI;
  if (unlikely(cpu->controls != NULL)) {
    controls_delivering(cpu, event->kind, event->vector, event->has_error, event->error);
  }
  if (!cpu_protected(cpu)) deliver_real(cpu, event);
  else if (cpu_long_mode(cpu)) deliver_long(cpu, event);
  else deliver_legacy(cpu, event);
  if (unlikely(cpu->controls != NULL)) controls_delivered(cpu);
  cpu->delivering = 0;
  cpu->shadow = 0;
  if (event->kind == EVENT_NMI) cpu->nmi_blocked = true;
  if (event->kind == EVENT_EXCEPTION && event->vector == VECTOR_DB) cpu->dr[7] &= ~(uint64_t)DR7_GD;
}

void deliver_event(struct cpu *cpu, enum event_kind kind, uint8_t vector, bool has_error, uint32_t error) {
  struct delivery event = {
      .kind = kind, .vector = vector, .has_error = has_error, .error = error, .return_rip = cpu->rip};
  deliver(cpu, &event);
}

void deliver_event_behind(struct cpu *cpu, enum event_kind kind, uint8_t vector, bool has_error, uint32_t error,
                          uint32_t length) {
  struct delivery event = {
      .kind = kind, .vector = vector, .has_error = has_error, .error = error, .return_rip = cpu->rip + length};
  deliver(cpu, &event);
}

/* Of the instruction of `op`, to return behind it; faults at it. */
static void deliver_from(struct cpu *cpu, const struct op *op, enum event_kind kind, uint8_t vector) {
  struct delivery event = {.kind = kind, .vector = vector, .return_rip = cpu_next_rip(cpu, op)};
  instruction_at(cpu, op);
  deliver(cpu, &event);
  cpu->stepping = false; /* the handler begins without TF (SDM volume 3, 17.3.1.4) */
}

void exec_int(struct cpu *cpu, const struct op *op) {
  deliver_from(cpu, op, EVENT_SOFTWARE, (uint8_t)op->imm);
}

void exec_into(struct cpu *cpu, const struct op *op) {
  if (!(cpu_flags(cpu) & FLAG_OF)) NEXT;
  deliver_from(cpu, op, EVENT_SOFTWARE, VECTOR_OF);
}

void exec_int1(struct cpu *cpu, const struct op *op) {
  deliver_from(cpu, op, EVENT_EXCEPTION, VECTOR_DB);
}
