/* Programs that once differed, or that random ones meet too rarely: they run before all others. */
#ifndef SX_DIFFERENTIAL_CASES_H
#define SX_DIFFERENTIAL_CASES_H

#include "program.h"

extern const uint32_t case_count;
const char *case_name(uint32_t number);
/* Its seed is its number: inputs follow from that. */
void case_make(struct program *program, uint32_t number);

#endif
