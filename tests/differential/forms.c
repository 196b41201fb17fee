#include "forms.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct form forms[MOST_FORMS];
uint32_t form_count;

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define ALL STATUS_FLAGS
#define BYTE 1
#define WIDE (2 | 4 | 8)
#define RAX_BIT 0x1
#define RCX_BIT 0x2
#define RDX_BIT 0x4
#define RSI_BIT 0x40
#define RDI_BIT 0x80

static void add(struct form form) {
  if (form_count == MOST_FORMS) {
    fprintf(stderr, "MOST_FORMS is too small\n");
    _exit(3);
  }
  forms[form_count++] = form;
}

#define FORM(...) add((struct form){__VA_ARGS__})

/* Of bytes, and with the next opcode of the other sizes. */
static void add_both(struct form form) {
  form.sizes = BYTE;
  add(form);
  form.opcode++;
  form.sizes = WIDE;
  add(form);
}
#define BOTH(...) add_both((struct form){__VA_ARGS__})

static void add_alu(void) {
  static const uint16_t undefined[8] = {[1] = AF, [4] = AF, [6] = AF}, reads[8] = {[2] = CF, [3] = CF};
  for (uint8_t i = 0; i < 8; i++) {
    const struct form base = {.undefined = undefined[i], .defined = ALL & ~undefined[i],
                              .reads = reads[i]};
    bool compare = i == 7;
    struct form form = base;
    form.opcode = i * 8;
    form.reg = form.rm = K_GPR;
    form.traits = compare ? 0 : WRITES_RM | LOCKS;
    add_both(form);
    form.opcode = i * 8 + 2;
    form.traits = compare ? 0 : WRITES_REG;
    add_both(form);
    form = base;
    form.opcode = i * 8 + 4;
    form.imm = I_Z;
    form.clobbers = compare ? 0 : RAX_BIT;
    add_both(form);
    form = base;
    form.digit = DIGIT(i);
    form.rm = K_GPR;
    form.traits = compare ? 0 : WRITES_RM | LOCKS;
    form.opcode = 0x80;
    form.imm = I_Z;
    add_both(form);
    form.opcode = 0x83;
    form.imm = I_BYTE;
    form.sizes = WIDE;
    add(form);
  }
  BOTH(.opcode = 0x84, .reg = K_GPR, .rm = K_GPR, .defined = ALL & ~AF, .undefined = AF);
  BOTH(.opcode = 0xa8, .imm = I_Z, .defined = ALL & ~AF, .undefined = AF);
  for (uint8_t digit = 0; digit < 2; digit++) {
    BOTH(.opcode = 0xf6, .digit = DIGIT(digit), .rm = K_GPR, .imm = I_Z, .defined = ALL & ~AF, .undefined = AF);
    BOTH(.opcode = 0xfe, .digit = DIGIT(digit), .rm = K_GPR, .traits = WRITES_RM | LOCKS, .defined = ALL & ~CF);
  }
  BOTH(.opcode = 0xf6, .digit = DIGIT(2), .rm = K_GPR, .traits = WRITES_RM | LOCKS);
  BOTH(.opcode = 0xf6, .digit = DIGIT(3), .rm = K_GPR, .traits = WRITES_RM | LOCKS, .defined = ALL);
  BOTH(.map = 1, .opcode = 0xb0, .reg = K_GPR, .rm = K_GPR, .traits = WRITES_RM | LOCKS, .clobbers = RAX_BIT,
       .defined = ALL);
  BOTH(.map = 1, .opcode = 0xc0, .reg = K_GPR, .rm = K_GPR, .traits = WRITES_RM | WRITES_REG | LOCKS,
       .defined = ALL);
  FORM(.map = 1, .opcode = 0xc7, .digit = DIGIT(1), .sizes = 4, .rm = K_GPR, .bytes = 8, .traits = ONLY_MEMORY | LOCKS,
       .clobbers = RAX_BIT | RDX_BIT, .defined = ZF);
  FORM(.map = 1, .opcode = 0xc7, .digit = DIGIT(1), .sizes = 8, .rm = K_GPR, .bytes = 16,
       .traits = ONLY_MEMORY | LOCKS | ALIGNED, .clobbers = RAX_BIT | RDX_BIT, .defined = ZF);
}

static void add_multiplications(void) {
  const uint16_t defined = CF | OF, undefined = ALL & ~defined;
  for (uint8_t digit = 4; digit < 8; digit++) {
    bool divide = digit >= 6;
    struct form form = {.opcode = 0xf6, .digit = DIGIT(digit), .sizes = BYTE, .rm = K_GPR, .clobbers = RAX_BIT,
                        .special = divide ? S_DIVIDE : S_NONE, .defined = divide ? 0 : defined,
                        .undefined = divide ? ALL : undefined};
    add(form);
    form.opcode = 0xf7;
    form.sizes = WIDE;
    form.clobbers = RAX_BIT | RDX_BIT;
    add(form);
  }
  FORM(.map = 1, .opcode = 0xaf, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR, .traits = WRITES_REG,
       .defined = defined, .undefined = undefined);
  FORM(.opcode = 0x69, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR, .imm = I_Z, .traits = WRITES_REG,
       .defined = defined, .undefined = undefined);
  FORM(.opcode = 0x6b, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR, .imm = I_BYTE, .traits = WRITES_REG,
       .defined = defined, .undefined = undefined);
}

