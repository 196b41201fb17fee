/* Random numbers that a seed determines, and the values that find mistakes. */
#ifndef SX_DIFFERENTIAL_RANDOM_H
#define SX_DIFFERENTIAL_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
  uint64_t state;
};

/* SplitMix64. */
static inline uint64_t random_next(struct random *random) {
  uint64_t z = random->state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

/* Those of each seed have nothing to do with another's. */
static inline struct random random_of(uint64_t seed, uint64_t stream) {
  struct random random = {seed};
  random.state = random_next(&random) + stream * 0xd1342543de82ef95;
  random.state = random_next(&random);
  return random;
}

static inline uint32_t random_below(struct random *random, uint32_t bound) {
  return (uint32_t)((random_next(random) >> 32) * bound >> 32);
}

static inline bool random_percent(struct random *random, uint32_t percent) {
  return random_below(random, 100) < percent;
}

/* Of 64 bits; of fewer are the lower ones. */
uint64_t random_value(struct random *random);
/* The bits of two floats, or of a double. */
uint64_t random_float(struct random *random);
/* MXCSR and the x87 control word: with every exception masked unless `unmasks`. Rarely MXCSR is refused. */
uint32_t random_mxcsr(struct random *random, bool unmasks);
uint16_t random_fpu_control(struct random *random, bool unmasks);

#endif
