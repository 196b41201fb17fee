/*
 * Programs: instructions of random forms with operands that mostly make sense. A few registers point
 * into the scratch area, or are small numbers to index with, and are never written to; which ones
 * differs from program to program.
 *
 * Status flags that an instruction leaves undefined are followed: before one that reads them comes
 * one that defines all.
 */
#include <string.h>

#include "encode.h"
#include "random.h"

#define MOST_LABELS 6
#define FRAME_POINTER 5
#define USER_CS 0x33
#define USER_SS 0x2b

enum flavour { ANYTHING, INTEGERS, VECTORS, FLOATS, PLAIN };

/* A place that must know where a later step begins. */
struct label {
  uint32_t at;    /* in the code */
  uint32_t steps; /* how many more come before it */
  uint16_t undefined;
  enum { RELATIVE8, RELATIVE32, ABSOLUTE32 } kind;
};

struct generator {
  struct random random;
  struct program *program;
  enum flavour flavour;
  bool allows_fs;
  uint16_t undefined;
  uint16_t reserved; /* registers that are not written */
  struct label labels[MOST_LABELS];
  uint32_t label_count;
  uint32_t certain;
  uint16_t form; /* of the steps that are being made */
  bool in_loop;
};

static uint32_t below(struct generator *g, uint32_t bound) { return random_below(&g->random, bound); }
static bool percent(struct generator *g, uint32_t chance) { return random_percent(&g->random, chance); }

static uint64_t here(const struct generator *g) {
  return CODE_ADDRESS + g->program->origin + g->program->bytes;
}

static void reach(struct generator *g, const struct label *label) {
  uint8_t *place = g->program->code + label->at;
  uint32_t distance = g->program->bytes - label->at;
  uint32_t value = label->kind == RELATIVE8    ? distance - 1
                   : label->kind == RELATIVE32 ? distance - 4 : (uint32_t)here(g);
  memcpy(place, &value, label->kind == RELATIVE8 ? 1 : 4);
  g->undefined |= label->undefined;
}

/* Labels whose place this is, or all of them. */
static void reach_labels(struct generator *g, bool all) {
  for (uint32_t i = 0; i < g->label_count;) {
    if (!all && g->labels[i].steps) {
      i++;
      continue;
    }
    reach(g, &g->labels[i]);
    g->labels[i] = g->labels[--g->label_count];
  }
}

/* The 1 or 4 bytes before the present end stand for the beginning of a step soon. */
static void label_ahead(struct generator *g, int kind, uint32_t back) {
  g->labels[g->label_count++] =
      (struct label){g->program->bytes - back, below(g, 4), g->undefined, kind};
}

static void begin_step(struct generator *g) {
  struct program *program = g->program;
  program->steps[program->count] = (struct step){
      (uint16_t)program->bytes, g->undefined, g->form, (uint16_t)g->certain};
}

static void end_step(struct generator *g, const uint8_t *bytes, uint32_t length) {
  struct program *program = g->program;
  memcpy(program->code + program->bytes, bytes, length);
  program->bytes += length;
  program->count++;
  if (!g->label_count) g->certain++;
  for (uint32_t i = 0; i < g->label_count; i++) g->labels[i].steps -= g->labels[i].steps > 0;
}

static void put_raw(struct generator *g, const void *bytes, uint32_t length) {
  begin_step(g);
  end_step(g, bytes, length);
}

/* CMP of any two registers: every status flag is defined. */
static void define_flags(struct generator *g) {
  const uint8_t bytes[] = {0x48, 0x39, (uint8_t)(0xc0 | below(g, 64))};
  uint16_t form = g->form;
  g->form = NO_FORM;
  put_raw(g, bytes, sizeof bytes);
  g->form = form;
  g->undefined = 0;
}

/* MOV of 32 bits. */
static void set_register(struct generator *g, uint8_t number, uint32_t value) {
  uint8_t bytes[6] = {0x41, (uint8_t)(0xb8 | (number & 7))};
  memcpy(bytes + 2, &value, 4);
  put_raw(g, bytes + (number < 8), 6 - (number < 8));
}