/* Flags of shifts depend on the count: generate.c. */
static void add_shifts(void) {
  for (uint8_t digit = 0; digit < 8; digit++) {
    uint16_t reads = digit == 2 || digit == 3 ? CF : 0;
    BOTH(.opcode = 0xc0, .digit = DIGIT(digit), .rm = K_GPR, .imm = I_BYTE, .traits = WRITES_RM, .special = S_SHIFT,
         .reads = reads);
    BOTH(.opcode = 0xd0, .digit = DIGIT(digit), .rm = K_GPR, .traits = WRITES_RM, .special = S_SHIFT, .reads = reads);
    BOTH(.opcode = 0xd2, .digit = DIGIT(digit), .rm = K_GPR, .traits = WRITES_RM, .special = S_SHIFT_CL, .reads = reads);
  }
  for (uint8_t opcode = 0xa4; opcode <= 0xac; opcode += 8) {
    FORM(.map = 1, .opcode = opcode, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR, .imm = I_BYTE, .traits = WRITES_RM,
         .special = S_DOUBLE_SHIFT);
    FORM(.map = 1, .opcode = opcode + 1, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR, .traits = WRITES_RM,
         .special = S_DOUBLE_SHIFT_CL);
  }
}

static void add_bits(void) {
  const uint16_t undefined = ALL & ~(CF | ZF);
  for (uint8_t i = 0; i < 4; i++) { /* BT, BTS, BTR, BTC */
    uint16_t traits = i ? WRITES_RM | LOCKS : 0;
    FORM(.map = 1, .opcode = 0xa3 + 8 * i, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR, .traits = traits,
         .special = S_BIT_OFFSET, .defined = CF, .undefined = undefined);
    FORM(.map = 1, .opcode = 0xba, .digit = DIGIT(4 + i), .sizes = WIDE, .rm = K_GPR, .imm = I_BYTE, .traits = traits,
         .defined = CF, .undefined = undefined);
  }
  for (uint8_t opcode = 0xbc; opcode <= 0xbd; opcode++) {
    FORM(.map = 1, .opcode = opcode, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR, .traits = WRITES_REG, .defined = ZF,
         .undefined = ALL & ~ZF);
  }
  FORM(.map = 1, .prefix = 0xf3, .opcode = 0xb8, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR, .traits = WRITES_REG,
       .defined = ALL);
  FORM(.map = 1, .opcode = 0xc8, .sizes = 4 | 8, .rm = K_GPR, .traits = REG_IN_OPCODE | WRITES_RM);
  FORM(.map = 2, .opcode = 0xf0, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR, .traits = ONLY_MEMORY | WRITES_REG);
  FORM(.map = 2, .opcode = 0xf1, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR, .traits = ONLY_MEMORY | WRITES_RM);
  FORM(.map = 2, .prefix = 0xf2, .opcode = 0xf0, .sizes = 4 | 8, .reg = K_GPR, .rm = K_GPR8, .bytes = 1,
       .traits = WRITES_REG);
  FORM(.map = 2, .prefix = 0xf2, .opcode = 0xf1, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR, .traits = WRITES_REG);
}

/* Flags that condition 2n of the opcode reads. */
static const uint16_t condition_reads[8] = {OF, CF, ZF, CF | ZF, SF, PF, SF | OF, SF | OF | ZF};

