/* Which instructions get an op before their own, and what is known of them at translation. */
#include "soft/controls/intercept.h"

static uint32_t size_code(uint8_t size) { return size == 2 ? 0 : size == 4 ? 1 : 2; }

/* Base, index, scale and segment of a memory operand, as far as instruction information says them. */
static uint32_t describe_memory(const struct insn *insn) {
  uint32_t info = size_code(insn->address_size) << INFO_ADDRESS_SHIFT | (uint32_t)insn->segment << INFO_SEGMENT_SHIFT;
  if (insn->index == REG_ZERO) info |= INFO_NO_INDEX;
  else info |= (uint32_t)insn->index << INFO_INDEX_SHIFT | insn->scale;
  if (insn->base == REG_ZERO) info |= INFO_NO_BASE;
  else info |= (uint32_t)insn->base << INFO_BASE_SHIFT;
  return info;
}

/* Without a memory operand the fields of one are undefined: 0. */
static uint32_t describe_operand(const struct insn *insn) {
  if (insn_memory(insn)) return describe_memory(insn);
  return INFO_IS_REGISTER | (uint32_t)insn->rm << INFO_REGISTER_SHIFT;
}

static struct op *simple(struct translator *t, const struct insn *insn, handler *run, uint8_t code) {
  struct op *op = emit(t, insn, run);
  op->code = code;
  return op;
}

/* With the operand that ModRM says; a memory operand's address is made only where `address` wants it. */
static struct op *with_operand(struct translator *t, const struct insn *insn, handler *run, uint8_t code, uint32_t info,
                               bool address) {
  struct op *op = address ? emit_memory(t, insn, run) : emit(t, insn, run);
  op->code = code;
  op->imm = info;
  if (insn_memory(insn)) {
    op->imm |= (uint64_t)(uint32_t)insn->disp << 32;
    op->src = insn->rip_relative ? DISPLACEMENT_OF_RIP : DISPLACEMENT_PLAIN;
  }
  return op;
}

static void one_byte(struct translator *t, const struct insn *insn) {
  uint8_t opcode = insn->opcode, size = opcode & 1 ? (insn->size == 2 ? 2 : 4) : 1;
  switch (opcode) {
    case 0x6c: case 0x6d: case 0x6e: case 0x6f: {
      struct op *op = simple(t, insn, opcode < 0x6e ? intercept_ins : intercept_outs, size);
      op->dst = insn->address_size;
      op->src = insn->rep;
      op->segment = insn->segment_override ? insn->segment : DS;
      op->imm = size_code(insn->address_size) << INFO_ADDRESS_SHIFT |
                (opcode < 0x6e ? 0u : (uint32_t)op->segment << INFO_SEGMENT_SHIFT);
      break;
    }
    case 0x90:
      if (insn->rep == 0xf3 && insn->rm == RAX) simple(t, insn, intercept_pause, 0);
      break;
    case 0xcc: simple(t, insn, intercept_int3, 0); break;
    case 0xcd: simple(t, insn, intercept_int, 0); break;
    case 0xce:
      if (insn->mode != 8) simple(t, insn, intercept_into, 0);
      break;
    case 0xe4: case 0xe5: simple(t, insn, intercept_in, size)->imm = insn->imm << 32; break;
    case 0xe6: case 0xe7: simple(t, insn, intercept_out, size)->imm = insn->imm << 32; break;
    case 0xec: case 0xed: simple(t, insn, intercept_in_dx, size); break;
    case 0xee: case 0xef: simple(t, insn, intercept_out_dx, size); break;
    case 0xf1: simple(t, insn, intercept_int1, 0); break;
    case 0xf4: simple(t, insn, intercept_hlt, 0); break;
  }
}

/* SLDT, STR, LLDT, LTR: 0F 00. */
static void group6(struct translator *t, const struct insn *insn) {
  uint32_t member = insn->reg & 7;
  if (member > 3) return;
  uint32_t info = describe_operand(insn) | member << INFO_IDENTITY_SHIFT;
  with_operand(t, insn, intercept_table_segment, member < 2 ? TABLE_STORE : TABLE_LOAD, info, false);
}

static void group7_register(struct translator *t, const struct insn *insn) {
  switch (insn->modrm) {
    case 0xc1: simple(t, insn, intercept_vmx, SX_EXIT_VMCALL); break;
    case 0xc2: simple(t, insn, intercept_vmx, SX_EXIT_VMLAUNCH); break;
    case 0xc3: simple(t, insn, intercept_vmx, SX_EXIT_VMRESUME); break;
    case 0xc4: simple(t, insn, intercept_vmx, SX_EXIT_VMXOFF); break;
    case 0xc8: simple(t, insn, intercept_monitor, 0); break;
    case 0xc9: simple(t, insn, intercept_mwait, 0); break;
    case 0xd1: simple(t, insn, intercept_xsetbv, 0); break;
    case 0xf9: simple(t, insn, intercept_rdtscp, 0); break;
  }
}

