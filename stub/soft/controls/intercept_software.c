/* Exceptions that instructions ask for, and INT n, which says what it is for the record of an exit. */
#include "soft/controls/intercept.h"

static void software(struct cpu *cpu, const struct op *op, uint32_t type) {
  cpu->controls->software_type = type;
  cpu->controls->software_length = op->length;
}

/* Exits where the exception bitmap says so. */
static void software_exception(struct cpu *cpu, const struct op *op, uint32_t type, uint8_t vector) {
  if (cpu->controls->set.exception_bitmap >> vector & 1) {
    exit_begin(cpu, op, SX_EXIT_EXCEPTION, 0)->interruption =
        SX_INTERRUPTION_VALID | type << SX_INTERRUPTION_TYPE_SHIFT | vector;
    exit_leave(cpu);
  }
  software(cpu, op, type);
}

void intercept_int(struct cpu *cpu, const struct op *op) {
  software(cpu, op, SX_TYPE_SOFTWARE);
  NEXT;
}

void intercept_int3(struct cpu *cpu, const struct op *op) {
  software_exception(cpu, op, SX_TYPE_SOFTWARE_EXCEPTION, VECTOR_BP);
  NEXT;
}

void intercept_into(struct cpu *cpu, const struct op *op) {
  if (cc_status(cpu) & FLAG_OF) software_exception(cpu, op, SX_TYPE_SOFTWARE_EXCEPTION, VECTOR_OF);
  NEXT;
}

void intercept_int1(struct cpu *cpu, const struct op *op) {
  software_exception(cpu, op, SX_TYPE_PRIVILEGED, VECTOR_DB);
  NEXT;
}