static void add_moves(void) {
  BOTH(.opcode = 0x88, .reg = K_GPR, .rm = K_GPR, .traits = WRITES_RM);
  BOTH(.opcode = 0x8a, .reg = K_GPR, .rm = K_GPR, .traits = WRITES_REG);
  BOTH(.opcode = 0xc6, .digit = DIGIT(0), .rm = K_GPR, .imm = I_Z, .traits = WRITES_RM);
  BOTH(.opcode = 0x86, .reg = K_GPR, .rm = K_GPR, .traits = WRITES_RM | WRITES_REG | LOCKS);
  FORM(.opcode = 0xb0, .sizes = BYTE, .rm = K_GPR, .imm = I_V, .traits = REG_IN_OPCODE | WRITES_RM);
  FORM(.opcode = 0xb8, .sizes = WIDE, .rm = K_GPR, .imm = I_V, .traits = REG_IN_OPCODE | WRITES_RM);
  FORM(.opcode = 0x90, .sizes = WIDE, .rm = K_GPR, .traits = REG_IN_OPCODE | WRITES_RM, .clobbers = RAX_BIT);
  BOTH(.opcode = 0xa0, .imm = I_ADDRESS, .clobbers = RAX_BIT);
  BOTH(.opcode = 0xa2, .imm = I_ADDRESS);
  FORM(.opcode = 0x63, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR32, .bytes = 4, .traits = WRITES_REG);
  for (uint8_t opcode = 0xb6; opcode <= 0xbe; opcode += 8) { /* MOVZX, MOVSX */
    FORM(.map = 1, .opcode = opcode, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR8, .bytes = 1, .traits = WRITES_REG);
    FORM(.map = 1, .opcode = opcode + 1, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR16, .bytes = 2,
         .traits = WRITES_REG);
  }
  FORM(.opcode = 0x8d, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR, .traits = WRITES_REG | ONLY_MEMORY | NO_ACCESS);
  FORM(.opcode = 0x98, .sizes = WIDE, .clobbers = RAX_BIT);
  FORM(.opcode = 0x99, .sizes = WIDE, .clobbers = RDX_BIT);
  FORM(.opcode = 0xd7, .clobbers = RAX_BIT, .special = S_XLAT);
  for (uint8_t i = 0; i < 16; i++) {
    uint16_t reads = condition_reads[i >> 1];
    FORM(.map = 1, .opcode = 0x40 + i, .sizes = WIDE, .reg = K_GPR, .rm = K_GPR, .traits = WRITES_REG, .reads = reads);
    FORM(.map = 1, .opcode = 0x90 + i, .rm = K_GPR8, .bytes = 1, .traits = WRITES_RM, .reads = reads);
  }
  FORM(.opcode = 0x9f, .clobbers = RAX_BIT, .reads = ALL & ~OF);
  FORM(.opcode = 0x9e, .defined = ALL & ~OF);
  FORM(.opcode = 0xf5, .reads = CF);
  FORM(.opcode = 0xf8, .defined = CF);
  FORM(.opcode = 0xf9, .defined = CF);
  FORM(.opcode = 0xfc);
  FORM(.opcode = 0xfd, .traits = RARE);
  FORM(.opcode = 0x90, .traits = RARE);
  FORM(.opcode = 0x90, .prefix = 0xf3, .traits = RARE);
  for (uint8_t digit = 0; digit < 8; digit++) { /* hints: prefetches, ENDBR, NOP and such that are reserved */
    FORM(.map = 1, .opcode = 0x0d, .digit = DIGIT(digit), .rm = K_GPR, .traits = ONLY_MEMORY | NO_ACCESS | HINT);
    for (uint8_t opcode = 0x18; opcode < 0x20; opcode++) {
      FORM(.map = 1, .opcode = opcode, .digit = DIGIT(digit), .sizes = WIDE, .rm = K_GPR, .traits = NO_ACCESS | HINT);
    }
  }
  FORM(.map = 1, .opcode = 0xae, .digit = DIGIT(7), .rm = K_GPR, .bytes = 1, .traits = ONLY_MEMORY | RARE);
  for (uint8_t digit = 5; digit < 8; digit++) {
    FORM(.map = 1, .opcode = 0xae, .digit = DIGIT(digit), .rm = K_GPR64, .traits = ONLY_REGISTER | RARE);
  }
  FORM(.map = 1, .opcode = 0xc3, .sizes = 4 | 8, .reg = K_GPR, .rm = K_GPR, .traits = ONLY_MEMORY | WRITES_RM);
}

static void add_stack(void) {
  FORM(.opcode = 0x50, .sizes = 2 | 4, .rm = K_GPR, .traits = REG_IN_OPCODE | STACK_SIZE);
  FORM(.opcode = 0x58, .sizes = 2 | 4, .rm = K_GPR, .traits = REG_IN_OPCODE | STACK_SIZE | WRITES_RM);
  FORM(.opcode = 0x68, .sizes = 2 | 4, .imm = I_Z, .traits = STACK_SIZE);
  FORM(.opcode = 0x6a, .sizes = 2 | 4, .imm = I_BYTE, .traits = STACK_SIZE);
  FORM(.opcode = 0xff, .digit = DIGIT(6), .sizes = 2 | 4, .rm = K_GPR, .traits = STACK_SIZE);
  FORM(.opcode = 0x8f, .digit = DIGIT(0), .sizes = 2 | 4, .rm = K_GPR, .traits = STACK_SIZE | WRITES_RM);
  FORM(.opcode = 0x9c, .sizes = 2 | 4, .traits = STACK_SIZE, .reads = ALL);
  FORM(.opcode = 0x9d, .sizes = 2 | 4, .traits = STACK_SIZE, .special = S_POPF, .defined = ALL);
  FORM(.opcode = 0xc8, .sizes = 2 | 4, .special = S_ENTER, .clobbers = 0x20);
  FORM(.opcode = 0xc9, .sizes = 2 | 4, .special = S_LEAVE, .clobbers = 0x20);
  for (uint8_t opcode = 0xa0; opcode <= 0xa8; opcode += 8) { /* PUSH FS, PUSH GS */
    FORM(.map = 1, .opcode = opcode, .sizes = 2 | 4, .traits = STACK_SIZE | RARE);
  }
  for (uint8_t digit = 0; digit < 6; digit++) { /* MOV from segment registers: to memory 2 bytes */
    FORM(.opcode = 0x8c, .digit = DIGIT(digit), .sizes = WIDE, .rm = K_GPR, .bytes = 2, .traits = WRITES_RM | RARE);
  }
  FORM(.opcode = 0x8e, .special = S_SEGMENT, .traits = RARE);
}

