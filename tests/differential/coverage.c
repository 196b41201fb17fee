/*
 * Whether the forms are all there are: every opcode is handed to the engine's translator, in every
 * shape, and what it knows must be a form or be left out on purpose.
 */
#include "compare.h"
#include "forms.h"
#include "soft/translation/decode.h"

#define MOST_OPS 64

/* What a program may not do here, or what answers differently on each machine. */
static const struct {
  uint8_t map, opcode;
  uint8_t digits; /* of ModRM.reg, a bit each */
} left_out[] = {
    {0, 0x8e, 0xff},                      /* MOV to a segment register: S_SEGMENT has some of it */
    {0, 0xf1, 0xff}, {0, 0xcd, 0xff},     /* INT1; INT n is S_INT */
    {0, 0x6c, 0xff}, {0, 0x6d, 0xff}, {0, 0x6e, 0xff}, {0, 0x6f, 0xff}, /* REP INS, REP OUTS */
    {0, 0xff, 0x28},                      /* far CALL and JMP */
    {1, 0x00, 0x33}, {1, 0x01, 0xff},     /* SLDT, STR, VERR, VERW; SGDT, SIDT, SMSW, RDTSCP, XGETBV and so on */
    {1, 0x02, 0xff}, {1, 0x03, 0xff},     /* LAR, LSL */
    {1, 0x05, 0xff}, {1, 0x07, 0xff}, {1, 0x34, 0xff}, {1, 0x35, 0xff}, /* SYSCALL and so on */
    {1, 0x2a, 0xff},                      /* CVTPI2PS of memory: whether it is of MMX differs */
    {1, 0x31, 0xff}, {1, 0x33, 0xff}, {1, 0xa2, 0xff},                 /* RDTSC, RDPMC, CPUID */
    {1, 0xa1, 0xff}, {1, 0xa9, 0xff},                                  /* POP FS, POP GS */
    {1, 0x0d, 0xff},                      /* PREFETCHW of a register */
    {1, 0xb2, 0xff}, {1, 0xb4, 0xff}, {1, 0xb5, 0xff},                 /* LSS, LFS, LGS */
    {1, 0xae, 0x7f},                      /* XSAVE and so on, RDFSBASE; what is a form is found before */
    {1, 0xc7, 0xf0},                      /* XSAVEC, RDRAND, RDSEED */
    {2, 0x82, 0xff},                      /* INVPCID */
};

/* An instruction as it is tried. */
struct trial {
  uint8_t map, prefix, opcode, digit, rm;
  bool memory, wide;
};

struct translated {
  uint32_t count; /* 0: there is no such instruction */
  bool has_modrm;
  handler *run[MOST_OPS];
};

static uint32_t put_trial(uint8_t bytes[32], const struct trial *trial) {
  static const uint8_t second[] = {0, 0, 0x38, 0x3a};
  uint32_t length = 0;
  if (trial->prefix) bytes[length++] = trial->prefix;
  if (trial->wide) bytes[length++] = 0x48;
  if (trial->map) bytes[length++] = 0x0f;
  if (trial->map > 1) bytes[length++] = second[trial->map];
  bytes[length++] = trial->opcode;
  bytes[length++] = (uint8_t)((trial->memory ? 0 : 0xc0) | trial->digit << 3 | trial->rm);
  return length;
}

static struct translated translate_trial(const struct trial *trial) {
  uint8_t bytes[32] = {0};
  struct op ops[MOST_OPS];
  struct insn insn;
  struct translated result = {0};
  put_trial(bytes, trial);
  if (decode(&insn, bytes, MOST_INSN_BYTES, 8) <= 0) return result;
  struct translator none = {.ops = ops, .room = MOST_OPS, .mode = 8, .flat = true};
  emit_undefined(&none, &insn);
  handler *undefined = ops[0].run;
  struct translator t = {.ops = ops, .room = MOST_OPS, .mode = 8, .flat = true, .sse_checked = true};
  bool known = translate_integer(&t, &insn) || translate_branch(&t, &insn) || translate_string(&t, &insn) ||
               translate_sse(&t, &insn) || translate_system(&t, &insn) || translate_x87(&t, &insn);
  result.has_modrm = insn.has_modrm;
  for (uint32_t i = 0; known && i < t.count; i++) {
    if (ops[i].run == undefined) known = false;
    result.run[i] = ops[i].run;
  }
  result.count = known ? t.count : 0;
  return result;
}