static uint32_t scratch_place(struct generator *g, uint32_t bytes, bool aligned) {
  uint32_t place = SCRATCH_ADDRESS + below(g, SCRATCH_BYTES - bytes + 1);
  return aligned ? place & ~15u : place;
}

/* Somewhere in the middle, as string instructions go both ways. */
static uint32_t middle_place(struct generator *g) {
  return percent(g, 4) ? scratch_place(g, 8, false) : SCRATCH_ADDRESS + 0x200 + below(g, SCRATCH_BYTES - 0x400);
}

/* After an instruction that moved a pointer. */
static void renew_pointer(struct generator *g, uint8_t number) {
  if (g->reserved >> number & 1) set_register(g, number, middle_place(g) & ~15u);
}

static uint8_t pick_register(struct generator *g, bool write, bool byte) {
  uint8_t number;
  do number = (uint8_t)below(g, 16);
  while (write && g->reserved >> number & 1);
  return byte && number < 4 && percent(g, 30) ? number + HIGH_BYTE : number;
}

static struct address pick_address(struct generator *g, uint32_t bytes, bool aligned) {
  struct address a = {.mode = BASED, .base = NO_REGISTER, .index = NO_REGISTER, .short_address = percent(g, 4)};
  /* Operands in parts are not put where the parts could fault differently. */
  uint32_t dice = bytes == 10 || bytes > 16 ? 2 + below(g, 98) : below(g, 100);
  aligned = aligned && !percent(g, 2);
  if (dice < 2) { /* anywhere */
    a.base = (uint8_t)below(g, 16);
    if (percent(g, 50)) a.index = (uint8_t)below(g, 16);
    if (a.index == STACK_POINTER) a.index = NO_REGISTER;
    a.scale = a.index == NO_REGISTER ? 0 : (uint8_t)below(g, 4);
    a.disp = percent(g, 50) ? (int8_t)random_next(&g->random) : (int32_t)random_next(&g->random);
  } else if (dice < 11) {
    a.mode = RIP_RELATIVE;
    a.disp = (int32_t)scratch_place(g, bytes, aligned);
  } else if (dice < 15) {
    a.mode = ABSOLUTE;
    a.disp = (int32_t)scratch_place(g, bytes, aligned);
  } else if (dice < 24) {
    bool fs = g->allows_fs && percent(g, 60);
    a.mode = ABSOLUTE;
    a.segment = fs ? 0x64 : 0x65;
    a.disp = (int32_t)(scratch_place(g, bytes, aligned) - (fs ? FS_BASE : GS_BASE));
    a.short_address = a.short_address && a.disp >= 0;
    g->program->uses_fs |= fs;
    if (percent(g, 40)) {
      a.mode = BASED;
      a.base = g->program->indexes[0];
    }
  } else {
    a.base = percent(g, aligned ? 2 : 15) ? STACK_POINTER : g->program->pointers[below(g, POINTERS)];
    if (percent(g, 40)) {
      a.index = g->program->indexes[aligned ? 0 : below(g, INDEXES)];
      a.scale = (uint8_t)below(g, 4);
    }
    a.disp = percent(g, 15) ? 0 : (int32_t)below(g, percent(g, 70) ? 256 : 1024) - 128;
    if (aligned) a.disp &= ~15;
  }
  return a;
}

static uint8_t pick_size(struct generator *g, const struct form *form) {
  if (!form->sizes) return 0;
  uint8_t size;
  do size = (uint8_t)(1 << below(g, 4));
  while (!(form->sizes & size));
  return size;
}

static void pick_immediate(struct generator *g, const struct form *form, struct operands *o) {
  switch (form->imm) {
    case I_BYTE: o->imm_bytes = 1; break;
    case I_WORD: o->imm_bytes = 2; break;
    case I_Z: o->imm_bytes = o->size == 1 ? 1 : o->size == 2 ? 2 : 4; break;
    case I_V: o->imm_bytes = o->size; break;
    case I_ADDRESS:
      o->imm_bytes = o->address.short_address ? 4 : 8;
      o->imm = scratch_place(g, 8, false);
      if (o->address.segment) o->imm -= GS_BASE;
      return;
    default: return;
  }
  o->imm = random_value(&g->random);
}