static void add_branches(void) {
  for (uint8_t i = 0; i < 16; i++) {
    uint16_t reads = condition_reads[i >> 1];
    FORM(.opcode = 0x70 + i, .special = S_CONDITIONAL_JUMP, .imm = I_BYTE, .reads = reads);
    FORM(.map = 1, .opcode = 0x80 + i, .special = S_CONDITIONAL_JUMP, .imm = I_Z, .reads = reads);
  }
  for (uint8_t opcode = 0xe0; opcode < 0xe4; opcode++) {
    FORM(.opcode = opcode, .special = S_LOOP, .imm = I_BYTE, .clobbers = opcode == 0xe3 ? 0 : RCX_BIT,
         .reads = opcode < 0xe2 ? ZF : 0);
  }
  FORM(.opcode = 0xeb, .special = S_JUMP, .imm = I_BYTE);
  FORM(.opcode = 0xe9, .special = S_JUMP, .imm = I_Z);
  FORM(.opcode = 0xe8, .special = S_CALL, .imm = I_Z);
  FORM(.opcode = 0xff, .digit = DIGIT(4), .rm = K_GPR64, .special = S_JUMP_RM);
  FORM(.opcode = 0xff, .digit = DIGIT(2), .rm = K_GPR64, .special = S_CALL_RM);
  FORM(.opcode = 0xc3, .special = S_RETURN);
  FORM(.opcode = 0xc2, .special = S_RETURN, .imm = I_WORD);
  FORM(.opcode = 0xcb, .special = S_FAR_RETURN, .sizes = 4 | 8, .traits = RARE);
  FORM(.opcode = 0xca, .special = S_FAR_RETURN, .sizes = 4 | 8, .imm = I_WORD, .traits = RARE);
  FORM(.opcode = 0xcf, .special = S_IRET, .sizes = 8, .defined = ALL, .traits = RARE);
}

static void add_strings(void) {
  static const uint8_t opcodes[] = {0xa4, 0xa6, 0xaa, 0xac, 0xae};
  static const uint8_t repeats[] = {0, 0xf3, 0xf2};
  for (size_t i = 0; i < LENGTH(opcodes); i++) {
    bool compares = opcodes[i] == 0xa6 || opcodes[i] == 0xae;
    for (size_t repeat = 0; repeat < LENGTH(repeats); repeat++) {
      uint16_t clobbers = repeat ? RCX_BIT : 0;
      if (opcodes[i] < 0xa8 || opcodes[i] == 0xac) clobbers |= RSI_BIT;
      if (opcodes[i] != 0xac) clobbers |= RDI_BIT;
      if (opcodes[i] == 0xac) clobbers |= RAX_BIT;
      /* A count of 0 leaves the flags. */
      BOTH(.opcode = opcodes[i], .prefix = repeats[repeat], .special = S_STRING, .clobbers = clobbers,
           .defined = compares && !repeat ? ALL : 0);
    }
  }
}

/* Instructions that user code may not run, or that do not exist. */
static void add_refused(void) {
  static const char *const texts[] = {
      "\1\xf4", "\1\xfa", "\1\xfb", "\1\x6c", "\1\x6d", "\1\x6e", "\1\x6f", "\2\xe4\x60", "\2\xe5\x60", "\2\xe6\x80",
      "\2\xe7\x80", "\1\xec", "\1\xed", "\1\xee", "\1\xef", "\2\x66\xed", "\2\x0f\x06",
      "\2\x0f\x08", "\2\x0f\x09", "\3\x0f\x20\xc0", "\3\x0f\x20\xd8", "\3\x0f\x22\xc0", "\3\x0f\x22\xe0",
      "\3\x0f\x21\xf8", "\3\x0f\x23\xf8", "\4\x44\x0f\x20\xc0", "\2\x0f\x30", "\2\x0f\x32", "\3\x0f\x00\xd0",
      "\3\x0f\x00\xd8", "\3\x0f\x01\xf0", "\3\x0f\x01\xf8", "\4\x0f\x01\x10\x90", "\4\x0f\x01\x18\x90",
      "\4\x0f\x01\x38\x90",
      /* Not in 64-bit mode. */
      "\1\x06", "\1\x07", "\1\x0e", "\1\x16", "\1\x17", "\1\x1e", "\1\x1f", "\1\x27", "\1\x2f", "\1\x37", "\1\x3f",
      "\1\x60", "\1\x61", "\3\x82\xc0\x01", "\1\x9a", "\1\xce", "\1\xd6", "\1\xea", "\2\xd4\x0a", "\2\xd5\x0a",
      /* Nowhere. */
      "\2\x0f\x0b", "\3\x0f\xb9\xc0", "\3\x0f\xff\xc0", "\2\x0f\x04", "\2\x0f\x0a", "\2\x0f\x0c", "\3\x0f\x24\xc0",
      "\3\x0f\x26\xc0", "\3\x0f\xa6\xc0", "\3\x0f\xa7\xc0", "\4\x0f\xba\xc0\x01", "\3\x0f\xc7\xc8", "\2\xfe\xd0",
      "\2\xff\xf8", "\3\xc6\xc8\x01", "\2\x8f\xc8", "\2\x8d\xc0", "\2\x8e\xc8", "\2\x8e\xf0", "\2\x8c\xf8",
      "\3\x0f\xb2\xc0", "\2\xff\xe8", "\2\xff\xd8", "\3\x0f\x13\xc0", "\3\x0f\x17\xc0", "\3\x0f\xc3\xc0",
      "\3\x0f\x2b\xc0", "\4\x66\x0f\x12\xc0", "\4\xf2\x0f\xf0\xc0", "\4\x66\x0f\xe7\xc0",
      /* LOCK where it is not allowed. */
      "\2\xf0\x90", "\3\xf0\x01\xc8", "\3\xf0\x89\x08", "\3\xf0\x39\x08", "\4\xf0\x0f\xa3\x08", "\3\xf0\xd1\x20",
      "\3\xf0\x8d\x00", "\4\xf0\x0f\xaf\x00", "\2\xf0\xc3", "\4\xf0\x0f\x58\xc0", "\3\xf0\xd8\xc0", "\2\xf0\xa4",
      "\3\xf0\x87\xc8", "\4\xf0\x0f\x0b\x90", "\2\xf0\xf4",
  };
  for (size_t i = 0; i < LENGTH(texts); i++) FORM(.special = S_BYTES, .raw = texts[i], .traits = RARE);
  FORM(.opcode = 0xcc, .traits = RARE);
  FORM(.opcode = 0xcd, .special = S_INT, .imm = I_BYTE, .traits = RARE);
}

