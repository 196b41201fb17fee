/*
 * The cost model of a virtual clock: cycles by instruction. Most take one; the others are rounded from
 * measured latencies and throughputs of Intel cores since Nehalem (A. Fog, Instruction tables), those of
 * system instructions from the same and from Intel's optimization manual. There are no caches, no
 * mispredictions and no parallelism in it: what it is for is that costs are in proportion and always the
 * same.
 */
#include "soft/translation/decode.h"

enum {
  COST_SIMPLE = 1,
  COST_MULTIPLY = 3,
  COST_DIVIDE = 25,
  COST_DIVIDE_64 = 40,
  COST_LOCKED = 20,
  COST_FLOAT_DIVIDE = 15, /* square roots, too */
  COST_TRANSCENDENTAL = 80,
  COST_STATE = 100,       /* FXSAVE, XSAVE and back */
  COST_FAR = 40,          /* far jumps, calls and returns, IRET, INT, SYSCALL and SYSRET, segment loads */
  COST_READ_CLOCK = 25,
  COST_PAUSE = 140,       /* since Skylake */
  COST_PRIVILEGED = 100,  /* CPUID, MSRs, control registers, TLB, descriptor tables */
  COST_RANDOM = 300,
};

static uint32_t divide(const struct insn *insn) {
  return insn->size == 8 && insn->opcode & 1 ? COST_DIVIDE_64 : COST_DIVIDE;
}

static uint32_t one_byte(const struct insn *insn) {
  uint8_t group = insn->reg & 7;
  switch (insn->opcode) {
    case 0x69: case 0x6b: return COST_MULTIPLY;
    case 0x86: case 0x87: return insn_memory(insn) ? COST_LOCKED : COST_SIMPLE;
    case 0x8e: return COST_FAR;
    case 0x90: return insn->rep == 0xf3 ? COST_PAUSE : COST_SIMPLE;
    case 0x9a: case 0xca: case 0xcb: case 0xcc: case 0xcd: case 0xcf: case 0xea: return COST_FAR;
    case 0xd9: return !insn_memory(insn) && insn->modrm >= 0xf0 ? COST_TRANSCENDENTAL : COST_SIMPLE;
    case 0xf6: case 0xf7:
      return group >= 6 ? divide(insn) : group >= 4 ? COST_MULTIPLY : COST_SIMPLE;
    case 0xff: return group == 3 || group == 5 ? COST_FAR : COST_SIMPLE;
    default: return COST_SIMPLE;
  }
}

static uint32_t two_byte(const struct insn *insn) {
  switch (insn->opcode) {
    case 0x00: case 0x02: case 0x03: case 0x08: case 0x09: return COST_PRIVILEGED;
    case 0x01: return insn->modrm == 0xf9 ? COST_READ_CLOCK : COST_PRIVILEGED; /* RDTSCP */
    case 0x05: case 0x07: case 0x34: case 0x35: return COST_FAR;
    case 0x20 ... 0x23: return COST_PRIVILEGED;
    case 0x30: case 0x32: case 0xa2: return COST_PRIVILEGED;
    case 0x31: return COST_READ_CLOCK;
    case 0x51: case 0x5e: return COST_FLOAT_DIVIDE;
    case 0xae: return insn_memory(insn) && 0x73 >> (insn->reg & 7) & 1 ? COST_STATE : COST_SIMPLE; /* /0 /1 /4 /5 /6 */
    case 0xaf: return COST_MULTIPLY;
    case 0xc7: return !insn_memory(insn) ? COST_RANDOM : (insn->reg & 7) == 1 ? COST_SIMPLE : COST_STATE;
    case 0xb2: case 0xb4: case 0xb5: return COST_FAR;
    default: return COST_SIMPLE;
  }
}

uint32_t insn_cost(const struct insn *insn) {
  if (insn->lock) return COST_LOCKED;
  if (insn->map == MAP_ONE_BYTE) return one_byte(insn);
  return insn->map == MAP_0F ? two_byte(insn) : COST_SIMPLE;
}

bool insn_reads_clock(const struct insn *insn) {
  return insn->map == MAP_0F && (insn->opcode == 0x31 || (insn->opcode == 0x01 && insn->modrm == 0xf9));
}
