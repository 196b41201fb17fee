/* From a form and its operands to bytes. */
#ifndef SX_DIFFERENTIAL_ENCODE_H
#define SX_DIFFERENTIAL_ENCODE_H

#include "forms.h"

#define MOST_BYTES 15
#define NO_REGISTER 0xff
/* Numbers of byte registers: AH, CH, DH, BH come behind the sixteen. */
#define HIGH_BYTE 16

struct address {
  enum { BASED, RIP_RELATIVE, ABSOLUTE } mode;
  uint8_t base, index, scale; /* registers or NO_REGISTER */
  int32_t disp;               /* RIP_RELATIVE: the address itself */
  uint8_t segment;            /* a prefix or 0 */
  bool short_address;         /* 67 */
};

struct operands {
  uint8_t size; /* of operands, bytes; 0 when the form has none */
  uint8_t reg, rm;
  bool memory;
  struct address address;
  uint64_t imm;
  uint8_t imm_bytes;
  bool lock;
  uint8_t ignored; /* a prefix that says nothing here, or 0 */
  uint8_t rex;     /* bits that say nothing here */
};

/* @return how many bytes; the immediate is the last of them */
uint32_t encode(uint8_t bytes[MOST_BYTES], const struct form *form, const struct operands *operands, uint64_t at);

#endif
