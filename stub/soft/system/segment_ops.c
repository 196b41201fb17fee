/* Instructions that move segment registers and their bases. */
#include "soft/system/segment.h"
#include "soft/system/stack.h"
#include "soft/system/system.h"
#include "soft/system/system_ops.h"

void exec_load_operand16(struct cpu *cpu, const struct op *op) {
  cpu->reg[REG_EA] = load16(cpu, op, ea(cpu, op));
  NEXT;
}

void exec_mov_to_segment(struct cpu *cpu, const struct op *op) {
  segment_load(cpu, op, op->code, REG16(op->src));
  if (op->code == SS) cpu->shadow = SHADOW_MOV_SS;
  if (op->code != SS && cpu->code_size == 8) NEXT;
  finish(cpu, op);
}

void exec_mov_from_segment(struct cpu *cpu, const struct op *op) {
  uint16_t selector = cpu->segment[op->dst].selector;
  if (op->code) set_register(cpu, op->src, op->code, selector);
  else store16(cpu, op, ea(cpu, op), selector);
  NEXT;
}

void exec_push_segment(struct cpu *cpu, const struct op *op) {
  struct stack stack = stack_present(cpu);
  stack_push(cpu, op, &stack, cpu->segment[op->dst].selector, op->code);
  cpu->reg[RSP] = stack.pointer;
  NEXT;
}

void exec_pop_segment(struct cpu *cpu, const struct op *op) {
  struct stack stack = stack_present(cpu);
  uint16_t selector = (uint16_t)stack_pop(cpu, op, &stack, op->code);
  segment_load(cpu, op, op->dst, selector);
  cpu->reg[RSP] = stack.pointer;
  if (op->dst == SS) cpu->shadow = SHADOW_MOV_SS;
  if (cpu->code_size == 8) NEXT;
  finish(cpu, op);
}

void exec_load_far_pointer(struct cpu *cpu, const struct op *op) {
  uint64_t address = ea(cpu, op);
  uint64_t offset = op->code == 8   ? load64(cpu, op, address)
                    : op->code == 4 ? load32(cpu, op, address) : load16(cpu, op, address);
  segment_load(cpu, op, op->src, load16(cpu, op, address + op->code));
  set_register(cpu, op->dst, op->code, offset);
  if (cpu->code_size == 8) NEXT;
  finish(cpu, op);
}

static void need_fsgsbase(struct cpu *cpu, const struct op *op) {
  if (!(cpu->cr4 & CR4_FSGSBASE)) cpu_fault(cpu, op, VECTOR_UD, 0);
}

void exec_rdfsbase(struct cpu *cpu, const struct op *op) {
  need_fsgsbase(cpu, op);
  set_register(cpu, op->dst, op->code, cpu->segment[op->src].base);
  NEXT;
}

void exec_wrfsbase(struct cpu *cpu, const struct op *op) {
  need_fsgsbase(cpu, op);
  uint64_t base = op->code == 8 ? REG64(op->dst) : REG32(op->dst);
  if (!address_canonical(base)) cpu_fault(cpu, op, VECTOR_GP, 0);
  cpu->segment[op->src].base = base;
  NEXT;
}

void exec_swapgs(struct cpu *cpu, const struct op *op) {
  need_cpl0(cpu, op);
  uint64_t base = cpu->segment[GS].base;
  cpu->segment[GS].base = cpu->kernel_gs_base;
  cpu->kernel_gs_base = base;
  NEXT;
}