/* Packed integers of 16 bytes, `opcodes` of one map, with 66; without it of 8 bytes where MMX is. */
static void add_packed(uint8_t map, const uint8_t *opcodes, size_t count, bool mmx) {
  for (size_t i = 0; i < count; i++) {
    FORM(.map = map, .prefix = 0x66, .opcode = opcodes[i], .reg = K_XMM, .rm = K_XMM, .bytes = 16, .traits = ALIGNED);
    if (mmx) FORM(.map = map, .opcode = opcodes[i], .reg = K_MMX, .rm = K_MMX, .bytes = 8);
  }
}

static void add_integer_vectors(bool mmx) {
  static const uint8_t both[] = {
      0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x74, 0x75, 0x76, 0xd1, 0xd2, 0xd3,
      0xd4, 0xd5, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe8, 0xe9,
      0xea, 0xeb, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd,
      0xfe};
  static const uint8_t only_xmm[] = {0x6c, 0x6d};
  static const uint8_t both_38[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
                                    0x1c, 0x1d, 0x1e};
  static const uint8_t only_xmm_38[] = {0x10, 0x14, 0x15, 0x28, 0x29, 0x2b, 0x37, 0x38, 0x39, 0x3a,
                                        0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41};
  add_packed(1, both, LENGTH(both), mmx);
  add_packed(1, only_xmm, LENGTH(only_xmm), false);
  add_packed(2, both_38, LENGTH(both_38), mmx);
  add_packed(2, only_xmm_38, LENGTH(only_xmm_38), false);
  FORM(.map = 2, .prefix = 0x66, .opcode = 0x17, .reg = K_XMM, .rm = K_XMM, .bytes = 16, .traits = ALIGNED,
       .defined = ALL); /* PTEST */
  static const uint8_t bytes[] = {8, 4, 2, 8, 4, 8};
  for (uint8_t i = 0; i < LENGTH(bytes); i++) { /* PMOVSX, PMOVZX */
    FORM(.map = 2, .prefix = 0x66, .opcode = 0x20 + i, .reg = K_XMM, .rm = K_XMM, .bytes = bytes[i]);
    FORM(.map = 2, .prefix = 0x66, .opcode = 0x30 + i, .reg = K_XMM, .rm = K_XMM, .bytes = bytes[i]);
  }
  static const struct { uint8_t opcode; uint8_t digit; bool mmx; } shifts[] = {
      {0x71, 2, true}, {0x71, 4, true}, {0x71, 6, true}, {0x72, 2, true}, {0x72, 4, true},
      {0x72, 6, true}, {0x73, 2, true}, {0x73, 6, true}, {0x73, 3, false}, {0x73, 7, false}};
  for (size_t i = 0; i < LENGTH(shifts); i++) {
    FORM(.map = 1, .prefix = 0x66, .opcode = shifts[i].opcode, .digit = DIGIT(shifts[i].digit), .rm = K_XMM, .imm = I_BYTE,
         .traits = ONLY_REGISTER);
    if (!mmx || !shifts[i].mmx) continue;
    FORM(.map = 1, .opcode = shifts[i].opcode, .digit = DIGIT(shifts[i].digit), .rm = K_MMX, .imm = I_BYTE,
         .traits = ONLY_REGISTER);
  }
}