static bool same(const struct translated *a, const struct translated *b) {
  if (a->count != b->count) return false;
  for (uint32_t i = 0; i < a->count; i++) {
    if (a->run[i] != b->run[i]) return false;
  }
  return true;
}

static bool is_raw(const struct form *form, const struct trial *trial) {
  uint8_t bytes[32];
  uint32_t length = put_trial(bytes, trial);
  for (uint32_t i = 0; i < length - 1; i++) {
    if ((uint8_t)form->raw[1 + i] != bytes[i]) return false;
  }
  return true;
}

static bool is_form(const struct form *form, const struct trial *trial, bool has_modrm) {
  if (form->special == S_BYTES) return is_raw(form, trial);
  uint8_t low = form->traits & REG_IN_OPCODE ? 7 : 0;
  if (form->map != trial->map || form->opcode != (trial->opcode & ~low)) return false;
  if (form->digit && form->digit != DIGIT(trial->digit)) return false;
  bool sized = trial->prefix == 0x66 && !form->prefix && (form->sizes & 2 || form->sizes == 1);
  if (form->prefix != trial->prefix && !sized) return false;
  if (trial->wide && form->sizes && !(form->sizes & 8) && form->sizes != 1 && !(form->traits & STACK_SIZE)) return false;
  if (!has_modrm) return true;
  return trial->memory ? !(form->traits & (ONLY_REGISTER | X87_REGISTER)) : !(form->traits & ONLY_MEMORY);
}

static bool is_left_out(const struct trial *trial) {
  for (uint32_t i = 0; i < sizeof left_out / sizeof *left_out; i++) {
    if (left_out[i].map == trial->map && left_out[i].opcode == trial->opcode && left_out[i].digits >> trial->digit & 1) {
      return true;
    }
  }
  return false;
}

static bool is_covered(const struct trial *trial) {
  const struct translated here = translate_trial(trial);
  if (!here.count) return true;
  if (!here.has_modrm && (trial->digit || trial->rm || trial->memory)) return true; /* seen already */
  struct trial bare = *trial, narrow = *trial;
  bare.prefix = 0;
  narrow.wide = false;
  const struct translated without_prefix = translate_trial(&bare), without_wide = translate_trial(&narrow);
  if (trial->prefix && same(&here, &without_prefix)) return true; /* it says nothing */
  if (trial->wide && same(&here, &without_wide)) return true;
  for (uint32_t i = 0; i < form_count; i++) {
    if (is_form(&forms[i], trial, here.has_modrm)) return true;
  }
  return is_left_out(trial);
}

uint32_t uncovered(struct text *text) {
  static const uint8_t prefixes[] = {0, 0x66, 0xf3, 0xf2};
  uint32_t count = 0;
  for (uint32_t i = 0; i < 4 * 256 * 4 * 8 * 2 * 2; i++) {
    struct trial trial = {.map = i & 3, .prefix = prefixes[i >> 2 & 3], .digit = i >> 4 & 7, .memory = i >> 7 & 1,
                          .wide = i >> 8 & 1, .opcode = (uint8_t)(i >> 9)};
    bool escape = trial.map == 1 && (trial.opcode == 0x38 || trial.opcode == 0x3a);
    bool prefix = !trial.map && (trial.opcode == 0x0f || (trial.opcode & 0xf0) == 0x40 || (trial.opcode & 0xe7) == 0x26 ||
                                 (trial.opcode >= 0x64 && trial.opcode <= 0x67) || trial.opcode == 0xf0 ||
                                 trial.opcode == 0xf2 || trial.opcode == 0xf3);
    if (prefix || escape || is_covered(&trial)) continue;
    uint8_t bytes[32];
    uint32_t length = put_trial(bytes, &trial);
    count++;
    text_add(text, "not a form:");
    for (uint32_t j = 0; j < length; j++) text_add(text, " %02x", bytes[j]);
    text_add(text, "\n");
  }
  return count;
}
