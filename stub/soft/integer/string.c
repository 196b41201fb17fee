/*
 * MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS, with and without a repeat prefix (SDM volume 2). Every
 * element is done for good before the next one begins, so that a fault, an interrupt or a device finds
 * the registers in between. Runs of MOVS and STOS in ordinary memory go at the host's speed.
 */
#include "soft/integer/branch.h"
#include "soft/memory/device.h"
#include "soft/machine.h"
#include "soft/memory/paging.h"
#include "soft/system/debug.h"
#include "soft/system/port.h"
#include "soft/system/segment.h"

/* In `code`: the element's size (1, 2, 4, 8); in `dst` the address size; in `src` the repeat prefix; the
 * source's segment in `segment`. */

static inline uint64_t masked(uint64_t value, uint8_t size) {
  return size == 8 ? value : size == 4 ? (uint32_t)value : (uint16_t)value;
}

static inline void set_masked(struct cpu *cpu, int number, uint64_t value, uint8_t size) {
  if (size == 8) cpu->reg[number] = value;
  else if (size == 4) cpu->reg[number] = (uint32_t)value;
  else SET16(REG_OFFSET(number), value);
}

static inline uint64_t place(const struct cpu *cpu, uint8_t segment, uint64_t offset) {
  uint64_t base = cpu->code_size == 8 && segment < FS ? 0 : cpu->segment[segment].base;
  return cpu->code_size == 8 ? base + offset : (uint32_t)(base + offset);
}

static inline uint64_t source(const struct cpu *cpu, const struct op *op) {
  return place(cpu, op->segment, masked(cpu->reg[RSI], op->dst));
}
static inline uint64_t destination(const struct cpu *cpu, const struct op *op) {
  return place(cpu, ES, masked(cpu->reg[RDI], op->dst));
}

/* The same for an element that is accessed now, within what its segment allows. */
static uint64_t checked_source(struct cpu *cpu, const struct op *op) {
  bool flat = cpu->code_size == 8 || (cpu->flat && op->segment < FS && op->segment != CS);
  if (unlikely(!flat)) segment_check(cpu, op, op->segment, (uint32_t)masked(cpu->reg[RSI], op->dst), op->code, false);
  return source(cpu, op);
}
static uint64_t checked_destination(struct cpu *cpu, const struct op *op, bool write) {
  if (unlikely(!cpu->flat)) segment_check(cpu, op, ES, (uint32_t)masked(cpu->reg[RDI], op->dst), op->code, write);
  return destination(cpu, op);
}

static uint64_t load_element(struct cpu *cpu, const struct op *op, uint64_t at) {
  switch (op->code) {
    case 1: return load8(cpu, op, at);
    case 2: return load16(cpu, op, at);
    case 4: return load32(cpu, op, at);
    default: return load64(cpu, op, at);
  }
}

static void store_element(struct cpu *cpu, const struct op *op, uint64_t at, uint64_t value) {
  switch (op->code) {
    case 1: store8(cpu, op, at, (uint8_t)value); break;
    case 2: store16(cpu, op, at, (uint16_t)value); break;
    case 4: store32(cpu, op, at, (uint32_t)value); break;
    default: store64(cpu, op, at, value);
  }
}

static inline int64_t step(const struct cpu *cpu, const struct op *op) {
  return cpu->flags & FLAG_DF ? -(int64_t)op->code : op->code;
}

static inline void advance(struct cpu *cpu, const struct op *op, int number, int64_t by) {
  set_masked(cpu, number, cpu->reg[number] + (uint64_t)by, op->dst);
}

static int64_t extended(const struct op *op, uint64_t value) {
  unsigned shift = 64 - 8 * op->code;
  return (int64_t)(value << shift) >> shift;
}

static void compare(struct cpu *cpu, const struct op *op, uint64_t a, uint64_t b) {
  cc_sub(cpu, extended(op, a), extended(op, b), extended(op, a - b));
}

static void movs_element(struct cpu *cpu, const struct op *op) {
  uint64_t value = load_element(cpu, op, checked_source(cpu, op));
  store_element(cpu, op, checked_destination(cpu, op, true), value);
  advance(cpu, op, RSI, step(cpu, op));
  advance(cpu, op, RDI, step(cpu, op));
}