static bool is_vector(const struct form *form) { return form->reg >= K_XMM || form->rm >= K_XMM; }

static bool is_byte_operand(uint8_t kind, uint8_t size, uint8_t sizes) {
  return kind == K_GPR8 || (kind == K_GPR && (size == 1 || !sizes));
}

static struct operands pick_operands(struct generator *g, const struct form *form) {
  struct operands o = {.size = pick_size(g, form)};
  uint32_t bytes = form->bytes ? form->bytes : o.size ? o.size : 8;
  o.memory = form->rm && !(form->traits & (ONLY_REGISTER | REG_IN_OPCODE)) &&
             (form->traits & ONLY_MEMORY || percent(g, 45));
  if (o.memory) o.address = pick_address(g, bytes, form->traits & ALIGNED || (bytes == 16 && percent(g, 50)));
  if (form->imm == I_ADDRESS) {
    o.address.short_address = percent(g, 10);
    o.address.segment = !o.address.short_address && percent(g, 15) ? 0x65 : 0;
  }
  o.reg = form->reg >= K_XMM ? (uint8_t)below(g, form->reg == K_MMX ? 8 : 16)
                             : pick_register(g, form->traits & WRITES_REG, is_byte_operand(form->reg, o.size, form->sizes));
  o.rm = form->rm >= K_XMM ? (uint8_t)below(g, form->rm == K_MMX ? 8 : 16)
                           : pick_register(g, form->traits & WRITES_RM, is_byte_operand(form->rm, o.size, form->sizes));
  /* With a segment's base, what is checked of an offset that is no address is the processor's choice. */
  if (form->special == S_BIT_OFFSET && o.memory && (o.address.segment || percent(g, 93))) o.reg = g->program->indexes[below(g, INDEXES)];
  pick_immediate(g, form, &o);
  if (form->traits & LOCKS && o.memory) o.lock = percent(g, 40);
  static const uint8_t ignored[] = {0x2e, 0x36, 0x3e, 0x26};
  if (percent(g, 3)) o.ignored = ignored[below(g, 4)];
  if (percent(g, 2) && !form->map && form->opcode < 0x40) o.ignored = percent(g, 50) ? 0xf2 : 0xf3;
  if (percent(g, 3) && form->rm && !form->sizes) o.rex = 8;
  if (percent(g, 3) && form->digit && form->rm) o.rex |= 4;
  return o;
}

/* One instruction; nothing when it cannot be encoded. */
static bool put(struct generator *g, const struct form *form, const struct operands *o) {
  uint8_t bytes[MOST_BYTES];
  begin_step(g);
  uint32_t length = encode(bytes, form, o, here(g));
  if (!length) return false;
  end_step(g, bytes, length);
  /* Processors differ in whether an unmasked exception keeps FCOMI from its flags. */
  uint16_t defined = form->defined, undefined = form->undefined;
  if (form->traits & X87_REGISTER && g->program->unmasks) undefined |= defined;
  g->undefined = (uint16_t)((g->undefined & ~defined) | undefined);
  return true;
}

static const struct form store_immediate = {.opcode = 0xc7, .digit = DIGIT(0), .sizes = 2 | 4 | 8, .rm = K_GPR, .imm = I_Z};

static void store(struct generator *g, const struct address *address, uint8_t size, uint32_t value) {
  struct operands o = {.size = size, .memory = true, .address = *address, .imm = value, .imm_bytes = size == 2 ? 2 : 4};
  put(g, &store_immediate, &o);
}

static void push_immediate(struct generator *g, uint32_t value) {
  uint8_t bytes[5] = {0x68};
  memcpy(bytes + 1, &value, 4);
  put_raw(g, bytes, sizeof bytes);
}

