/* Pushes and pops of instructions and events, which write the stack pointer back only at their end. */
#ifndef SX_SOFT_STACK_H
#define SX_SOFT_STACK_H

#include "soft/memory/memory.h"
#include "soft/system/segment.h"

struct stack {
  struct segment ss;
  uint64_t pointer;
  uint64_t mask;   /* of the pointer's bits in use; all of them in 64-bit mode only */
  bool system;     /* reached with a supervisor's privilege */
  uint32_t error;  /* of an #SS */
};

static inline uint64_t stack_mask(uint32_t access) { return access & AR_DB ? 0xffffffff : 0xffff; }

/* Always inline, or the ops that use it would show the address of a local variable: exec.h. */
#define STACK_INLINE static inline __attribute__((always_inline))

/* The stack in use, for the instruction of an op. */
STACK_INLINE struct stack stack_present(const struct cpu *cpu) {
  const struct segment *ss = &cpu->segment[SS];
  return (struct stack){
      .ss = *ss,
      .pointer = cpu->reg[RSP],
      .mask = cpu->code_size == 8 ? ~0ull : stack_mask(ss->access),
  };
}

STACK_INLINE uint64_t stack_place(struct cpu *cpu, const struct op *op, const struct stack *stack,
                                   uint32_t size) {
  uint64_t offset = stack->pointer & stack->mask;
  if (stack->mask == ~0ull) {
    if (stack->system && !address_canonical(offset)) cpu_fault(cpu, op, VECTOR_SS, stack->error);
    return offset;
  }
  if (!segment_fits(&stack->ss, (uint32_t)offset, size)) cpu_fault(cpu, op, VECTOR_SS, stack->error);
  return (uint32_t)(stack->ss.base + offset);
}

/* Gives the bits of the pointer that are in use a value. */
STACK_INLINE void stack_set(struct stack *stack, uint64_t pointer) {
  stack->pointer = (stack->pointer & ~stack->mask) | (pointer & stack->mask);
}

STACK_INLINE void stack_move(struct stack *stack, int64_t bytes) {
  stack_set(stack, stack->pointer + (uint64_t)bytes);
}

STACK_INLINE void stack_push(struct cpu *cpu, const struct op *op, struct stack *stack,
                              uint64_t value, uint32_t size) {
  stack_move(stack, -(int64_t)size);
  uint64_t place = stack_place(cpu, op, stack, size);
  if (stack->system) system_store(cpu, place, value, size);
  else if (size == 8) store64(cpu, op, place, value);
  else if (size == 4) store32(cpu, op, place, (uint32_t)value);
  else store16(cpu, op, place, (uint16_t)value);
}

STACK_INLINE uint64_t stack_pop(struct cpu *cpu, const struct op *op, struct stack *stack,
                                 uint32_t size) {
  uint64_t place = stack_place(cpu, op, stack, size);
  stack_move(stack, size);
  if (size == 8) return load64(cpu, op, place);
  if (size == 4) return load32(cpu, op, place);
  return load16(cpu, op, place);
}

/* One push of an instruction that does nothing else that may fault. */
STACK_INLINE void push_value(struct cpu *cpu, const struct op *op, uint64_t value, uint32_t size) {
  struct stack stack = stack_present(cpu);
  stack_push(cpu, op, &stack, value, size);
  cpu->reg[RSP] = stack.pointer;
}

/* Faults unless the next `bytes` of pushes can be written. */
static inline void stack_probe(struct cpu *cpu, const struct op *op, const struct stack *stack, uint32_t bytes) {
  struct stack last = *stack;
  stack_move(&last, -(int64_t)bytes);
  memory_probe_write(cpu, op, stack_place(cpu, op, &last, 1), bytes);
}

/* The stack in the 64-bit TSS at `offset` of it (SDM volume 3, figure 8-11). */
static inline struct stack stack_of_tss64(struct cpu *cpu, const struct op *op, uint32_t offset,
                                          uint32_t ext) {
  const struct segment *tr = &cpu->segment[TR];
  if (offset + 7 > tr->limit) cpu_fault(cpu, op, VECTOR_TS, SELECTOR_ERROR(tr->selector) | ext);
  return (struct stack){
      .pointer = system_load(cpu, tr->base + offset, 8), .mask = ~0ull, .system = true, .error = ext};
}

#define TSS64_RSP(cpl) (4 + 8 * (uint32_t)(cpl))
#define TSS64_IST(ist) (0x1c + 8 * (uint32_t)(ist))

#endif