/* With an immediate. */
static void add_immediate_vectors(bool mmx) {
  static const struct { uint8_t map, prefix, opcode; } plain[] = {
      {1, 0, 0xc6}, {1, 0x66, 0xc6}, {1, 0x66, 0x70}, {1, 0xf3, 0x70}, {1, 0xf2, 0x70}, {1, 0, 0xc2}, {1, 0x66, 0xc2},
      {3, 0x66, 0x08}, {3, 0x66, 0x09}, {3, 0x66, 0x0c}, {3, 0x66, 0x0d}, {3, 0x66, 0x0e}, {3, 0x66, 0x0f},
      {3, 0x66, 0x40}, {3, 0x66, 0x41}, {3, 0x66, 0x42}};
  for (size_t i = 0; i < LENGTH(plain); i++) {
    FORM(.map = plain[i].map, .prefix = plain[i].prefix, .opcode = plain[i].opcode, .reg = K_XMM, .rm = K_XMM,
         .bytes = 16, .imm = I_BYTE, .traits = ALIGNED | (plain[i].map == 3 && plain[i].opcode >> 4 == 4 ? IN_STAGES : 0));
  }
  for (uint8_t opcode = 0x60; opcode < 0x64; opcode++) { /* PCMPESTRM to PCMPISTRI */
    FORM(.map = 3, .prefix = 0x66, .opcode = opcode, .reg = K_XMM, .rm = K_XMM, .bytes = 16, .imm = I_BYTE,
         .sizes = opcode < 0x62 ? 4 | 8 : 0, .defined = ALL, .clobbers = opcode & 1 ? RCX_BIT : 0);
  }
  static const struct { uint8_t map, prefix, opcode, bytes; } scalar[] = {
      {1, 0xf3, 0xc2, 4}, {1, 0xf2, 0xc2, 8}, {3, 0x66, 0x0a, 4}, {3, 0x66, 0x0b, 8}, {3, 0x66, 0x21, 4}};
  for (size_t i = 0; i < LENGTH(scalar); i++) {
    FORM(.map = scalar[i].map, .prefix = scalar[i].prefix, .opcode = scalar[i].opcode, .reg = K_XMM, .rm = K_XMM,
         .bytes = scalar[i].bytes, .imm = I_BYTE);
  }
  FORM(.map = 1, .prefix = 0x66, .opcode = 0xc4, .reg = K_XMM, .rm = K_GPR32, .bytes = 2, .imm = I_BYTE); /* PINSR */
  FORM(.map = 3, .prefix = 0x66, .opcode = 0x20, .reg = K_XMM, .rm = K_GPR32, .bytes = 1, .imm = I_BYTE);
  FORM(.map = 3, .prefix = 0x66, .opcode = 0x22, .reg = K_XMM, .rm = K_GPR, .sizes = 4 | 8, .imm = I_BYTE);
  FORM(.map = 1, .prefix = 0x66, .opcode = 0xc5, .reg = K_GPR32, .rm = K_XMM, .imm = I_BYTE,
       .traits = ONLY_REGISTER | WRITES_REG); /* PEXTR */
  FORM(.map = 3, .prefix = 0x66, .opcode = 0x14, .reg = K_XMM, .rm = K_GPR32, .bytes = 1, .imm = I_BYTE,
       .traits = WRITES_RM);
  FORM(.map = 3, .prefix = 0x66, .opcode = 0x15, .reg = K_XMM, .rm = K_GPR32, .bytes = 2, .imm = I_BYTE,
       .traits = WRITES_RM);
  FORM(.map = 3, .prefix = 0x66, .opcode = 0x16, .reg = K_XMM, .rm = K_GPR, .sizes = 4 | 8, .imm = I_BYTE,
       .traits = WRITES_RM);
  FORM(.map = 3, .prefix = 0x66, .opcode = 0x17, .reg = K_XMM, .rm = K_GPR32, .bytes = 4, .imm = I_BYTE,
       .traits = WRITES_RM);
  if (!mmx) return;
  FORM(.map = 1, .opcode = 0x70, .reg = K_MMX, .rm = K_MMX, .bytes = 8, .imm = I_BYTE);
  FORM(.map = 1, .opcode = 0xc4, .reg = K_MMX, .rm = K_GPR32, .bytes = 2, .imm = I_BYTE);
  FORM(.map = 1, .opcode = 0xc5, .reg = K_GPR32, .rm = K_MMX, .imm = I_BYTE, .traits = ONLY_REGISTER | WRITES_REG);
  FORM(.map = 3, .opcode = 0x0f, .reg = K_MMX, .rm = K_MMX, .bytes = 8, .imm = I_BYTE);
}

static void add_floats(void) {
  static const uint8_t all_four[] = {0x51, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f};
  static const struct { uint8_t prefix, opcode, bytes; } others[] = {
      {0, 0x52, 16}, {0xf3, 0x52, 4}, {0, 0x53, 16}, {0xf3, 0x53, 4}, {0, 0x54, 16}, {0x66, 0x54, 16}, {0, 0x55, 16},
      {0x66, 0x55, 16}, {0, 0x56, 16}, {0x66, 0x56, 16}, {0, 0x57, 16}, {0x66, 0x57, 16}, {0, 0x14, 16},
      {0x66, 0x14, 16}, {0, 0x15, 16}, {0x66, 0x15, 16}, {0x66, 0x7c, 16}, {0xf2, 0x7c, 16}, {0x66, 0x7d, 16},
      {0xf2, 0x7d, 16}, {0x66, 0xd0, 16}, {0xf2, 0xd0, 16},
      {0, 0x5a, 8}, {0x66, 0x5a, 16}, {0xf3, 0x5a, 4}, {0xf2, 0x5a, 8}, {0, 0x5b, 16}, {0x66, 0x5b, 16},
      {0xf3, 0x5b, 16}, {0x66, 0xe6, 16}, {0xf3, 0xe6, 8}, {0xf2, 0xe6, 16},
      {0xf2, 0x12, 8}, {0xf3, 0x12, 16}, {0xf3, 0x16, 16}};
  static const uint8_t prefixes[] = {0, 0x66, 0xf3, 0xf2}, bytes[] = {16, 16, 4, 8};
  for (size_t i = 0; i < LENGTH(all_four); i++) {
    for (int j = 0; j < 4; j++) {
      FORM(.map = 1, .prefix = prefixes[j], .opcode = all_four[i], .reg = K_XMM, .rm = K_XMM, .bytes = bytes[j],
           .traits = bytes[j] == 16 ? ALIGNED : 0);
    }
  }
  for (size_t i = 0; i < LENGTH(others); i++) {
    FORM(.map = 1, .prefix = others[i].prefix, .opcode = others[i].opcode, .reg = K_XMM, .rm = K_XMM,
         .bytes = others[i].bytes, .traits = others[i].bytes == 16 ? ALIGNED : 0);
  }
  for (int j = 0; j < 2; j++) { /* UCOMIS, COMIS */
    for (uint8_t opcode = 0x2e; opcode < 0x30; opcode++) {
      FORM(.map = 1, .prefix = prefixes[j], .opcode = opcode, .reg = K_XMM, .rm = K_XMM, .bytes = j ? 8 : 4,
           .defined = ALL);
    }
  }
  for (int j = 2; j < 4; j++) { /* CVTSI2SS, CVTTSS2SI, CVTSS2SI and those of doubles */
    FORM(.map = 1, .prefix = prefixes[j], .opcode = 0x2a, .reg = K_XMM, .rm = K_GPR, .sizes = 4 | 8);
    for (uint8_t opcode = 0x2c; opcode < 0x2e; opcode++) {
      FORM(.map = 1, .prefix = prefixes[j], .opcode = opcode, .reg = K_GPR, .rm = K_XMM, .sizes = 4 | 8,
           .bytes = bytes[j], .traits = WRITES_REG);
    }
  }
}

