/* What programs begin with: values that find mistakes, in registers and in memory. */
#include <string.h>

#include "program.h"
#include "random.h"

uint64_t random_value(struct random *random) {
  uint64_t raw = random_next(random), shift = raw >> 32 & 63;
  switch (raw >> 56 & 7) {
    case 0: return raw & 0xff;
    case 1: return (uint64_t)(int8_t)raw;
    case 2: return (1ull << (shift == 47 ? 46 : shift)) - (raw & 1); /* the host's stack is below 1 << 47 */
    case 3: return ~(1ull << shift) + (raw & 1);
    case 4: return (uint64_t)(int32_t)(0x80000000u - (raw & 3) + 1);
    case 5: return 0x8000800080008000 ^ (0xffffull << (shift & 48));
    default: return random_next(random);
  }
}

uint64_t random_float(struct random *random) {
  static const uint32_t singles[] = {0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000,
                                     0x7f800001, 0xffc12345, 1, 0x807fffff, 0x00800000, 0x7f7fffff, 0x4f000000,
                                     0xcf000000, 0x3f000000, 0x40490fdb, 0x4b800001, 0x5f000000, 0x33800000};
  static const uint64_t doubles[] = {0, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000,
                                     0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
                                     0x7ff0000000000001, 0xfff8000000012345, 1, 0x800fffffffffffff,
                                     0x0010000000000000, 0x7fefffffffffffff, 0x41e0000000000000,
                                     0xc1e0000000000000, 0x43e0000000000000, 0x3fe0000000000000,
                                     0x400921fb54442d18, 0x47efffffffffffff, 0x3690000000000000};
  uint64_t raw = random_next(random);
  uint32_t a = raw & 0xff, b = raw >> 8 & 0xff;
  switch (raw >> 60 & 7) {
    case 0: case 1: return (uint64_t)singles[a % 20] << 32 | singles[b % 20];
    case 2: case 3: return doubles[a % 20];
    case 4: return (uint64_t)(0x3f800000 + (a << 15)) << 32 | (0xc0000000 + (b << 17)); /* of ordinary size */
    case 5: return 0x3ff0000000000000 + (raw & 0x803f00ffff000000);
    case 6: return random_value(random);
    default: return random_next(random);
  }
}

uint32_t random_mxcsr(struct random *random, bool unmasks) {
  uint32_t value = 0x1f80 | ((uint32_t)random_next(random) & 0x603f);
  if (random_percent(random, 10)) value |= (uint32_t)random_next(random) & 0x8040;
  if (unmasks) value &= ~((uint32_t)random_next(random) & 0x1f80);
  return random_percent(random, 2) ? value | 0x10000 : value;
}

uint16_t random_fpu_control(struct random *random, bool unmasks) {
  uint16_t value = 0x7f | ((uint16_t)random_next(random) & 0x1f00);
  return unmasks ? value & ~((uint16_t)random_next(random) & 0x3f) : value;
}

/* The scratch areas of all inputs are pieces of one. */
#define POOL_BYTES 0x10000u
static uint64_t pool[POOL_BYTES / 8] __attribute__((aligned(64)));

static const uint8_t *pick_scratch(struct random *random) {
  if (!pool[0]) {
    struct random own = {1};
    for (size_t i = 0; i < sizeof pool / 8; i++) pool[i] = i & 1 ? random_float(&own) : random_value(&own);
    pool[0] |= 1;
  }
  return (const uint8_t *)pool + random_below(random, POOL_BYTES - SCRATCH_BYTES) / 64 * 64;
}

static void pick_st(struct random *random, uint64_t st[2]) {
  static const uint64_t mantissas[] = {0x8000000000000000, 0xc000000000000000, 0xffffffffffffffff, 0xb504f333f9de6484,
                                       0x8000000000000001, 0xa000000000000000, 0, 1, 0x7fffffffffffffff};
  static const uint16_t exponents[] = {0x3fff, 0xbfff, 0x4000, 0x3ffe, 0, 0x8000, 0x7fff, 0xffff, 1,
                                       0x7ffe, 0x401e, 0x403e, 0x3fbf, 0x3c01, 0x43fe, 0x3f81, 0x407e};
  st[0] = random_percent(random, 60) ? mantissas[random_below(random, 9)] : random_next(random) | 1ull << 63;
  st[1] = random_percent(random, 60) ? exponents[random_below(random, 17)] : 0x3ff0 + random_below(random, 32);
  if (st[1] && random_percent(random, 90)) st[0] |= 1ull << 63;
}

static uint32_t pick_pointer(struct random *random) {
  if (random_percent(random, 4)) return SCRATCH_ADDRESS + random_below(random, SCRATCH_BYTES);
  if (random_percent(random, 3)) return SCRATCH_ADDRESS + SCRATCH_BYTES - random_below(random, 32);
  if (random_percent(random, 3)) return SCRATCH_ADDRESS + 0x1000 - random_below(random, 16); /* across pages */
  return SCRATCH_ADDRESS + 0x400 + random_below(random, SCRATCH_BYTES - 0x800) / 16 * 16;
}

static void pick_registers(uint64_t reg[16], const struct program *program, struct random *random) {
  for (int i = 0; i < 16; i++) reg[i] = random_value(random);
  for (int i = 0; i < POINTERS; i++) reg[program->pointers[i]] = pick_pointer(random);
  reg[program->indexes[0]] = (uint64_t)((int64_t)random_below(random, 9) - 4) * 16;
  reg[program->indexes[1]] = (uint64_t)((int64_t)random_below(random, 65) - 32);
  reg[STACK_POINTER] = SCRATCH_ADDRESS + 0x800 + random_below(random, 0x800) / 8 * 8;
  if (random_percent(random, 5)) reg[STACK_POINTER] += random_below(random, 8);
}

static void pick_fpu(struct fpu_state *fpu, const struct program *program, struct random *random) {
  fpu->control = random_fpu_control(random, program->unmasks);
  fpu->status = (uint16_t)random_next(random) & 0x7f00;
  fpu->tags = (uint8_t)random_next(random);
  fpu->mxcsr = random_mxcsr(random, program->unmasks) & 0xffff;
  for (int i = 0; i < 8; i++) pick_st(random, fpu->st[i]);
  for (int i = 0; i < 32; i++) {
    fpu->xmm[i / 2][i % 2] = random_percent(random, 60) ? random_float(random) : random_value(random);
  }
}

void input_generate(struct input *input, const struct program *program, uint32_t number) {
  struct random random = random_of(program->seed, number + 1);
  struct state *state = &input->state;
  memset(state, 0, sizeof *state);
  pick_registers(state->reg, program, &random);
  pick_fpu(&state->fpu, program, &random);
  state->rip = CODE_ADDRESS + program->origin;
  state->flags = ((uint32_t)random_next(&random) & STATUS_FLAGS) | 0x202 | (random_percent(&random, 10) ? DF : 0);
  input->scratch = pick_scratch(&random);
}