/* Flags of a shift whose count is known. */
static void follow_shift(struct generator *g, const struct form *form, const struct operands *o) {
  uint32_t digit = form->digit - 1u, width = o->size * 8u;
  uint32_t count = (form->imm ? o->imm : 1) & (width == 64 ? 63 : 31);
  uint16_t defined = digit < 4 ? CF : STATUS_FLAGS & ~AF, undefined = digit < 4 ? 0 : AF;
  if (!count) return;
  if (count > 1) undefined |= OF;
  if (count >= width && (digit >= 4 && digit != 7)) undefined |= CF;
  g->undefined = (uint16_t)((g->undefined & ~defined) | undefined);
}

static void put_shift_cl(struct generator *g, const struct form *form, struct operands *o) {
  bool dou = form->special == S_DOUBLE_SHIFT_CL, free_rcx = !(g->reserved & 2);
  if (dou && o->size == 2) o->size = 4;
  if (free_rcx && percent(g, 40)) set_register(g, 1, (uint32_t)random_value(&g->random));
  put(g, form, o);
  g->undefined |= dou || form->digit > 4 ? OF | AF | CF : OF;
}

static void put_double_shift(struct generator *g, const struct form *form, struct operands *o) {
  uint32_t width = o->size * 8u;
  if (width == 16) o->imm &= 15;
  uint32_t count = o->imm & (width == 64 ? 63 : 31);
  put(g, form, o);
  if (count) g->undefined = count == 1 ? AF : AF | OF;
}

static void put_divide(struct generator *g, const struct form *form, const struct operands *o) {
  static const uint8_t widen[][3] = {{0x0f, 0xb6, 0xc0}, {0x66, 0x99}, {0x99}, {0x48, 0x99}};
  static const uint8_t lengths[] = {3, 2, 1, 2};
  if (percent(g, 75)) {
    uint32_t i = o->size == 1 ? 0 : o->size == 2 ? 1 : o->size == 4 ? 2 : 3;
    if (i && form->digit == DIGIT(6)) set_register(g, 2, 0);
    else put_raw(g, widen[i], lengths[i]);
  }
  put(g, form, o);
}

static void put_string(struct generator *g, const struct form *form) {
  struct operands o = {.size = pick_size(g, form)};
  o.address.short_address = percent(g, 6);
  set_register(g, 6, middle_place(g));
  set_register(g, 7, middle_place(g));
  if (percent(g, 8)) {
    o.address.segment = 0x65;
    set_register(g, 6, middle_place(g) - GS_BASE);
    o.address.short_address = false;
  }
  if (form->prefix) set_register(g, 1, below(g, percent(g, 90) ? 20 : 300));
  put(g, form, &o);
  renew_pointer(g, 6);
  renew_pointer(g, 7);
}

static void put_stack_frame(struct generator *g, const struct form *form, struct operands *o) {
  const uint8_t frame[] = {0x48, 0x8d, 0x6c, 0x24, (uint8_t)(below(g, 12) * 8)}; /* LEA RBP, [RSP + n] */
  put_raw(g, frame, sizeof frame);
  if (form->special == S_ENTER) {
    o->imm = below(g, percent(g, 95) ? 16 : 0x2000) * 8 | (percent(g, 70) ? 0 : below(g, 36)) << 16;
    o->imm_bytes = 3;
  }
  put(g, form, o);
  renew_pointer(g, FRAME_POINTER);
}

static void put_popf(struct generator *g, const struct form *form, const struct operands *o) {
  uint32_t image = ((uint32_t)random_next(&g->random) & STATUS_FLAGS) | 0x202 | (percent(g, 15) ? DF : 0);
  uint8_t word[] = {0x66, 0x68, (uint8_t)image, (uint8_t)(image >> 8)};
  if (o->size == 2) put_raw(g, word, sizeof word);
  else push_immediate(g, image);
  put(g, form, o);
}

static void put_forward(struct generator *g, const struct form *form, struct operands *o) {
  static const uint8_t widths[] = {[I_BYTE] = 1, [I_Z] = 4};
  o->imm_bytes = widths[form->imm];
  if (g->label_count == MOST_LABELS) reach_labels(g, true);
  put(g, form, o);
  label_ahead(g, form->imm == I_BYTE ? RELATIVE8 : RELATIVE32, o->imm_bytes);
}