static void stos_element(struct cpu *cpu, const struct op *op) {
  store_element(cpu, op, checked_destination(cpu, op, true), cpu->reg[RAX]);
  advance(cpu, op, RDI, step(cpu, op));
}

static void lods_element(struct cpu *cpu, const struct op *op) {
  uint64_t value = load_element(cpu, op, checked_source(cpu, op));
  if (op->code == 1) SET8(REG_OFFSET(RAX), value);
  else if (op->code == 2) SET16(REG_OFFSET(RAX), value);
  else cpu->reg[RAX] = value;
  advance(cpu, op, RSI, step(cpu, op));
}

static void scas_element(struct cpu *cpu, const struct op *op) {
  uint64_t value = load_element(cpu, op, checked_destination(cpu, op, false));
  advance(cpu, op, RDI, step(cpu, op));
  compare(cpu, op, cpu->reg[RAX], value);
}

static void cmps_element(struct cpu *cpu, const struct op *op) {
  uint64_t a = load_element(cpu, op, checked_source(cpu, op));
  uint64_t b = load_element(cpu, op, checked_destination(cpu, op, false));
  advance(cpu, op, RSI, step(cpu, op));
  advance(cpu, op, RDI, step(cpu, op));
  compare(cpu, op, a, b);
}

static void ins_element(struct cpu *cpu, const struct op *op) {
  uint16_t port = (uint16_t)cpu->reg[RDX];
  port_check(cpu, op, port, op->code);
  debug_port(cpu, op, port, op->code);
  uint64_t to = checked_destination(cpu, op, true);
  memory_need_aligned(cpu, op, to, op->code);
  memory_probe_write(cpu, op, to, op->code);
  store_element(cpu, op, to, device_in(cpu, op, port, op->code));
  advance(cpu, op, RDI, step(cpu, op));
}

static void outs_element(struct cpu *cpu, const struct op *op) {
  uint16_t port = (uint16_t)cpu->reg[RDX];
  port_check(cpu, op, port, op->code);
  debug_port(cpu, op, port, op->code);
  device_out(cpu, op, port, load_element(cpu, op, checked_source(cpu, op)), op->code);
  advance(cpu, op, RSI, step(cpu, op));
}

/* The host's address of an element and how many bytes lie behind it in its page, or NULL for what the TLB
 * does not have. */
static uint8_t *run_at(struct cpu *cpu, uint64_t address, bool write, uint64_t *bytes) {
  const struct tlb_entry *entry = tlb_at(cpu, address);
  uint64_t tag = (address & PAGE_MASK) | cpu->tlb_generation;
  *bytes = PAGE_BYTES - (address & ~PAGE_MASK);
  return (write ? entry->write : entry->read) == tag ? (uint8_t *)(address + entry->addend) : NULL;
}

/* Moves as many elements as lie in one page on both sides, upward: how many, 0 when one must go alone. */
static uint64_t movs_run(struct cpu *cpu, const struct op *op, uint64_t count) {
  uint64_t from_bytes, to_bytes, size = op->code;
  const uint8_t *from = run_at(cpu, source(cpu, op), false, &from_bytes);
  uint8_t *to = run_at(cpu, destination(cpu, op), true, &to_bytes);
  if (!from || !to) return 0;
  uint64_t bytes = from_bytes < to_bytes ? from_bytes : to_bytes;
  uint64_t run = bytes / size < count ? bytes / size : count;
  /* Bytes that this very run writes may be read by it: they repeat. */
  if (to > from && to < from + run * size) {
    uint64_t distance = (uint64_t)(to - from);
    if (distance < size) return 0;
    run = distance / size < run ? distance / size : run;
  }
  memmove(to, from, run * size); /* downward, source and destination may overlap */
  return run;
}

static uint64_t stos_run(struct cpu *cpu, const struct op *op, uint64_t count) {
  uint64_t bytes, size = op->code;
  uint8_t *to = run_at(cpu, destination(cpu, op), true, &bytes);
  if (!to) return 0;
  uint64_t run = bytes / size < count ? bytes / size : count, value = cpu->reg[RAX];
  switch (size) {
    case 1: memset(to, (uint8_t)value, run); break;
    case 2: for (uint64_t i = 0; i < run; i++) memcpy(to + 2 * i, &value, 2); break;
    case 4: for (uint64_t i = 0; i < run; i++) memcpy(to + 4 * i, &value, 4); break;
    default: for (uint64_t i = 0; i < run; i++) memcpy(to + 8 * i, &value, 8);
  }
  return run;
}

