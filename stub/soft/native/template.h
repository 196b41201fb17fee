/* Native code for one op each: which ops have a template, and what templates are written with. */
#ifndef SX_SOFT_TEMPLATE_H
#define SX_SOFT_TEMPLATE_H

#include "soft/cpu.h"
#include "soft/native/assembler.h"

struct compiler;

/* Writes an op's code. False: not this one, and nothing was written. */
typedef bool emitter(struct compiler *c);

struct template {
  handler *run;     /* the op's function */
  emitter *emit;
  uint8_t operation; /* the emitter's own */
  uint8_t size;      /* of the operands, bytes */
  uint8_t form;      /* the emitter's own */
  bool sets;         /* all status flags */
  bool observes;     /* they must be right before it: it reads them, or may fault or leave */
  bool ends;         /* the block */
};

/* NULL: none. */
const struct template *template_of(handler *run);

/* Ways of an op's code to the op's own function. */
#define MOST_TO_OP 4

/* What is known of cpu->cc_op while code is written; else the value it has. */
#define CC_UNKNOWN 0xff

/* Guest registers that the host's hold while code is written, as memory has them; which of the host's: template.c. */
#define HELD 7
#define HOLDS_NOTHING 0xff

struct compiler {
  struct assembler a;
  uint8_t held[HELD];             /* the guest register in each of them, or HOLDS_NOTHING */
  uint8_t oldest, recent;         /* places in it: given last, and asked for last */
  ptrdiff_t executable;           /* from where code is written to where it runs */
  const struct op *op;            /* the present one */
  const struct template *template;
  bool live;                      /* its status flags are wanted behind it */
  uint8_t cc;                     /* cc_op before it, and behind it once it is written */
  uint8_t *to_op[MOST_TO_OP];     /* branches that leave to the op's own function */
  uint32_t to_op_count;
  /* Code that all blocks share: the functions of branch.h; and what goes back to the dispatcher, which gives
   * the block's cost in RCX back. */
  const uint8_t *link_miss, *jump_miss, *leave;
};

/* Adds the templates of a subject to the table: each tells this function. */
void template_add(struct template template);
void integer_templates(void);
void move_templates(void);
void branch_templates(void);

/* A branch to the op's own function, which does the whole op. Nothing of it may have been done. */
void put_to_op(struct compiler *c, enum host_condition condition);

/* From here on no register holds anything; and the code that loads those of `held`. */
void forget_held(struct compiler *c);
void put_held(struct compiler *c, const uint8_t held[HELD]);

/* Guest registers by the offsets that ops have. */
void put_signed(struct compiler *c, enum host_register to, unsigned size, uint8_t offset);
void put_unsigned(struct compiler *c, enum host_register to, unsigned size, uint8_t offset);
/* A host's register from its lower bytes. */
void put_sign_extended(struct compiler *c, unsigned size, enum host_register of);
/* Writes as the guest's instructions do: 4 bytes clear the rest, which they are in `from` already. */
void put_register(struct compiler *c, unsigned size, uint8_t offset, enum host_register from);

/* The op's address into RDX; RAX is lost. */
void put_address(struct compiler *c);
/* What is at the address in RDX is in memory at RDX + R8 from here on, or the op's function does it all; RAX is lost. */
void put_readable(struct compiler *c, unsigned size);
void put_writable(struct compiler *c, unsigned size);
/* Memory that was made reachable. */
void put_from_memory(struct compiler *c, unsigned size, enum host_register to, bool sign);
void put_to_memory(struct compiler *c, unsigned size, enum host_register from);

/*
 * The host's flags say whether a guest's condition (without its lowest bit, which negates) holds, by the
 * host's condition that is returned; or the op's function finds it out. RAX is lost. -1: not this one.
 */
int put_condition(struct compiler *c, unsigned number);

/* The host's CF is the guest's, or the op's function does it all. RAX is lost. */
void put_carry(struct compiler *c);

#define CPU(field) ((int32_t)offsetof(struct cpu, field))
#endif
