/* What the functions of ops are written with. */
#ifndef SX_SOFT_EXEC_H
#define SX_SOFT_EXEC_H

#include "soft/cpu.h"
#include "soft/memory/memory.h"

/*
 * Goes on with the next op: a jump, for nothing is left to do here. It must be one, or every op would
 * leave a frame on the stack: a compiler that can be told so is, and to one that cannot, a function
 * shows no local variable's address to anybody and leaves such work to another that is not inlined.
 */
#if defined(__has_attribute)
#if __has_attribute(musttail)
#define TAIL_CALL __attribute__((musttail))
#endif
#endif
#ifndef TAIL_CALL
#define TAIL_CALL
#endif
#define NEXT TAIL_CALL return op[1].run(cpu, op + 1)

/* A register operand by its byte offset. */
#define REG8(offset) (*(uint8_t *)((char *)cpu->reg + (offset)))
#define REG16(offset) (*(uint16_t *)((char *)cpu->reg + (offset)))
#define REG32(offset) (*(uint32_t *)((char *)cpu->reg + (offset)))
#define REG64(offset) (*(uint64_t *)((char *)cpu->reg + (offset)))

/* Writing 32 bits of a register clears the rest. */
#define SET8(offset, value) (REG8(offset) = (uint8_t)(value))
#define SET16(offset, value) (REG16(offset) = (uint16_t)(value))
#define SET32(offset, value) (REG64(offset) = (uint32_t)(value))
#define SET64(offset, value) (REG64(offset) = (uint64_t)(value))

/* The linear address of a memory operand. */
static inline uint64_t ea(const struct cpu *cpu, const struct op *op) {
  return REG64(op->base) + (REG64(op->index) << op->scale) + (uint64_t)(int64_t)op->disp;
}

/* Goes on with the op after `op`, from a function that must do more after this macro's use; and how
 * an op ends that changed something the following ops were translated under: the dispatcher takes
 * over at the next instruction. */
static inline void finish(struct cpu *cpu, const struct op *op) {
  cpu->rip = cpu_next_rip(cpu, op);
}

static inline void cc_sub(struct cpu *cpu, int64_t a, int64_t b, int64_t result) {
  cpu->cc_op = CC_SUB;
  cpu->cc_a = a;
  cpu->cc_b = b;
  cpu->cc_result = result;
}

static inline void cc_logic(struct cpu *cpu, int64_t result) {
  cc_sub(cpu, result, 0, result);
}

static inline void cc_add(struct cpu *cpu, int64_t a, int64_t b, int64_t result) {
  cpu->cc_op = CC_ADD;
  cpu->cc_a = a;
  cpu->cc_b = b;
  cpu->cc_result = result;
}

/* `cao`: the bits FLAG_CF, FLAG_AF and FLAG_OF. */
static inline void cc_result(struct cpu *cpu, int64_t result, uint32_t cao) {
  cpu->cc_op = CC_RESULT;
  cpu->cc_a = cao;
  cpu->cc_result = result;
}

/* All six status flags at once. */
static inline void cc_flags(struct cpu *cpu, uint32_t status) {
  cpu->cc_op = CC_FLAGS;
  cpu->flags = (cpu->flags & ~(uint64_t)FLAGS_STATUS) | status;
}

/* CF alone. */
static inline bool cc_carry(const struct cpu *cpu) {
  switch (cpu->cc_op) {
    case CC_SUB: return (uint64_t)cpu->cc_a < (uint64_t)cpu->cc_b;
    case CC_ADD: return (uint64_t)cpu->cc_result < (uint64_t)cpu->cc_b;
    case CC_RESULT: return cpu->cc_a & FLAG_CF;
    default: return cpu->flags & FLAG_CF;
  }
}

/* The six status flags as bits of RFLAGS. */
static inline uint32_t cc_status(const struct cpu *cpu) {
  int64_t result = cpu->cc_result, a = cpu->cc_a, b = cpu->cc_b;
  uint32_t status;
  switch (cpu->cc_op) {
    case CC_SUB:
      status = ((uint64_t)a < (uint64_t)b ? FLAG_CF : 0) | ((a ^ b) & (a ^ result) & INT64_MIN ? FLAG_OF : 0) |
               ((a ^ b ^ result) & FLAG_AF);
      break;
    case CC_ADD:
      status = ((uint64_t)result < (uint64_t)b ? FLAG_CF : 0) |
               ((a ^ result) & (b ^ result) & INT64_MIN ? FLAG_OF : 0) | ((a ^ b ^ result) & FLAG_AF);
      break;
    case CC_RESULT:
      status = (uint32_t)a & (FLAG_CF | FLAG_AF | FLAG_OF);
      break;
    default:
      return (uint32_t)cpu->flags & FLAGS_STATUS;
  }
  return status | (result == 0 ? FLAG_ZF : 0) | (result < 0 ? FLAG_SF : 0) |
         (__builtin_parity((uint8_t)result) ? 0 : FLAG_PF);
}

#endif