static void add_vector_moves(bool mmx) {
  static const struct { uint8_t map, prefix, opcode, bytes; uint16_t traits; } moves[] = {
      {1, 0, 0x28, 16, ALIGNED}, {1, 0x66, 0x28, 16, ALIGNED}, {1, 0, 0x29, 16, ALIGNED}, {1, 0x66, 0x29, 16, ALIGNED},
      {1, 0, 0x10, 16, 0}, {1, 0x66, 0x10, 16, 0}, {1, 0, 0x11, 16, 0}, {1, 0x66, 0x11, 16, 0},
      {1, 0x66, 0x6f, 16, ALIGNED}, {1, 0x66, 0x7f, 16, ALIGNED}, {1, 0xf3, 0x6f, 16, 0}, {1, 0xf3, 0x7f, 16, 0},
      {1, 0xf3, 0x10, 4, 0}, {1, 0xf3, 0x11, 4, 0}, {1, 0xf2, 0x10, 8, 0}, {1, 0xf2, 0x11, 8, 0},
      {1, 0xf3, 0x7e, 8, 0}, {1, 0x66, 0xd6, 8, 0}, {1, 0, 0x12, 8, 0}, {1, 0x66, 0x12, 8, ONLY_MEMORY},
      {1, 0, 0x13, 8, ONLY_MEMORY}, {1, 0x66, 0x13, 8, ONLY_MEMORY}, {1, 0, 0x16, 8, 0},
      {1, 0x66, 0x16, 8, ONLY_MEMORY}, {1, 0, 0x17, 8, ONLY_MEMORY}, {1, 0x66, 0x17, 8, ONLY_MEMORY},
      {1, 0xf2, 0xf0, 16, ONLY_MEMORY}, {2, 0x66, 0x2a, 16, ONLY_MEMORY | ALIGNED},
      {1, 0, 0x2b, 16, ONLY_MEMORY | ALIGNED}, {1, 0x66, 0x2b, 16, ONLY_MEMORY | ALIGNED},
      {1, 0x66, 0xe7, 16, ONLY_MEMORY | ALIGNED}};
  for (size_t i = 0; i < LENGTH(moves); i++) {
    FORM(.map = moves[i].map, .prefix = moves[i].prefix, .opcode = moves[i].opcode, .reg = K_XMM, .rm = K_XMM,
         .bytes = moves[i].bytes, .traits = moves[i].traits);
  }
  FORM(.map = 1, .prefix = 0x66, .opcode = 0x6e, .reg = K_XMM, .rm = K_GPR, .sizes = 4 | 8);
  FORM(.map = 1, .prefix = 0x66, .opcode = 0x7e, .reg = K_XMM, .rm = K_GPR, .sizes = 4 | 8, .traits = WRITES_RM);
  for (int j = 0; j < 2; j++) { /* MOVMSKPS, MOVMSKPD */
    FORM(.map = 1, .prefix = j ? 0x66 : 0, .opcode = 0x50, .reg = K_GPR32, .rm = K_XMM,
         .traits = ONLY_REGISTER | WRITES_REG);
  }
  FORM(.map = 1, .prefix = 0x66, .opcode = 0xd7, .reg = K_GPR32, .rm = K_XMM, .traits = ONLY_REGISTER | WRITES_REG);
  FORM(.map = 1, .prefix = 0x66, .opcode = 0xf7, .reg = K_XMM, .rm = K_XMM, .traits = ONLY_REGISTER,
       .special = S_MASKMOV);
  FORM(.map = 1, .opcode = 0xae, .digit = DIGIT(2), .rm = K_GPR, .bytes = 4, .traits = ONLY_MEMORY, .special = S_LDMXCSR);
  FORM(.map = 1, .opcode = 0xae, .digit = DIGIT(3), .rm = K_GPR, .bytes = 4, .traits = ONLY_MEMORY);
  if (!mmx) return;
  FORM(.map = 1, .opcode = 0x6e, .reg = K_MMX, .rm = K_GPR, .sizes = 4 | 8);
  FORM(.map = 1, .opcode = 0x7e, .reg = K_MMX, .rm = K_GPR, .sizes = 4 | 8, .traits = WRITES_RM);
  FORM(.map = 1, .opcode = 0x6f, .reg = K_MMX, .rm = K_MMX, .bytes = 8);
  FORM(.map = 1, .opcode = 0x7f, .reg = K_MMX, .rm = K_MMX, .bytes = 8);
  FORM(.map = 1, .opcode = 0xe7, .reg = K_MMX, .rm = K_MMX, .bytes = 8, .traits = ONLY_MEMORY);
  FORM(.map = 1, .opcode = 0xd7, .reg = K_GPR32, .rm = K_MMX, .traits = ONLY_REGISTER | WRITES_REG);
  FORM(.map = 1, .opcode = 0xf7, .reg = K_MMX, .rm = K_MMX, .traits = ONLY_REGISTER, .special = S_MASKMOV);
  FORM(.map = 1, .prefix = 0xf3, .opcode = 0xd6, .reg = K_XMM, .rm = K_MMX, .traits = ONLY_REGISTER); /* MOVQ2DQ */
  FORM(.map = 1, .prefix = 0xf2, .opcode = 0xd6, .reg = K_MMX, .rm = K_XMM, .traits = ONLY_REGISTER);
  /* CVTPI2PS and so on: whether the MMX registers are in use after an unmasked exception differs. */
  FORM(.map = 1, .opcode = 0x2a, .reg = K_XMM, .rm = K_MMX, .traits = ONLY_REGISTER | IN_STAGES);
  FORM(.map = 1, .prefix = 0x66, .opcode = 0x2a, .reg = K_XMM, .rm = K_MMX, .bytes = 8, .traits = IN_STAGES);
  for (uint8_t opcode = 0x2c; opcode < 0x2e; opcode++) {
    FORM(.map = 1, .opcode = opcode, .reg = K_MMX, .rm = K_XMM, .bytes = 8, .traits = IN_STAGES);
    FORM(.map = 1, .prefix = 0x66, .opcode = opcode, .reg = K_MMX, .rm = K_XMM, .bytes = 16,
         .traits = ALIGNED | IN_STAGES);
  }
  FORM(.map = 1, .opcode = 0x77);
}

