/* Descriptors, and what loading a segment register is made of (SDM volume 3, 3.4, 3.5 and 5). */
#ifndef SX_SOFT_SEGMENT_H
#define SX_SOFT_SEGMENT_H

#include "soft/cpu.h"

#define SELECTOR_RPL 0x3
#define SELECTOR_TI 0x4
#define SELECTOR_ERROR(selector) ((uint32_t)(selector) & 0xfffc)

/* In an error code (SDM volume 3, 6.13). */
#define ERROR_EXT 0x1
#define ERROR_IDT 0x2

/* Types of system descriptors (SDM volume 3, table 3-2); 9, 11, 12, 14 and 15 are of 64 bits in
 * IA-32e mode. */
enum {
  TYPE_TSS16 = 1, TYPE_LDT = 2, TYPE_TSS16_BUSY = 3, TYPE_CALL_GATE16 = 4, TYPE_TASK_GATE = 5,
  TYPE_INTERRUPT_GATE16 = 6, TYPE_TRAP_GATE16 = 7, TYPE_TSS32 = 9, TYPE_TSS32_BUSY = 11,
  TYPE_CALL_GATE32 = 12, TYPE_INTERRUPT_GATE32 = 14, TYPE_TRAP_GATE32 = 15
};
#define TYPE_BUSY 2

/* What the processor itself puts into the hidden parts. */
#define ACCESS_DATA16 0x0093
#define ACCESS_CODE16 0x009b
#define ACCESS_DATA32 0xc093
#define ACCESS_CODE32 0xc09b
#define ACCESS_CODE64 0xa09b

struct descriptor {
  uint64_t raw;
  uint64_t address; /* linear, of its first byte */
};

static inline uint32_t descriptor_access(uint64_t raw) { return (uint32_t)(raw >> 40) & 0xf0ff; }

static inline uint32_t descriptor_base(uint64_t raw) {
  return (uint32_t)(raw >> 16 & 0xffffff) | (uint32_t)(raw >> 32 & 0xff000000);
}

static inline uint32_t descriptor_limit(uint64_t raw) {
  uint32_t limit = (uint32_t)(raw & 0xffff) | (uint32_t)(raw >> 32 & 0xf0000);
  return raw >> 40 & AR_G ? limit << 12 | 0xfff : limit;
}

static inline uint32_t access_dpl(uint32_t access) { return access >> AR_DPL_SHIFT & 3; }

static inline bool access_code(uint32_t access) {
  return (access & (AR_S | AR_CODE)) == (AR_S | AR_CODE);
}

static inline bool access_conforming(uint32_t access) {
  return access_code(access) && access & AR_CONFORMING;
}

static inline bool access_writable(uint32_t access) {
  return (access & (AR_S | AR_CODE | AR_WRITABLE)) == (AR_S | AR_WRITABLE);
}

static inline bool selector_null(uint16_t selector) { return !(selector & ~SELECTOR_RPL); }

static inline bool address_canonical(uint64_t address) {
  return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* Whether segment registers hold paragraphs: real-address and virtual-8086 mode. */
static inline bool segments_real(const struct cpu *cpu) {
  return !cpu_protected(cpu) || cpu->flags & FLAG_VM;
}

/* cpu->rip for accesses of the processor itself in the instruction of `op`. */
static inline void instruction_at(struct cpu *cpu, const struct op *op) {
  if (op) cpu->rip = cpu_rip(cpu, op);
}

/* Whether `size` bytes at an offset lie within a segment's limit. */
static inline bool segment_fits(const struct segment *segment, uint32_t offset, uint32_t size) {
  uint64_t last = (uint64_t)offset + size - 1;
  if ((segment->access & (AR_CODE | AR_EXPAND_DOWN)) != AR_EXPAND_DOWN) return last <= segment->limit;
  return offset > segment->limit && last <= (segment->access & AR_DB ? 0xffffffff : 0xffff);
}

/* Faults unless a data access of `size` bytes at an offset is one that the segment allows, outside 64-bit
 * mode (SDM volume 3, 5.3 and 5.5): #SS(0) for the stack's, else #GP(0). */
void segment_check(struct cpu *cpu, const struct op *op, uint8_t segment, uint32_t offset, uint32_t size, bool write);

/* Reads the descriptor of a selector that is not null. False when its `size` bytes, 8 or 16, are not
 * in its table. */
bool descriptor_find(struct cpu *cpu, uint16_t selector, uint32_t size, struct descriptor *out);
/* The same in an instruction: #GP(selector) instead of false. */
struct descriptor descriptor_fetch(struct cpu *cpu, const struct op *op, uint16_t selector, uint32_t size);
/* Sets the accessed bit, of code and data, in the table. May fault: comes before any change of state. */
void descriptor_access_mark(struct cpu *cpu, struct descriptor *descriptor);

/* Faults unless execution may go on at `rip` in a code segment: its limit, or a canonical address. */
void code_target_check(struct cpu *cpu, const struct op *op, const struct descriptor *code, uint64_t rip);
/* Checks the code segment that RET and IRET return to, at the selector's RPL. */
void return_code_check(struct cpu *cpu, const struct op *op, uint16_t selector, const struct descriptor *code);
/* Checks a stack segment for a privilege level (SDM volume 3, 5.7); its vectors and error codes are
 * those of MOV, with `vector` for what MOV raises #GP for, and `ext` added. */
struct descriptor stack_segment_fetch(struct cpu *cpu, const struct op *op, uint16_t selector,
                                      uint8_t cpl, uint8_t vector, uint32_t ext);

/* These set a register with its hidden part and check nothing; cpu_mode_changed() is the caller's. */
void segment_set(struct cpu *cpu, uint8_t segment, uint16_t selector, const struct descriptor *descriptor);
void segment_set_paragraph(struct cpu *cpu, uint8_t segment, uint16_t selector);
void segment_set_flat(struct cpu *cpu, uint8_t segment, uint16_t selector, uint32_t access);
/* A null SS keeps its DPL, which is what CPL is derived from. */
void segment_set_null(struct cpu *cpu, uint8_t segment, uint16_t selector);

/* On the way to less privilege: nulls data segments that the new CPL may not use. */
void segments_drop(struct cpu *cpu, uint8_t cpl);

#endif