/* 0F 01. */
static void group7(struct translator *t, const struct insn *insn) {
  uint32_t member = insn->reg & 7;
  bool memory = insn_memory(insn);
  if (member == 4) {
    struct op *op = with_operand(t, insn, memory ? intercept_smsw_memory : intercept_smsw, insn->size, 0, memory);
    op->dst = insn->rm;
  } else if (member == 6) {
    with_operand(t, insn, memory ? intercept_lmsw_memory : intercept_lmsw, 0, 0, memory)->dst = insn->rm;
  } else if (!memory) {
    group7_register(t, insn);
  } else if (member < 4) {
    uint32_t wide = insn->mode != 8 && insn->size == 4 ? 1u << INFO_SIZE_SHIFT : 0;
    uint32_t info = describe_memory(insn) | wide | member << INFO_IDENTITY_SHIFT;
    with_operand(t, insn, intercept_table, member < 2 ? TABLE_STORE : TABLE_LOAD, info, false);
  } else if (member == 7) {
    with_operand(t, insn, intercept_invlpg, 0, 0, true);
  }
}

/* VMPTRLD, VMCLEAR, VMXON, VMPTRST, RDRAND, RDSEED: 0F C7. */
static void group9(struct translator *t, const struct insn *insn) {
  uint8_t member = insn->reg & 7, prefix = insn_prefix(insn);
  if (member < 6) return;
  if (insn_memory(insn)) {
    uint8_t reason = prefix == PREFIX_66   ? SX_EXIT_VMCLEAR
                     : prefix == PREFIX_F3 ? SX_EXIT_VMXON : SX_EXIT_VMPTRLD;
    if (prefix == PREFIX_F2 || (member == 7 && prefix != PREFIX_NONE)) return;
    with_operand(t, insn, intercept_vmx_operand, member == 7 ? SX_EXIT_VMPTRST : reason, describe_memory(insn), false);
  } else if (!insn->rep) {
    struct op *op = simple(t, insn, intercept_random, member == 6 ? SX_EXIT_RDRAND : SX_EXIT_RDSEED);
    op->imm = (uint32_t)insn->rm << INFO_REGISTER_SHIFT | size_code(insn->size) << INFO_SIZE_SHIFT;
  }
}

static void move_control(struct translator *t, const struct insn *insn, handler *run, uint8_t most) {
  if (insn->reg <= most) simple(t, insn, run, insn->reg)->dst = insn->rm;
}

static void two_bytes(struct translator *t, const struct insn *insn) {
  switch (insn->opcode) {
    case 0x00: group6(t, insn); break;
    case 0x01: group7(t, insn); break;
    case 0x06: simple(t, insn, intercept_clts, 0); break;
    case 0x08: simple(t, insn, intercept_cache, SX_EXIT_INVD); break;
    case 0x09: simple(t, insn, intercept_cache, SX_EXIT_WBINVD); break;
    case 0x20: move_control(t, insn, intercept_mov_from_cr, 8); break;
    case 0x21: move_control(t, insn, intercept_mov_from_dr, 7); break;
    case 0x22: move_control(t, insn, intercept_mov_to_cr, 8); break;
    case 0x23: move_control(t, insn, intercept_mov_to_dr, 7); break;
    case 0x30: simple(t, insn, intercept_wrmsr, 0); break;
    case 0x31: simple(t, insn, intercept_rdtsc, 0); break;
    case 0x32: simple(t, insn, intercept_rdmsr, 0); break;
    case 0x33: simple(t, insn, intercept_rdpmc, 0); break;
    case 0x78: case 0x79:
      if (insn_prefix(insn) != PREFIX_NONE) break;
      with_operand(t, insn, intercept_vmx_operand, insn->opcode == 0x78 ? SX_EXIT_VMREAD : SX_EXIT_VMWRITE,
                   describe_operand(insn) | (uint32_t)insn->reg << INFO_REGISTER2_SHIFT, false);
      break;
    case 0xa2: simple(t, insn, intercept_cpuid, 0); break;
    case 0xc7: group9(t, insn); break;
  }
}

/* INVEPT, INVVPID, INVPCID. */
static void three_bytes(struct translator *t, const struct insn *insn) {
  if (insn->opcode < 0x80 || insn->opcode > 0x82 || insn_prefix(insn) != PREFIX_66 || !insn_memory(insn)) return;
  uint32_t info = describe_memory(insn) | (uint32_t)insn->reg << INFO_REGISTER2_SHIFT;
  if (insn->opcode == 0x82) {
    with_operand(t, insn, intercept_invpcid, SX_EXIT_INVPCID, info, false);
  } else {
    with_operand(t, insn, intercept_vmx_operand, insn->opcode == 0x80 ? SX_EXIT_INVEPT : SX_EXIT_INVVPID, info, false);
  }
}

void translate_intercept(struct translator *t, const struct insn *insn) {
  if (insn->lock) return; /* undefined, all of them */
  if (insn->map == MAP_ONE_BYTE) one_byte(t, insn);
  else if (insn->map == MAP_0F) two_bytes(t, insn);
  else if (insn->map == MAP_0F38) three_bytes(t, insn);
}
