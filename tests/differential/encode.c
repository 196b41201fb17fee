#include "encode.h"

#include <string.h>

#define REX 0x40
#define REX_W 0x8
#define REX_R 0x4
#define REX_X 0x2
#define REX_B 0x1

static bool is_byte(const struct form *form, enum kind kind, uint8_t size) {
  return kind == K_GPR8 || (kind == K_GPR && size == 1) || (kind == K_GPR && form->sizes == 0);
}

/* What REX must say of a register; @return its three bits */
static uint8_t number_of(uint8_t number, bool byte, uint8_t bit, uint8_t *rex, bool *high) {
  if (byte && number >= HIGH_BYTE) {
    *high = true;
    return number - HIGH_BYTE + 4;
  }
  if (number & 8) *rex |= REX | bit;
  if (byte && number >= 4) *rex |= REX;
  return number & 7;
}

static uint32_t put_address(uint8_t *to, uint8_t reg, const struct address *a) {
  uint8_t *at = to;
  if (a->mode == RIP_RELATIVE) {
    *at++ = (uint8_t)(reg << 3 | 5);
    return (uint32_t)(at - to);
  }
  bool no_base = a->mode == ABSOLUTE || a->base == NO_REGISTER;
  bool sib = no_base || a->index != NO_REGISTER || (a->base & 7) == 4;
  bool none = !a->disp && !no_base && (a->base & 7) != 5, small = a->disp == (int8_t)a->disp && !no_base;
  uint8_t mod = no_base || none ? 0 : small ? 1 : 2;
  *at++ = (uint8_t)(mod << 6 | reg << 3 | (sib ? 4 : a->base & 7));
  if (sib) {
    uint8_t index = a->index == NO_REGISTER ? 4 : a->index & 7;
    *at++ = (uint8_t)(a->scale << 6 | index << 3 | (no_base ? 5 : a->base & 7));
  }
  uint32_t bytes = no_base || mod == 2 ? 4 : mod;
  memcpy(at, &a->disp, bytes);
  return (uint32_t)(at - to) + bytes;
}

uint32_t encode(uint8_t bytes[MOST_BYTES], const struct form *form, const struct operands *o, uint64_t at) {
  uint8_t text[32], *to = text;
  bool memory = o->memory, plus = form->traits & REG_IN_OPCODE;
  bool byte_reg = is_byte(form, form->reg, o->size), byte_rm = !memory && is_byte(form, form->rm, o->size);
  uint8_t rex = o->rex ? REX | o->rex : 0, reg = 0, rm = 0, reg_number = o->reg, rm_number = o->rm;
  if (o->size == 8 && !(form->traits & STACK_SIZE)) rex |= REX | REX_W;
  for (;;) { /* a second time when AH cannot be said with REX */
    bool high = false;
    uint8_t needed = rex;
    reg = form->digit ? form->digit - 1 : form->reg ? number_of(reg_number, byte_reg, REX_R, &needed, &high) : 0;
    if (!memory && (form->rm || plus)) rm = number_of(rm_number, byte_rm, REX_B, &needed, &high);
    if (memory && o->address.mode == BASED) {
      if (o->address.base != NO_REGISTER && o->address.base & 8) needed |= REX | REX_B;
      if (o->address.index != NO_REGISTER && o->address.index & 8) needed |= REX | REX_X;
    }
    if (!high || !needed) {
      rex = needed;
      break;
    }
    if (byte_reg) reg_number &= HIGH_BYTE - 1;
    if (byte_rm) rm_number &= HIGH_BYTE - 1;
  }

  if (o->ignored) *to++ = o->ignored;
  if (o->lock) *to++ = 0xf0;
  if (o->size == 2) *to++ = 0x66;
  if ((memory || form->imm == I_ADDRESS || !form->rm) && o->address.segment) *to++ = o->address.segment;
  if (o->address.short_address) *to++ = 0x67;
  if (form->prefix) *to++ = form->prefix;
  if (rex) *to++ = rex;
  if (form->map) *to++ = 0x0f;
  if (form->map == 2) *to++ = 0x38;
  if (form->map == 3) *to++ = 0x3a;
  *to++ = (uint8_t)(form->opcode | (plus ? rm : 0));
  uint8_t *distance = NULL;
  if (form->traits & X87_REGISTER) {
    *to++ = (uint8_t)(0xc0 | reg << 3 | (o->rm & 7));
  } else if (memory) {
    to += put_address(to, reg, &o->address);
    if (o->address.mode == RIP_RELATIVE) distance = to, to += 4;
  } else if (form->rm && !plus) {
    *to++ = (uint8_t)(0xc0 | reg << 3 | rm);
  }
  memcpy(to, &o->imm, o->imm_bytes);
  to += o->imm_bytes;
  uint32_t length = (uint32_t)(to - text);
  if (distance) {
    int32_t value = (int32_t)((uint64_t)(int64_t)o->address.disp - at - length);
    memcpy(distance, &value, 4);
  }
  if (length > MOST_BYTES) return 0;
  memcpy(bytes, text, length);
  return length;
}
