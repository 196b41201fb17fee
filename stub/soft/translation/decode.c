/* Takes an instruction apart: prefixes, opcode, ModRM, SIB, displacement, immediate (SDM volume 2,
 * chapter 2 and appendix A). */
#include "soft/translation/decode.h"

#include <string.h>

/* What follows an opcode. */
enum {
  M = 0x80,  /* a ModRM byte */
  IB = 1,    /* an immediate of one byte, sign-extended */
  IZ = 2,    /* of 2 or 4 bytes, by operand size */
  IV = 3,    /* of 2, 4 or 8 bytes */
  IW = 4,    /* of 2 bytes */
  IWB = 5,   /* 2 bytes and one more: ENTER */
  FAR = 6,   /* an offset by operand size and a selector */
  OFFS = 7,  /* an address by address size */
  REL = 8,   /* a displacement of 2 or 4 bytes; always 4 in 64-bit mode */
  GROUP3 = 9, /* as IB or IZ, for its first two members only */
  IMM = 0x0f,
};

#define ROW16(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p

static const uint8_t one_byte[256] = {
  ROW16(M, M, M, M, IB, IZ, 0, 0, M, M, M, M, IB, IZ, 0, 0),
  ROW16(M, M, M, M, IB, IZ, 0, 0, M, M, M, M, IB, IZ, 0, 0),
  ROW16(M, M, M, M, IB, IZ, 0, 0, M, M, M, M, IB, IZ, 0, 0),
  ROW16(M, M, M, M, IB, IZ, 0, 0, M, M, M, M, IB, IZ, 0, 0),
  ROW16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
  ROW16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
  ROW16(0, 0, M, M, 0, 0, 0, 0, IZ, M | IZ, IB, M | IB, 0, 0, 0, 0),
  ROW16(IB, IB, IB, IB, IB, IB, IB, IB, IB, IB, IB, IB, IB, IB, IB, IB),
  ROW16(M | IB, M | IZ, M | IB, M | IB, M, M, M, M, M, M, M, M, M, M, M, M),
  ROW16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, FAR, 0, 0, 0, 0, 0),
  ROW16(OFFS, OFFS, OFFS, OFFS, 0, 0, 0, 0, IB, IZ, 0, 0, 0, 0, 0, 0),
  ROW16(IB, IB, IB, IB, IB, IB, IB, IB, IV, IV, IV, IV, IV, IV, IV, IV),
  ROW16(M | IB, M | IB, IW, 0, M, M, M | IB, M | IZ, IWB, 0, IW, 0, 0, IB, 0, 0),
  ROW16(M, M, M, M, IB, IB, 0, 0, M, M, M, M, M, M, M, M),
  ROW16(IB, IB, IB, IB, IB, IB, IB, IB, REL, REL, FAR, IB, 0, 0, 0, 0),
  ROW16(0, 0, 0, 0, 0, 0, M | GROUP3, M | GROUP3, 0, 0, 0, 0, 0, 0, M, M),
};

static const uint8_t two_bytes[256] = {
  ROW16(M, M, M, M, 0, 0, 0, 0, 0, 0, 0, 0, 0, M, 0, M),
  ROW16(M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M),
  ROW16(M, M, M, M, 0, 0, 0, 0, M, M, M, M, M, M, M, M),
  ROW16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
  ROW16(M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M),
  ROW16(M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M),
  ROW16(M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M),
  ROW16(M | IB, M | IB, M | IB, M | IB, M, M, M, 0, M, M, M, M, M, M, M, M),
  ROW16(REL, REL, REL, REL, REL, REL, REL, REL, REL, REL, REL, REL, REL, REL, REL, REL),
  ROW16(M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M),
  ROW16(0, 0, 0, M, M | IB, M, 0, 0, 0, 0, 0, M, M | IB, M, M, M),
  ROW16(M, M, M, M, M, M, M, M, M, M, M | IB, M, M, M, M, M),
  ROW16(M, M, M | IB, M, M | IB, M | IB, M | IB, M, 0, 0, 0, 0, 0, 0, 0, 0),
  ROW16(M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M),
  ROW16(M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M),
  ROW16(M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M),
};

