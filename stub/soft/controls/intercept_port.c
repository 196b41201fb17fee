/* Port I/O that exits (SDM volume 3, 26.1.3; the qualification is table 28-5). */
#include "soft/controls/intercept.h"
#include "soft/system/port.h"

#define QUALIFICATION_IN 0x8
#define QUALIFICATION_STRING 0x10
#define QUALIFICATION_REP 0x20
#define QUALIFICATION_IMMEDIATE 0x40
#define QUALIFICATION_PORT_SHIFT 16

#define PORTS 0x10000u

static bool port_exits(const struct sx_controls *set, uint16_t port, uint32_t size) {
  if (!(set->primary & SX_PRIMARY_IO_BITMAPS)) return set->primary & SX_PRIMARY_UNCONDITIONAL_IO;
  if (port + size > PORTS) return true;
  for (uint32_t at = port; at < port + size; at++) {
    if (set->io_bitmap[at / 8] >> at % 8 & 1) return true;
  }
  return false;
}

static uint64_t qualify(const struct op *op, uint16_t port, uint32_t bits) {
  return (op->code - 1u) | bits | (uint64_t)port << QUALIFICATION_PORT_SHIFT;
}

static void access_port(struct cpu *cpu, const struct op *op, uint16_t port, uint32_t bits) {
  port_check(cpu, op, port, op->code);
  if (port_exits(&cpu->controls->set, port, op->code)) exit_now(cpu, op, SX_EXIT_IO, qualify(op, port, bits));
}

void intercept_in(struct cpu *cpu, const struct op *op) {
  access_port(cpu, op, (uint8_t)(op->imm >> 32), QUALIFICATION_IN | QUALIFICATION_IMMEDIATE);
  NEXT;
}

void intercept_out(struct cpu *cpu, const struct op *op) {
  access_port(cpu, op, (uint8_t)(op->imm >> 32), QUALIFICATION_IMMEDIATE);
  NEXT;
}

void intercept_in_dx(struct cpu *cpu, const struct op *op) {
  access_port(cpu, op, (uint16_t)cpu->reg[RDX], QUALIFICATION_IN);
  NEXT;
}

void intercept_out_dx(struct cpu *cpu, const struct op *op) {
  access_port(cpu, op, (uint16_t)cpu->reg[RDX], 0);
  NEXT;
}

static uint64_t cut(uint64_t value, uint8_t size) {
  return size == 8 ? value : size == 4 ? (uint32_t)value : (uint16_t)value;
}

/* In the middle of its run, a repeated one exits with what is left to do; with nothing to do it does not. */
static void access_string(struct cpu *cpu, const struct op *op, uint8_t segment, int pointer, uint32_t bits) {
  uint16_t port = (uint16_t)cpu->reg[RDX];
  if (op->src && !cut(cpu->reg[RCX], op->dst)) return;
  port_check(cpu, op, port, op->code);
  if (!port_exits(&cpu->controls->set, port, op->code)) return;
  bool wide = cpu->code_size == 8;
  uint64_t base = wide && segment < FS ? 0 : cpu->segment[segment].base;
  uint64_t linear = base + cut(cpu->reg[pointer], op->dst);
  if (op->src) bits |= QUALIFICATION_REP;
  struct sx_controlled_exit *record = exit_begin(cpu, op, SX_EXIT_IO, qualify(op, port, bits | QUALIFICATION_STRING));
  record->instruction_information = intercept_information(op);
  record->guest_linear = wide ? linear : (uint32_t)linear;
  exit_leave(cpu);
}

void intercept_ins(struct cpu *cpu, const struct op *op) {
  access_string(cpu, op, ES, RDI, QUALIFICATION_IN);
  NEXT;
}

void intercept_outs(struct cpu *cpu, const struct op *op) {
  access_string(cpu, op, op->segment, RSI, 0);
  NEXT;
}
