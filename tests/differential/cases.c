#include "cases.h"

#include <stdlib.h>
#include <string.h>

#define MOST_CASE_STEPS 8

/* Instructions as hexadecimal digits. 0x20001000 is the middle of the scratch area, 0x20002000 its end. */
static const struct {
  const char *name;
  const char *steps[MOST_CASE_STEPS];
  bool any_address; /* see struct program */
} cases[] = {
    {.name = "CLFLUSH faults as a load does",
     .steps = {"bb 20200020", "0f ae 3b"}},
    {.name = "a load across two pages that are not there faults in the first",
     .steps = {"bb ffffff3f", "48 8b 03"}},
    {.name = "an operand that ends where no address is faults for that, not for its first page",
     .steps = {"48 bb f9ffffffff7f0000", "48 8b 03", "48 89 03", "0f 10 03", "0f 11 03"}},
    {.name = "FXSAVE needs all of its 512 bytes",
     .steps = {"bb 601e0020", "0f ae 03", "0f ae 0b"},
     .any_address = true},
    {.name = "FISTP of nothing, unmasked, to where nothing is, is a page fault",
     .steps = {"bb 00100020", "db e3", "66 c7 03 4003", "d9 2b", "bb 00300020", "df 3b", "df 33"}},
    {.name = "ENTER reads frame pointers that it has pushed over",
     .steps = {"48 8d 6c 24 28", "c8 30 00 1a"}},
    {.name = "ENTER needs the place that it leaves the stack pointer at",
     .steps = {"48 8d 6c 24 28", "66 c8 10 91 00"}},
    {.name = "the offset of a bit is added before an address is cut to 32 bits",
     .steps = {"bf 00100020", "49 b8 0000000000000080", "67 4c 0f a3 07", "49 c7 c0 c0ffffff", "67 4c 0f ab 07"}},
    {.name = "CALL, JMP and RET to what is no address fault before they do anything",
     .steps = {"48 b8 0000000000008000", "ff d0", "ff e0", "50", "c3", "c2 0800"}},
    {.name = "a null segment register keeps nothing",
     .steps = {"31 c0", "8e d8", "8c db", "8e c0", "8c c1"}},
    {.name = "the register that is an address's base stays while one is found for the index",
     .steps = {"b9 01000000", "ba 02000000", "bb 03000000", "be 04000000", "bf 05000000", "41 b8 06000000",
               "41 b9 07000000", "4a 8d 04 51"}},
};

const uint32_t case_count = sizeof cases / sizeof *cases;

const char *case_name(uint32_t number) { return cases[number].name; }

static uint32_t put_step(uint8_t *to, const char *digits) {
  uint32_t length = 0;
  for (const char *at = digits; *at;) {
    if (*at == ' ') {
      at++;
      continue;
    }
    const char byte[] = {at[0], at[1], 0};
    to[length++] = (uint8_t)strtoul(byte, NULL, 16);
    at += 2;
  }
  return length;
}

void case_make(struct program *program, uint32_t number) {
  memset(program, 0, sizeof *program);
  program->seed = number;
  program->any_address = cases[number].any_address;
  for (uint32_t i = 0; i < MOST_CASE_STEPS && cases[number].steps[i]; i++) {
    program->steps[i] = (struct step){.start = (uint16_t)program->bytes, .form = NO_FORM, .certain = (uint16_t)i};
    program->bytes += put_step(program->code + program->bytes, cases[number].steps[i]);
    program->count++;
  }
  program_end(program);
}