/* An address that is none, in a register. */
static uint8_t put_wild_target(struct generator *g) {
  uint8_t number = pick_register(g, true, false), bytes[10] = {number & 8 ? 0x49 : 0x48, 0xb8 | (number & 7)};
  const uint64_t target = 0x800000000000ull << below(g, 16);
  memcpy(bytes + 2, &target, 8);
  put_raw(g, bytes, sizeof bytes);
  return number;
}

static void put_jump_rm(struct generator *g, const struct form *form, struct operands *o) {
  if (!o->memory && percent(g, 4)) {
    o->rm = put_wild_target(g);
    put(g, form, o);
    return;
  }
  if (o->memory) {
    store(g, &o->address, 8, 0);
  } else {
    if (g->reserved >> o->rm & 1) o->rm = pick_register(g, true, false);
    set_register(g, o->rm, 0);
  }
  label_ahead(g, ABSOLUTE32, 4);
  put(g, form, o);
}

static void put_return(struct generator *g, const struct form *form, struct operands *o) {
  bool far = form->special == S_FAR_RETURN, iret = form->special == S_IRET;
  if (form->imm) o->imm = below(g, 4) * 8;
  if (iret) {
    push_immediate(g, USER_SS);
    const uint8_t push_rsp = 0x54;
    put_raw(g, &push_rsp, 1);
    push_immediate(g, ((uint32_t)random_next(&g->random) & STATUS_FLAGS) | 0x202);
  }
  if (far || iret) push_immediate(g, USER_CS);
  if (percent(g, 4)) {
    uint8_t number = put_wild_target(g), push[] = {number & 8 ? 0x41 : 0x40, 0x50 | (number & 7)};
    put_raw(g, push, sizeof push);
    put(g, form, o);
    return;
  }
  push_immediate(g, 0);
  label_ahead(g, ABSOLUTE32, 4);
  put(g, form, o);
}

/* Stores x87 state, and zeros where the last instruction's pointers are: processors differ in those. */
static void put_save_state(struct generator *g, const struct form *form, struct operands *o) {
  static const struct { uint8_t from, size; } fxsave[] = {{6, 2}, {8, 8}, {16, 8}, {28, 4}},
                                              wide[] = {{12, 4}, {16, 4}, {20, 4}, {24, 4}},
                                              narrow[] = {{6, 2}, {8, 2}, {10, 2}, {12, 2}};
  put(g, form, o);
  for (int i = 0; i < 4; i++) {
    struct address at = o->address;
    uint8_t from = form->map ? fxsave[i].from : o->size == 2 ? narrow[i].from : wide[i].from;
    at.disp += from;
    store(g, &at, form->map ? fxsave[i].size : o->size == 2 ? narrow[i].size : wide[i].size, 0);
  }
}

/* What an instruction that loads state has to find is stored there before. */
static void put_load_state(struct generator *g, const struct form *form, struct operands *o) {
  struct form save = *form;
  save.special = S_NONE;
  switch (form->special) {
    case S_LDMXCSR: store(g, &o->address, 4, random_mxcsr(&g->random, g->program->unmasks)); break;
    case S_FLDCW: store(g, &o->address, 2, random_fpu_control(&g->random, g->program->unmasks)); break;
    case S_FXRSTOR: save.digit = DIGIT(0); put_save_state(g, &save, o); break;
    default: save.digit = DIGIT(6); put_save_state(g, &save, o); break;
  }
  put(g, form, o);
}

/* No null selectors with a privilege: they become 0 whenever an interrupt is over. */
static void put_segment(struct generator *g) {
  static const uint8_t selectors[] = {0, USER_SS, USER_SS & ~3}, digits[] = {0, 2, 3}; /* ES, SS, DS */
  uint8_t selector = selectors[below(g, sizeof selectors)], digit = digits[below(g, 3)];
  uint8_t number = pick_register(g, true, false);
  set_register(g, number, selector);
  uint8_t bytes[] = {number & 8 ? 0x41 : 0x40, 0x8e, (uint8_t)(0xc0 | digit << 3 | (number & 7))};
  put_raw(g, bytes, sizeof bytes);
}