/* Operands of the eight opcodes in memory, by ModRM.reg. */
static void add_x87(void) {
  static const uint8_t bytes[8][8] = {
      {4, 4, 4, 4, 4, 4, 4, 4}, {4, 0, 4, 4, 28, 2, 28, 2}, {4, 4, 4, 4, 4, 4, 4, 4}, {4, 4, 4, 4, 0, 10, 0, 10},
      {8, 8, 8, 8, 8, 8, 8, 8}, {8, 8, 8, 8, 108, 0, 108, 2}, {2, 2, 2, 2, 2, 2, 2, 2}, {2, 2, 2, 2, 10, 8, 10, 8}};
  static const uint8_t refused[8] = {[1] = 0x04, [2] = 0xf0, [3] = 0x90, [5] = 0xc2, [6] = 0x08, [7] = 0x90};
  for (uint8_t i = 0; i < 8; i++) {
    for (uint8_t digit = 0; digit < 8; digit++) {
      uint16_t size = bytes[i][digit];
      bool environment = size >= 28;
      uint8_t special = i == 1 && digit == 5 ? S_FLDCW : i == 1 && digit == 4 ? S_FLDENV
                        : i == 5 && digit == 4 ? S_FRSTOR : size >= 28 ? S_SAVE_STATE : S_NONE;
      FORM(.opcode = 0xd8 + i, .digit = DIGIT(digit), .rm = K_GPR, .bytes = size ? size : 4, .special = special,
           .sizes = environment ? 2 | 4 : 0, .traits = ONLY_MEMORY | (environment || !size ? RARE : 0));
      bool flags = (i == 3 || i == 7) && (digit == 5 || digit == 6);
      bool moves = i == 2 || i == 3;
      FORM(.opcode = 0xd8 + i, .digit = DIGIT(digit), .traits = X87_REGISTER | (refused[i] >> digit & 1 ? RARE : 0), .defined = flags ? ALL : 0,
           .undefined = 0, .clobbers = i == 7 && digit == 4 ? RAX_BIT : 0,
           .reads = moves && digit < 4 ? condition_reads[digit == 3 ? 5 : digit + 1] : 0);
    }
  }
  FORM(.opcode = 0x9b, .traits = RARE);
  FORM(.map = 1, .opcode = 0xae, .digit = DIGIT(0), .rm = K_GPR, .sizes = 4 | 8, .bytes = 512, .traits = ONLY_MEMORY | ALIGNED | RARE,
       .special = S_SAVE_STATE);
  FORM(.map = 1, .opcode = 0xae, .digit = DIGIT(1), .rm = K_GPR, .sizes = 4 | 8, .bytes = 512, .traits = ONLY_MEMORY | ALIGNED | RARE,
       .special = S_FXRSTOR);
}

void forms_make(bool mmx) {
  form_count = 0;
  add_alu();
  add_multiplications();
  add_shifts();
  add_bits();
  add_moves();
  add_stack();
  add_branches();
  add_strings();
  add_refused();
  add_integer_vectors(mmx);
  add_immediate_vectors(mmx);
  add_floats();
  add_vector_moves(mmx);
  add_x87();
}
