/* Holds the two sides of a run against each other. */
#ifndef SX_DIFFERENTIAL_COMPARE_H
#define SX_DIFFERENTIAL_COMPARE_H

#include "program.h"

struct text {
  char *at;
  uint32_t room;
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Instructions that the engine knows and no form has: coverage.c. Names them. */
uint32_t uncovered(struct text *text);

/* Runs a program on both sides; whether they agree. */
bool agrees(const struct program *program, const struct input *input);
/* Says what differs in one that does not agree, and since which instruction. */
void describe(const struct program *program, const struct input *input, uint32_t number, struct text *text);
/* Instructions of the last run that were compared, at least; and those of them that faulted. */
uint32_t compared_steps(const struct program *program);
uint32_t compared_faults(void);

#endif