typedef void element(struct cpu *cpu, const struct op *op);
enum { STRING_MOVS, STRING_CMPS, STRING_STOS, STRING_LODS, STRING_SCAS, STRING_INS, STRING_OUTS };
static element *const elements[] = {movs_element, cmps_element, stos_element, lods_element,
                                    scas_element, ins_element,  outs_element};

static void string_once(struct cpu *cpu, const struct op *op) {
  elements[op->imm](cpu, op);
  device_progress(cpu);
  NEXT;
}

static bool wanted(const struct cpu *cpu) {
  return atomic_load_explicit(&cpu->attention, memory_order_relaxed) < 0 || cpu->budget <= cpu->reserve;
}

/* All elements: false when the dispatcher is wanted before the last one. */
static __attribute__((noinline)) bool repeat(struct cpu *cpu, const struct op *op) {
  const bool compares = op->imm == STRING_CMPS || op->imm == STRING_SCAS;
  /* A single step traps behind every element. */
  const bool runs = !(cpu->flags & (FLAG_DF | FLAG_TF)) && op->dst == 8 &&
                    (op->imm == STRING_MOVS || op->imm == STRING_STOS) && !wanted(cpu);
  for (;;) {
    uint64_t count = masked(cpu->reg[RCX], op->dst), done = 0;
    if (count == 0) return true;
    if (runs) {
      done = op->imm == STRING_MOVS ? movs_run(cpu, op, count) : stos_run(cpu, op, count);
      if (op->imm == STRING_MOVS) cpu->reg[RSI] += done * op->code;
      cpu->reg[RDI] += done * op->code;
    }
    if (done == 0) {
      elements[op->imm](cpu, op);
      device_progress(cpu);
      done = 1;
    }
    set_masked(cpu, RCX, count - done, op->dst);
    if (cpu->machine->timeline) {
      cpu->budget -= (int64_t)done * cpu->string_cost;
    } else { /* elements take time, but they are one instruction */
      cpu->budget -= (int64_t)done;
      cpu->slice -= (int64_t)done;
    }
    if (compares && (cpu->cc_result == 0) != (op->src == 0xf3)) return true;
    if (unlikely(wanted(cpu)) && count != done) return false;
  }
}

static void string_repeat(struct cpu *cpu, const struct op *op) {
  if (unlikely(!repeat(cpu, op))) {
    cpu->repeating = true;
    cpu->rip = cpu_rip(cpu, op);
    return;
  }
  NEXT;
}

bool translate_string(struct translator *t, const struct insn *insn) {
  static const int8_t kinds[16] = {[4] = STRING_MOVS, [5] = STRING_MOVS, [6] = STRING_CMPS,  [7] = STRING_CMPS,
                                   [8] = -1,          [9] = -1,          [10] = STRING_STOS, [11] = STRING_STOS,
                                   [12] = STRING_LODS, [13] = STRING_LODS, [14] = STRING_SCAS, [15] = STRING_SCAS};
  uint8_t opcode = insn->opcode;
  if (insn->map != MAP_ONE_BYTE || insn->lock) return false;
  int kind;
  if ((opcode & 0xfc) == 0x6c) kind = opcode < 0x6e ? STRING_INS : STRING_OUTS;
  else if (opcode >= 0xa4 && opcode <= 0xaf) kind = kinds[opcode & 15];
  else return false;
  if (kind < 0) return false; /* TEST lies among them */
  bool io = kind == STRING_INS || kind == STRING_OUTS;
  struct op *op = emit(t, insn, insn->rep ? string_repeat : string_once);
  op->code = opcode & 1 ? (io && insn->size == 8 ? 4 : insn->size) : 1;
  op->dst = insn->address_size;
  op->src = insn->rep;
  op->segment = insn->segment_override ? insn->segment : DS;
  op->imm = (uint64_t)kind;
  return true;
}
