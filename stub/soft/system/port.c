/* IN and OUT: exits to the hypervisor with the next instruction's address. */
#include "soft/system/port.h"

#include "soft/system/debug.h"
#include "soft/system/segment.h"
#include "stub.h"
#include "soft/system/system_ops.h"

/* In a TSS of 32 or 64 bits: where its I/O permission bitmap begins. */
#define TSS_IO_BASE 102
#define TSS_LEAST_LIMIT 103

static bool bitmap_allows(struct cpu *cpu, uint16_t port, uint32_t size) {
  const struct segment *tr = &cpu->segment[TR];
  if ((tr->access & AR_TYPE) < TYPE_TSS32 || tr->limit < TSS_LEAST_LIMIT) return false;
  uint32_t offset = (uint32_t)system_load(cpu, tr->base + TSS_IO_BASE, 2) + port / 8;
  if (offset + 1 > tr->limit) return false;
  uint32_t bits = (uint32_t)system_load(cpu, tr->base + offset, 2);
  return !(bits >> port % 8 & ((1u << size) - 1));
}

void port_check(struct cpu *cpu, const struct op *op, uint16_t port, uint32_t size) {
  if (!cpu_protected(cpu) || (iopl_allows(cpu) && !(cpu->flags & FLAG_VM))) return;
  instruction_at(cpu, op);
  if (!bitmap_allows(cpu, port, size)) cpu_fault(cpu, op, VECTOR_GP, 0);
}

static _Noreturn void exit_port(struct cpu *cpu, const struct op *op, uint16_t port, bool write) {
  struct sx_event *event = &cpu->vcpu->block->event;
  event->reason = SX_EXIT_IO;
  event->flags = (write ? SX_EVENT_WRITE : 0) | (uint32_t)op->code << SX_EVENT_SIZE_SHIFT;
  event->addr_lo = port;
  event->addr_hi = 0;
  event->data_lo = 0;
  event->data_hi = 0;
  if (write) memcpy(&event->data_lo, &cpu->reg[RAX], op->code);
  finish(cpu, op);
  cpu->resumed = false;
  cpu->debug_due |= cpu->hits | (cpu->stepping ? DR6_BS : 0);
  cpu_exit(cpu, SX_EXIT_IO);
}

static void in(struct cpu *cpu, const struct op *op, uint16_t port) {
  port_check(cpu, op, port, op->code);
  debug_port(cpu, op, port, op->code);
  cpu->in.pending = true;
  cpu->in.size = op->code;
  exit_port(cpu, op, port, false);
}

static void out(struct cpu *cpu, const struct op *op, uint16_t port) {
  port_check(cpu, op, port, op->code);
  debug_port(cpu, op, port, op->code);
  exit_port(cpu, op, port, true);
}

void exec_in_imm(struct cpu *cpu, const struct op *op) { in(cpu, op, (uint8_t)op->imm); }
void exec_in_dx(struct cpu *cpu, const struct op *op) { in(cpu, op, (uint16_t)cpu->reg[RDX]); }
void exec_out_imm(struct cpu *cpu, const struct op *op) { out(cpu, op, (uint8_t)op->imm); }
void exec_out_dx(struct cpu *cpu, const struct op *op) { out(cpu, op, (uint16_t)cpu->reg[RDX]); }

void port_complete(struct cpu *cpu, uint64_t value) {
  if (!cpu->in.pending) return;
  cpu->in.pending = false;
  if (cpu->in.size == 1) SET8(REG_OFFSET(RAX), value);
  else set_register(cpu, REG_OFFSET(RAX), cpu->in.size, value);
}
