/* IRET (SDM volume 2). There are no tasks and no way into virtual-8086 mode: NT and VM raise #GP. */
#include "soft/controls/controls.h"
#include "soft/system/stack.h"
#include "soft/system/system.h"
#include "soft/system/system_ops.h"

#define FLAGS_ANYONE (FLAGS_STATUS | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID)

/* RFLAGS after an IRET with this image, by the privilege that it ran with. */
static uint64_t flags_returned(const struct cpu *cpu, uint64_t image, uint32_t size) {
  uint64_t mask = FLAGS_ANYONE;
  if (iopl_allows(cpu)) mask |= FLAG_IF;
  if (!cpu->cpl) mask |= FLAG_IOPL | FLAG_VIF | FLAG_VIP;
  if (unlikely(cpu->breaks)) mask |= FLAG_RF;
  if (size == 2) mask &= 0xffff;
  return (cpu_flags(cpu) & ~(mask | FLAG_RF)) | (image & mask);
}

static void return_real(struct cpu *cpu, const struct op *op) {
  struct stack stack = stack_present(cpu);
  uint64_t rip = stack_pop(cpu, op, &stack, op->code);
  uint16_t selector = (uint16_t)stack_pop(cpu, op, &stack, op->code);
  uint64_t image = stack_pop(cpu, op, &stack, op->code);
  if (rip > cpu->segment[CS].limit) cpu_fault(cpu, op, VECTOR_GP, 0);
  cpu->reg[RSP] = stack.pointer;
  segment_set_paragraph(cpu, CS, selector);
  cpu->rip = rip;
  cpu_set_flags(cpu, flags_returned(cpu, image, op->code));
  cpu_mode_changed(cpu);
}

static void return_protected(struct cpu *cpu, const struct op *op) {
  struct stack stack = stack_present(cpu);
  uint64_t rip = stack_pop(cpu, op, &stack, op->code);
  uint16_t selector = (uint16_t)stack_pop(cpu, op, &stack, op->code);
  uint64_t image = stack_pop(cpu, op, &stack, op->code);
  if (op->code != 2 && image & FLAG_VM && !cpu->cpl && !cpu_long_mode(cpu)) {
    cpu_fault(cpu, op, VECTOR_GP, 0);
  }
  if (selector_null(selector)) cpu_fault(cpu, op, VECTOR_GP, 0);
  struct descriptor code = descriptor_fetch(cpu, op, selector, 8);
  return_code_check(cpu, op, selector, &code);

  uint8_t cpl = selector & SELECTOR_RPL;
  bool outer = cpl > cpu->cpl;
  bool to64 = cpu_long_mode(cpu) && descriptor_access(code.raw) & AR_L;
  bool pops_stack = outer || cpu->code_size == 8;
  uint64_t pointer = 0;
  uint16_t ss_selector = 0;
  struct descriptor ss = {0};
  bool null = false;
  if (pops_stack) {
    pointer = stack_pop(cpu, op, &stack, op->code);
    ss_selector = (uint16_t)stack_pop(cpu, op, &stack, op->code);
    null = selector_null(ss_selector) && to64 && cpl < 3 && (ss_selector & SELECTOR_RPL) == cpl;
    if (!null) {
      ss = stack_segment_fetch(cpu, op, ss_selector, cpl, VECTOR_GP, 0);
      descriptor_access_mark(cpu, &ss);
    }
  }
  code_target_check(cpu, op, &code, rip);
  descriptor_access_mark(cpu, &code);

  uint64_t flags = flags_returned(cpu, image, op->code);
  if (pops_stack) {
    if (null) segment_set_null(cpu, SS, ss_selector);
    else segment_set(cpu, SS, ss_selector, &ss);
    uint64_t mask = to64 ? ~0ull : stack_mask(cpu->segment[SS].access);
    stack.pointer = mask == 0xffff ? (cpu->reg[RSP] & ~mask) | (pointer & mask) : pointer & mask;
  }
  if (outer) segments_drop(cpu, cpl);
  segment_set(cpu, CS, selector, &code);
  cpu->reg[RSP] = stack.pointer;
  cpu->rip = rip;
  cpu_set_flags(cpu, flags);
  cpu_mode_changed(cpu);
}

/* The selector of the task to go back to is the first word of the present one (SDM volume 3, 8.2.1). */
static void return_to_task(struct cpu *cpu, const struct op *op) {
  if (cpu_long_mode(cpu) || segments_real(cpu)) return;
  instruction_at(cpu, op);
  uint16_t selector = (uint16_t)system_load(cpu, cpu->segment[TR].base, 2);
  controls_task_switch(cpu, op, selector, TASK_IRET);
}

void exec_iret(struct cpu *cpu, const struct op *op) {
  if (cpu_protected(cpu) && cpu->flags & FLAG_NT) {
    if (unlikely(cpu->controls != NULL)) return_to_task(cpu, op);
    cpu_fault(cpu, op, VECTOR_GP, 0);
  }
  if (segments_real(cpu)) return_real(cpu, op);
  else return_protected(cpu, op);
  if (!cpu->nmi_blocked) return;
  cpu->nmi_blocked = false;
  atomic_store_explicit(&cpu->attention, INT64_MIN, memory_order_relaxed); /* one may be waiting */
}
