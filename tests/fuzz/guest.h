/* A small guest that an input is made into: its memory, tables and code. */
#ifndef SX_FUZZ_GUEST_H
#define SX_FUZZ_GUEST_H

#include <stddef.h>
#include <stdint.h>

/* Memory from 0, and from 4 GiB. */
#define LOW_BYTES (2u << 20)
#define HIGH_BYTES (64u << 10)

/* Where the guest's things lie. */
#define HANDLERS 0x1000u /* 16 bytes a vector */
#define IDT 0x2000u
#define GDT 0x3000u
#define TSS 0x4000u
#define PML4 0x5000u
#define PDPT 0x6000u
#define DIRECTORY 0x7000u     /* of the first GiB */
#define TABLE 0x8000u         /* of the first 2 MiB */
#define TOP_DIRECTORY 0x9000u /* of the last GiB below 4 GiB, and of the last one of all */
#define NARROW_DIRECTORY 0xa000u
#define NARROW_TABLE 0xb000u
#define PAE_PDPT 0xc000u
#define CODE 0x10000u
#define STACK 0x20000u

#define GDT_LIMIT 0xff
#define TSS_LIMIT 0x90

/* Selectors in the GDT. */
enum {
  CODE64 = 0x08, DATA = 0x10, CODE32 = 0x18, CODE16 = 0x20, DATA16 = 0x28, USER_DATA = 0x30,
  USER_CODE64 = 0x38, USER_CODE32 = 0x40, CONFORMING = 0x48, SMALL_DATA = 0x50, EXPAND_DOWN = 0x58,
  TASK = 0x60, LOCAL_TABLE = 0x70, CALL_GATE = 0x80, EXECUTE_ONLY = 0x90, ABSENT = 0x98
};

/* What is left of an input. */
struct input {
  const uint8_t *at;
  size_t left;
};
uint8_t take8(struct input *input);
uint64_t take64(struct input *input);
/* One of the numbers that are worth a try. */
uint64_t take_value(struct input *input);

/* Fills memory with the tables for a code size of 2, 4 or 8 bytes; `long_mode` for the IDT's kind. */
void guest_tables(uint8_t *low, unsigned code_size, int long_mode);
/* Writes the rest of the input as code, at most `room` bytes. */
void guest_code(uint8_t *to, size_t room, unsigned code_size, struct input *input);

#endif