/* The bytes of an instruction, as far as there are any. */
struct cursor {
  const uint8_t *at, *end;
  bool short_of; /* more were asked for than there are */
};

static uint64_t take(struct cursor *from, uint32_t size) {
  if ((uint64_t)(from->end - from->at) < size) {
    from->short_of = true;
    return 0;
  }
  uint64_t value = 0;
  memcpy(&value, from->at, size);
  from->at += size;
  return value;
}

static uint64_t take_signed(struct cursor *from, uint32_t size) {
  uint64_t value = take(from, size);
  switch (size) {
    case 1: return (uint64_t)(int8_t)value;
    case 2: return (uint64_t)(int16_t)value;
    case 4: return (uint64_t)(int32_t)value;
    default: return value;
  }
}

/* ModRM of 16-bit addresses (SDM volume 2, table 2-1). */
static void take_address16(struct insn *insn, struct cursor *from) {
  static const uint8_t bases[8] = {RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX};
  static const uint8_t indexes[8] = {RSI, RDI, RSI, RDI, REG_ZERO, REG_ZERO, REG_ZERO, REG_ZERO};
  uint8_t rm = insn->modrm & 7;
  insn->base = bases[rm];
  insn->index = indexes[rm];
  if (insn->mod == 0 && rm == 6) {
    insn->base = REG_ZERO;
    insn->disp = (int64_t)take_signed(from, 2);
  } else if (insn->mod) {
    insn->disp = (int64_t)take_signed(from, insn->mod == 1 ? 1 : 2);
  }
}

static void take_address(struct insn *insn, struct cursor *from, uint8_t rex) {
  uint8_t rm = insn->modrm & 7;
  insn->base = rm | (rex & 1) << 3;
  if (rm == 4) {
    uint8_t sib = (uint8_t)take(from, 1);
    insn->base = (sib & 7) | (rex & 1) << 3;
    insn->index = (sib >> 3 & 7) | (rex & 2) << 2;
    insn->scale = sib >> 6;
    if (insn->index == RSP) {
      insn->index = REG_ZERO;
      insn->scale = 0;
    }
    if ((sib & 7) == RBP && insn->mod == 0) {
      insn->base = REG_ZERO;
      insn->disp = (int64_t)take_signed(from, 4);
    }
  } else if (rm == 5 && insn->mod == 0) {
    insn->base = REG_ZERO;
    insn->rip_relative = insn->mode == 8;
    insn->disp = (int64_t)take_signed(from, 4);
  }
  if (insn->mod == 1 || insn->mod == 2) insn->disp = (int64_t)take_signed(from, insn->mod == 1 ? 1 : 4);
}

/* The segment of a memory operand: the stack's with RBP or RSP as the base (SDM volume 1, 3.7.4). */
static void choose_segment(struct insn *insn, int override) {
  bool stack = insn->base == RSP || insn->base == RBP;
  insn->segment = stack ? SS : DS;
  if (override < 0 || (insn->mode == 8 && override < FS)) return;
  insn->segment = (uint8_t)override;
  insn->segment_override = true;
}

static void take_immediate(struct insn *insn, struct cursor *from, uint8_t kind) {
  uint32_t z = insn->size == 2 ? 2 : 4;
  if (kind == GROUP3) {
    if (insn->modrm >> 3 & 6) return;
    kind = insn->opcode & 1 ? IZ : IB;
  }
  switch (kind) {
    case IB: insn->imm = take_signed(from, 1); break;
    case IZ: insn->imm = take_signed(from, z); break;
    case IV: insn->imm = take_signed(from, insn->size); break;
    case IW: insn->imm = take(from, 2); break;
    case IWB: insn->imm = take(from, 3); break;
    case REL: insn->imm = take_signed(from, insn->mode == 8 ? 4 : z); break;
    case OFFS: insn->disp = (int64_t)take(from, insn->address_size); break;
    case FAR:
      insn->imm = take(from, z);
      insn->imm |= take(from, 2) << 32;
      break;
  }
}

