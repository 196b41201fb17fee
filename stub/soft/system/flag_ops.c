/* Instructions on RFLAGS as a whole, and on IF and AC. */
#include "soft/system/segment.h"
#include "soft/system/stack.h"
#include "soft/system/system_ops.h"

#define FLAGS_ANYONE (FLAGS_STATUS | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID)

void exec_cli(struct cpu *cpu, const struct op *op) {
  if (!iopl_allows(cpu)) cpu_fault(cpu, op, VECTOR_GP, 0);
  cpu->flags &= ~(uint64_t)FLAG_IF;
  NEXT;
}

/* Returns whether the dispatcher is wanted behind the instruction that is still shielded. */
static bool set_interrupts(struct cpu *cpu, const struct op *op) {
  if (!iopl_allows(cpu)) cpu_fault(cpu, op, VECTOR_GP, 0);
  if (cpu->flags & FLAG_IF) return false;
  bool waiting = cpu->interrupt_waiting;
  cpu->shadow = SHADOW_STI;
  cpu_set_flags(cpu, cpu_flags(cpu) | FLAG_IF);
  return waiting || atomic_load_explicit(&cpu->attention, memory_order_relaxed) < 0;
}

/* The next instruction is in this block, where nothing looks for interrupts: it needs no shadow. */
void exec_sti(struct cpu *cpu, const struct op *op) {
  if (!set_interrupts(cpu, op)) {
    cpu->shadow = 0;
    NEXT;
  }
  finish(cpu, op);
}

void exec_sti_last(struct cpu *cpu, const struct op *op) {
  set_interrupts(cpu, op);
  finish(cpu, op);
}

void exec_pushf(struct cpu *cpu, const struct op *op) {
  struct stack stack = stack_present(cpu);
  stack_push(cpu, op, &stack, cpu_flags(cpu) & ~(uint64_t)(FLAG_RF | FLAG_VM), op->code);
  cpu->reg[RSP] = stack.pointer;
  NEXT;
}

void exec_popf(struct cpu *cpu, const struct op *op) {
  struct stack stack = stack_present(cpu);
  uint64_t image = stack_pop(cpu, op, &stack, op->code);
  uint64_t mask = FLAGS_ANYONE;
  if (iopl_allows(cpu)) mask |= FLAG_IF;
  if (!cpu->cpl) mask |= FLAG_IOPL | FLAG_VIF | FLAG_VIP; /* the last two become 0 */
  if (op->code == 2) mask &= 0xffff;
  uint64_t old = cpu_flags(cpu);
  uint64_t flags = (old & ~(mask | FLAG_RF)) | (image & mask & ~(uint64_t)(FLAG_VIF | FLAG_VIP));
  cpu->reg[RSP] = stack.pointer;
  cpu_set_flags(cpu, flags);
  if ((old ^ flags) & FLAG_AC) cpu_mode_changed(cpu);
  if (!(flags & ~old & FLAG_IF) && !(flags & FLAG_TF) && !((old ^ flags) & FLAG_AC)) NEXT;
  finish(cpu, op);
}

/* CPL is 0: what SMAP forbids is the choice between two sets. */
static void set_ac(struct cpu *cpu, const struct op *op, bool set) {
  if (cpu->cpl) cpu_fault(cpu, op, VECTOR_UD, 0);
  cpu->flags = (cpu->flags & ~(uint64_t)FLAG_AC) | (set ? FLAG_AC : 0);
  cpu->set = cpu->cr4 & CR4_SMAP && !set ? TLB_KERNEL : TLB_KERNEL_AC;
  cpu->tlb = cpu->tlbs[cpu->set];
}

void exec_clac(struct cpu *cpu, const struct op *op) {
  set_ac(cpu, op, false);
  NEXT;
}

void exec_stac(struct cpu *cpu, const struct op *op) {
  set_ac(cpu, op, true);
  NEXT;
}