static void put_int(struct generator *g) {
  static const uint8_t vectors[] = {0, 1, 2, 4, 5, 6, 8, 13, 14, 0x20, 0x40, 0x7f, 0x81, 0xf0};
  const uint8_t bytes[] = {0xcd, vectors[below(g, sizeof vectors)]};
  put_raw(g, bytes, sizeof bytes);
}

static void put_any(struct generator *g);

/* Up to four instructions, a few times. */
static void put_loop(struct generator *g, const struct form *form) {
  set_register(g, 1, 1 + below(g, 6));
  uint32_t start = g->program->bytes;
  uint16_t reserved = g->reserved, number = g->form;
  g->reserved |= 2;
  g->in_loop = true;
  for (uint32_t i = below(g, 4) + 1; i > 0; i--) put_any(g);
  g->in_loop = false;
  g->reserved = reserved;
  g->form = number;
  define_flags(g);
  uint32_t back = g->program->bytes + 2 - start;
  if (back > 128) return;
  struct operands o = {.imm = (uint64_t)-(int64_t)back, .imm_bytes = 1};
  put(g, form, &o);
}

/* Steps that belong together: no branch leads between them. */
static bool is_group(uint8_t special) {
  return special != S_NONE && special != S_SHIFT && special != S_BIT_OFFSET && special != S_DOUBLE_SHIFT &&
         special != S_CONDITIONAL_JUMP && special != S_JUMP && special != S_CALL && special != S_BYTES &&
         special != S_INT;
}

/* What compilers make most of, with nothing else in between: long runs of it become native code. */
static bool is_plain(const struct form *form) {
  if (form->prefix || (form->special != S_NONE && form->special != S_SHIFT)) return false;
  if (form->rm != K_GPR && !(form->traits & STACK_SIZE)) return form->map == 0 && form->opcode < 0xd8 && form->imm;
  uint8_t row = form->opcode & 0xf0;
  return form->map == 0 || (form->map == 1 && (row == 0x40 || row == 0x90 || row == 0xa0 || row == 0xb0));
}

static bool fits_flavour(const struct generator *g, const struct form *form) {
  bool x87 = !form->map && form->opcode >= 0xd8 && form->opcode <= 0xdf;
  switch (g->flavour) {
    case INTEGERS: return !x87 && !is_vector(form);
    case VECTORS: return is_vector(form);
    case FLOATS: return x87 || form->rm == K_MMX;
    default: return true;
  }
}

static bool is_possible(struct generator *g, const struct form *form) {
  uint16_t reserved = g->reserved;
  if (form->special == S_STRING || form->special == S_ENTER || form->special == S_LEAVE) {
    for (int i = 0; i < POINTERS; i++) reserved &= ~(1u << g->program->pointers[i]); /* they go on pointing */
  }
  if (form->clobbers & reserved) return false;
  if (form->traits & IN_STAGES && g->program->unmasks) return false;
  if (form->special == S_XLAT && g->reserved & 8) return false;
  if (form->special == S_MASKMOV && g->reserved & 0x80) return false;
  if (g->in_loop && (is_group(form->special) || form->special >= S_CONDITIONAL_JUMP)) return false;
  if (g->in_loop && form->special >= S_STRING) return false;
  return true;
}

static const struct form *pick_form(struct generator *g) {
  for (;;) {
    uint32_t number = below(g, form_count);
    const struct form *form = &forms[number];
    bool faults = form->special == S_BYTES || form->special == S_INT || form->traits & X87_REGISTER;
    if (form->traits & RARE && !percent(g, faults ? 4 : 15)) continue;
    if (form->traits & HINT && !percent(g, 5)) continue;
    if (g->flavour == PLAIN ? !is_plain(form) : percent(g, 80) && !fits_flavour(g, form)) continue;
    if (!is_possible(g, form)) continue;
    g->form = (uint16_t)number;
    return form;
  }
}