int decode(struct insn *insn, const uint8_t *bytes, uint32_t available, uint8_t mode) {
  uint32_t most = available < MOST_INSN_BYTES ? available : MOST_INSN_BYTES;
  struct cursor from = {bytes, bytes + most, false};
  *insn = (struct insn){.mode = mode, .base = REG_ZERO, .index = REG_ZERO, .mod = 3};
  uint8_t rex = 0;
  int override = -1;
  bool address_prefix = false;
  uint8_t byte;
  for (;; rex = 0) {
    byte = (uint8_t)take(&from, 1);
    if (from.short_of) return available < MOST_INSN_BYTES ? 0 : -1;
    switch (byte) {
      case 0x26: override = override >= FS && mode == 8 ? override : ES; continue;
      case 0x2e: override = override >= FS && mode == 8 ? override : CS; continue;
      case 0x36: override = override >= FS && mode == 8 ? override : SS; continue;
      case 0x3e: override = override >= FS && mode == 8 ? override : DS; continue;
      case 0x64: override = FS; continue;
      case 0x65: override = GS; continue;
      case 0x66: insn->has_66 = true; continue;
      case 0x67: address_prefix = true; continue;
      case 0xf0: insn->lock = true; continue;
      case 0xf2:
      case 0xf3: insn->rep = byte; continue;
    }
    if (mode != 8 || (byte & 0xf0) != 0x40) break;
    rex = byte;
    byte = (uint8_t)take(&from, 1);
    if (from.short_of) return available < MOST_INSN_BYTES ? 0 : -1;
    /* A prefix behind REX takes its effect away. */
    bool prefix = byte == 0x66 || byte == 0x67 || byte == 0xf0 || byte == 0xf2 || byte == 0xf3 ||
                  (byte & 0xe7) == 0x26 || (byte & 0xfe) == 0x64 || (byte & 0xf0) == 0x40;
    if (!prefix) break;
    from.at--;
  }
  insn->has_rex = rex != 0;
  insn->rex_w = rex & 8;
  insn->size = insn->rex_w ? 8 : (mode == 2) != insn->has_66 ? 2 : 4;
  insn->address_size = mode == 8 ? (address_prefix ? 4 : 8) : (mode == 2) != address_prefix ? 2 : 4;

  uint8_t kind;
  if (byte != 0x0f) {
    kind = one_byte[byte];
  } else {
    insn->map = MAP_0F;
    byte = (uint8_t)take(&from, 1);
    kind = two_bytes[byte];
    if (byte == 0x38 || byte == 0x3a) {
      insn->map = byte == 0x38 ? MAP_0F38 : MAP_0F3A;
      byte = (uint8_t)take(&from, 1);
      kind = insn->map == MAP_0F38 ? M : M | IB;
    }
  }
  insn->opcode = byte;
  insn->rm = (byte & 7) | (rex & 1) << 3;
  insn->has_modrm = kind & M;
  if (insn->has_modrm) {
    insn->modrm = (uint8_t)take(&from, 1);
    insn->mod = insn->modrm >> 6;
    insn->reg = (insn->modrm >> 3 & 7) | (rex & 4) << 1;
    insn->rm = (insn->modrm & 7) | (rex & 1) << 3;
    if (insn->mod != 3) {
      if (insn->address_size == 2) take_address16(insn, &from);
      else take_address(insn, &from, rex);
    }
  }
  choose_segment(insn, override);
  take_immediate(insn, &from, kind & IMM);
  if (from.short_of) return available < MOST_INSN_BYTES ? 0 : -1;
  insn->length = (uint8_t)(from.at - bytes);
  return insn->length;
}
