#include "soft/system/debug.h"

#include "soft/exec.h"
#include "soft/memory/paging.h"
#include "soft/system/system.h"

#define BREAKPOINTS 4

/* R/W fields of DR7. */
enum { ON_FETCH, ON_WRITE, ON_PORT, ON_DATA };

/* Either for the task or for all: nothing here clears the local ones. */
static bool is_on(const struct cpu *cpu, unsigned n) { return cpu->dr[7] >> 2 * n & 3; }
static unsigned kind_of(const struct cpu *cpu, unsigned n) { return cpu->dr[7] >> (16 + 4 * n) & 3; }

static uint32_t bytes_of(const struct cpu *cpu, unsigned n) {
  static const uint8_t bytes[] = {1, 2, 8, 4};
  return bytes[cpu->dr[7] >> (18 + 4 * n) & 3];
}

/* Breakpoints are aligned to their length, so that none lies in two pages. */
static uint64_t first_of(const struct cpu *cpu, unsigned n) { return cpu->dr[n] & ~(uint64_t)(bytes_of(cpu, n) - 1); }

static bool meets(const struct cpu *cpu, unsigned n, uint64_t address, uint32_t size) {
  uint64_t first = first_of(cpu, n);
  return address < first + bytes_of(cpu, n) && first < address + size;
}

void debug_changed(struct cpu *cpu) {
  bool checked = cpu->breaks;
  cpu->breaks = cpu->watches = cpu->port_breaks = 0;
  for (unsigned n = 0; n < BREAKPOINTS; n++) {
    uint8_t bit = (uint8_t)(1u << n);
    if (!is_on(cpu, n)) continue;
    switch (kind_of(cpu, n)) {
      case ON_FETCH: cpu->breaks |= bit; break;
      case ON_PORT: cpu->port_breaks |= bit; break;
      default:
        cpu->watches |= bit;
        tlb_forget_page(cpu, first_of(cpu, n));
    }
  }
  if (checked != (cpu->breaks != 0)) code_jumps_flush(cpu);
}

/* The rest of DR6 is the handler's to clear (17.2.3). */
void debug_record(struct cpu *cpu, uint64_t bits) {
  cpu->dr[6] = (cpu->dr[6] & ~(uint64_t)DR6_BREAKPOINTS) | bits;
}

void debug_fetch(struct cpu *cpu, const struct op *op, uint64_t linear) {
  uint64_t bits = 0;
  for (unsigned n = 0; n < BREAKPOINTS; n++) {
    if (cpu->breaks >> n & 1 && cpu->dr[n] == linear) bits |= 1u << n;
  }
  /* Behind a load of SS there is none (6.8.3). */
  if (likely(!bits) || cpu->flags & FLAG_RF || cpu->held == SHADOW_MOV_SS) return;
  cpu_debug_fault(cpu, op, bits);
}

void exec_check_breakpoint(struct cpu *cpu, const struct op *op) {
  uint64_t linear = cpu_rip(cpu, op) + cpu->code_base;
  debug_fetch(cpu, op, cpu->code_size == 8 ? linear : (uint32_t)linear);
  NEXT;
}

bool debug_watches_page(const struct cpu *cpu, uint64_t address) {
  for (unsigned n = 0; n < BREAKPOINTS; n++) {
    if (cpu->watches >> n & 1 && ((cpu->dr[n] ^ address) & PAGE_MASK) == 0) return true;
  }
  return false;
}

static void hit(struct cpu *cpu, const struct op *op, uint8_t bit) {
  if (cpu->in_block) {
    cpu->single = true;
    cpu_again(cpu, op);
  }
  cpu->hits |= bit;
}

void debug_access(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t size, bool write) {
  for (unsigned n = 0; n < BREAKPOINTS; n++) {
    bool wanted = cpu->watches >> n & 1 && (write || kind_of(cpu, n) == ON_DATA);
    if (wanted && meets(cpu, n, address, size)) hit(cpu, op, (uint8_t)(1u << n));
  }
}

/* Ports are watched with CR4.DE only (17.2.4). */
void debug_port(struct cpu *cpu, const struct op *op, uint16_t port, uint32_t size) {
  if (likely(!cpu->port_breaks) || !(cpu->cr4 & CR4_DE)) return;
  for (unsigned n = 0; n < BREAKPOINTS; n++) {
    if (cpu->port_breaks >> n & 1 && meets(cpu, n, port, size)) hit(cpu, op, (uint8_t)(1u << n));
  }
}