static void put_special(struct generator *g, const struct form *form, struct operands *o) {
  switch (form->special) {
    case S_SHIFT:
      if (put(g, form, o)) follow_shift(g, form, o);
      break;
    case S_SHIFT_CL: case S_DOUBLE_SHIFT_CL: put_shift_cl(g, form, o); break;
    case S_DOUBLE_SHIFT: put_double_shift(g, form, o); break;
    case S_DIVIDE: put_divide(g, form, o); break;
    case S_STRING: put_string(g, form); break;
    case S_XLAT:
      set_register(g, 3, middle_place(g));
      put(g, form, o);
      break;
    case S_MASKMOV: /* whether bytes that are not stored may fault is the processor's choice */
      set_register(g, 7, scratch_place(g, 16, false));
      put(g, form, o);
      break;
    case S_ENTER: case S_LEAVE: put_stack_frame(g, form, o); break;
    case S_POPF: put_popf(g, form, o); break;
    case S_LOOP:
      if (form->opcode != 0xe3 && percent(g, 60)) put_loop(g, form);
      else put_forward(g, form, o);
      break;
    case S_CONDITIONAL_JUMP: case S_JUMP: case S_CALL: put_forward(g, form, o); break;
    case S_JUMP_RM: case S_CALL_RM: put_jump_rm(g, form, o); break;
    case S_RETURN: case S_FAR_RETURN: case S_IRET: put_return(g, form, o); break;
    case S_SAVE_STATE: put_save_state(g, form, o); break;
    case S_LDMXCSR: case S_FLDCW: case S_FLDENV: case S_FRSTOR: case S_FXRSTOR: put_load_state(g, form, o); break;
    case S_SEGMENT: put_segment(g); break;
    case S_INT: put_int(g); break;
    case S_BYTES: put_raw(g, form->raw + 1, (uint32_t)form->raw[0]); break;
    default: put(g, form, o); break;
  }
}

static void put_any(struct generator *g) {
  const struct form *form = pick_form(g);
  bool group = is_group(form->special);
  if (group) reach_labels(g, true);
  if (form->reads & g->undefined) define_flags(g);
  struct operands o = pick_operands(g, form);
  if (form->traits & X87_REGISTER && form->clobbers & g->reserved) o.rm = 1;
  put_special(g, form, &o);
  reach_labels(g, false);
}

static uint8_t pick_free(struct generator *g) {
  uint8_t number;
  do number = (uint8_t)below(g, 16);
  while (g->reserved >> number & 1);
  g->reserved |= (uint16_t)(1 << number);
  return number;
}

static void pick_roles(struct generator *g) {
  g->reserved = 1 << STACK_POINTER;
  for (int i = 0; i < POINTERS; i++) g->program->pointers[i] = pick_free(g);
  for (int i = 0; i < INDEXES; i++) g->program->indexes[i] = pick_free(g);
}

void program_generate(struct program *program, uint64_t seed) {
  static const enum flavour flavours[] = {ANYTHING, ANYTHING, INTEGERS, INTEGERS, VECTORS, FLOATS, PLAIN, PLAIN};
  struct generator g = {.random = random_of(seed, 0), .program = program};
  program->seed = seed;
  program->bytes = program->count = 0;
  program->uses_fs = program->any_address = false;
  pick_roles(&g);
  program->origin = below(&g, CODE_BYTES - PROGRAM_BYTES);
  g.flavour = flavours[below(&g, sizeof flavours / sizeof *flavours)];
  g.allows_fs = percent(&g, 20);
  program->unmasks = percent(&g, 10);
  uint32_t wanted = 24 + below(&g, 40);
  while (program->count < wanted && program->bytes < PROGRAM_BYTES - 400) put_any(&g);
  reach_labels(&g, true);
  g.form = NO_FORM;
  begin_step(&g);
  program_end(program);
}

void program_end(struct program *program) {
  struct step *end = &program->steps[program->count];
  end->start = (uint16_t)program->bytes;
  const uint32_t gateway = GATEWAY_ADDRESS;
  uint8_t leave[] = {0xff, 0x24, 0x25, 0, 0, 0, 0}; /* JMP [GATEWAY_ADDRESS] */
  memcpy(leave + 3, &gateway, 4);
  memcpy(program->code + program->bytes, leave, sizeof leave);
  memset(program->code + program->bytes + sizeof leave, 0xcc, PROGRAM_BYTES - program->bytes - sizeof leave);
}
