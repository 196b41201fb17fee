/* Loads, stores and moves; the control registers and the environment. */
#include "soft/x87/x87.h"

const struct x87_register x87_indefinite = {.mantissa = 0xc000000000000000, .exponent = 0xffff};

#define LOAD(name, instruction)                                                                    \
  X87_FUNCTION(name, #instruction X87_MEMORY X87_STATUS X87_IF_TOP_ODD(X87_STORE0))
#define CONSTANT(name) X87_FUNCTION(name, #name "\n\t" X87_STATUS X87_STORE0)
#define STORE(name, instruction)                                                                   \
  X87_FUNCTION(name, X87_LOAD0 #instruction X87_MEMORY X87_STATUS X87_DROP)
#define STORE_POP(name, instruction)                                                               \
  X87_FUNCTION(name, X87_LOAD0 #instruction X87_MEMORY X87_STATUS X87_IF_TOP_ODD(X87_DROP))

LOAD(fld_m32, flds)
LOAD(fld_m64, fldl)
LOAD(fld_m80, fldt)
LOAD(fild_16, filds)
LOAD(fild_32, fildl)
LOAD(fild_64, fildll)
LOAD(fbld_80, fbld)
CONSTANT(fld1)
CONSTANT(fldl2t)
CONSTANT(fldl2e)
CONSTANT(fldpi)
CONSTANT(fldlg2)
CONSTANT(fldln2)
CONSTANT(fldz)
STORE(fst_m32, fsts)
STORE(fst_m64, fstl)
STORE(fist_16, fists)
STORE(fist_32, fistl)
STORE_POP(fst_m80, fstpt)
STORE_POP(fist_64, fistpll)
STORE_POP(fisttp_16, fisttps)
STORE_POP(fisttp_32, fisttpl)
STORE_POP(fisttp_64, fisttpll)
STORE_POP(fbst_80, fbstp)

static const struct {
  x87_function *function;
  uint8_t bytes;
} load_forms[] = {
  [X87_FLD_M32] = {fld_m32, 4}, [X87_FLD_M64] = {fld_m64, 8}, [X87_FLD_M80] = {fld_m80, 10},
  [X87_FILD_16] = {fild_16, 2}, [X87_FILD_32] = {fild_32, 4}, [X87_FILD_64] = {fild_64, 8},
  [X87_FBLD] = {fbld_80, 10},   [X87_FLD1] = {fld1, 0},       [X87_FLDL2T] = {fldl2t, 0},
  [X87_FLDL2E] = {fldl2e, 0},   [X87_FLDPI] = {fldpi, 0},     [X87_FLDLG2] = {fldlg2, 0},
  [X87_FLDLN2] = {fldln2, 0},   [X87_FLDZ] = {fldz, 0},
};

static const struct {
  x87_function *function;
  uint8_t bytes;
  uint64_t indefinite[2]; /* what is stored of an empty register (SDM volume 1, table 4-4) */
} store_forms[] = {
  [X87_FST_M32] = {fst_m32, 4, {0xffc00000}},
  [X87_FST_M64] = {fst_m64, 8, {0xfff8000000000000}},
  [X87_FST_M80] = {fst_m80, 10, {0xc000000000000000, 0xffff}},
  [X87_FIST_16] = {fist_16, 2, {0x8000}},
  [X87_FIST_32] = {fist_32, 4, {0x80000000}},
  [X87_FIST_64] = {fist_64, 8, {0x8000000000000000}},
  [X87_FISTTP_16] = {fisttp_16, 2, {0x8000}},
  [X87_FISTTP_32] = {fisttp_32, 4, {0x80000000}},
  [X87_FISTTP_64] = {fisttp_64, 8, {0x8000000000000000}},
  [X87_FBST] = {fbst_80, 10, {0xc000000000000000, 0xffff}},
};

void x87_check(struct cpu *cpu, const struct op *op) {
  if (unlikely(cpu->cr0 & (CR0_EM | CR0_TS))) cpu_fault(cpu, op, VECTOR_NM, 0);
}

/* CR0.NE = 0 asks for an interrupt by FERR#, which is not wired to anything: #MF, too. */
static void raise_pending(struct cpu *cpu, const struct op *op) {
  if (unlikely(cpu->fpu.status & X87_ES)) cpu_fault(cpu, op, VECTOR_MF, 0);
}

void x87_wait(struct cpu *cpu, const struct op *op) {
  x87_check(cpu, op);
  raise_pending(cpu, op);
}

void x87_set_status(struct fpu *fpu, uint16_t word) {
  fpu->top = word >> X87_TOP_SHIFT & 7;
  fpu->status = (uint16_t)(word & ~(7 << X87_TOP_SHIFT));
}

void x87_set_control(struct fpu *fpu, uint16_t word) {
  fpu->control = (word & X87_CONTROL_WRITABLE) | X87_CONTROL_ONES;
  bool pending = fpu->status & ~fpu->control & X87_EXCEPTIONS;
  fpu->status = (uint16_t)((fpu->status & ~(X87_ES | X87_B)) | (pending ? X87_ES | X87_B : 0));
}

void x87_initialize(struct fpu *fpu) {
  fpu->control = X87_CONTROL_INITIAL;
  fpu->status = 0;
  fpu->top = 0;
  fpu->tags = 0;
  fpu->opcode = 0;
  fpu->instruction = fpu->operand = 0;
}

static bool in_one_page(uint64_t address, uint32_t size) {
  return address % PAGE_BYTES + size <= PAGE_BYTES;
}

static uint32_t piece_of(uint32_t left, uint32_t unit) {
  uint32_t piece = left >= 8 ? 8 : left >= 4 ? 4 : 2;
  return piece < unit ? piece : unit;
}

void x87_read_units(struct cpu *cpu, const struct op *op, uint64_t address, void *to, uint32_t size,
                    uint32_t unit) {
  uint8_t *bytes = to;
  const struct tlb_entry *entry = tlb_at(cpu, address);
  if (likely(in_one_page(address, size) && entry->read == tlb_tag(cpu, address, size))) {
    memcpy(to, (const void *)(address + entry->addend), size);
    return;
  }
  for (uint32_t done = 0, piece; done < size; done += piece) {
    piece = piece_of(size - done, unit);
    uint64_t value = piece == 8   ? load64(cpu, op, address + done)
                     : piece == 4 ? load32(cpu, op, address + done)
                                  : load16(cpu, op, address + done);
    memcpy(bytes + done, &value, piece);
  }
}

void x87_write_units(struct cpu *cpu, const struct op *op, uint64_t address, const void *from,
                     uint32_t size, uint32_t unit) {
  const uint8_t *bytes = from;
  const struct tlb_entry *entry = tlb_at(cpu, address);
  if (likely(in_one_page(address, size) && entry->write == tlb_tag(cpu, address, size))) {
    memcpy((void *)(address + entry->addend), from, size);
    return;
  }
  memory_probe_write(cpu, op, address, size);
  for (uint32_t done = 0, piece; done < size; done += piece) {
    piece = piece_of(size - done, unit);
    uint64_t value = 0;
    memcpy(&value, bytes + done, piece);
    if (piece == 8) {
      store64(cpu, op, address + done, value);
    } else if (piece == 4) {
      store32(cpu, op, address + done, (uint32_t)value);
    } else {
      store16(cpu, op, address + done, (uint16_t)value);
    }
  }
}

static void push_result(struct cpu *cpu, x87_function *function, struct x87_frame *frame) {
  bool done;
  if (!x87_empty(cpu, 7)) {
    done = x87_overflow(cpu);
    frame->st[0] = x87_indefinite;
  } else {
    /* Nothing that pushes rounds: C1 is 0 whatever the host's was before. A denormal is pushed even
     * with that exception unmasked. */
    uint16_t raised = function(frame, cpu->fpu.control) & X87_EXCEPTIONS;
    x87_report(cpu, raised, X87_C1);
    done = !(raised & ~cpu->fpu.control & X87_IE);
  }
  if (done) x87_push(cpu, &frame->st[0]);
}

static __attribute__((noinline)) void load(struct cpu *cpu, const struct op *op) {
  struct x87_frame frame = {0};
  uint32_t bytes = load_forms[op->code].bytes;
  uint64_t address = ea(cpu, op);
  x87_read(cpu, op, address, frame.memory, bytes);
  x87_record_memory(cpu, op, address);
  push_result(cpu, load_forms[op->code].function, &frame);
}

static __attribute__((noinline)) void load_constant(struct cpu *cpu, const struct op *op) {
  struct x87_frame frame = {0};
  push_result(cpu, load_forms[op->code].function, &frame);
}

static __attribute__((noinline)) void store(struct cpu *cpu, const struct op *op) {
  struct x87_frame frame = {.st = {*x87_st(cpu, 0)}};
  uint64_t address = ea(cpu, op);
  uint16_t status = X87_IE | X87_SF;
  if (x87_empty(cpu, 0)) {
    memcpy(frame.memory, store_forms[op->code].indefinite, sizeof frame.memory);
  } else {
    status = store_forms[op->code].function(&frame, cpu->fpu.control);
  }
  /* In memory, a scaled result is of no use: none is stored (SDM volume 1, 8.5.4 and 8.5.5). */
  bool done = !(status & ~cpu->fpu.control & X87_EXCEPTIONS & ~X87_PE);
  if (done) x87_write(cpu, op, address, frame.memory, store_forms[op->code].bytes);
  else memory_probe_write(cpu, op, address, store_forms[op->code].bytes);
  x87_record_memory(cpu, op, address);
  x87_report(cpu, status, X87_C1);
  if (done) x87_pop(cpu, op->dst);
}

void x87_load(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  load(cpu, op);
  NEXT;
}

/* FLD1, FLDPI and so on. */
void x87_load_constant(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  load_constant(cpu, op);
  NEXT;
}

void x87_load_st(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  if (x87_empty(cpu, op->src)) {
    if (x87_underflow(cpu)) x87_push(cpu, &x87_indefinite);
  } else if (!x87_empty(cpu, 7)) {
    if (x87_overflow(cpu)) x87_push(cpu, &x87_indefinite);
  } else {
    cpu->fpu.status &= (uint16_t)~X87_C1;
    x87_push(cpu, x87_st(cpu, op->src));
  }
  NEXT;
}

/* FST to FBSTP: op->dst is the number of pops. */
void x87_store(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  store(cpu, op);
  NEXT;
}

/* FST and FSTP to a register, likewise. */
void x87_store_st(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  cpu->fpu.status &= (uint16_t)~X87_C1;
  bool done = true;
  if (!x87_empty(cpu, 0)) {
    x87_set(cpu, op->src, x87_st(cpu, 0));
  } else if (op->code != X87_UNCHECKED) {
    done = x87_underflow(cpu);
    if (done) x87_set(cpu, op->src, &x87_indefinite);
  }
  if (done) x87_pop(cpu, op->dst);
  NEXT;
}

void x87_exchange(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  bool missing0 = x87_empty(cpu, 0), missing = x87_empty(cpu, op->src);
  bool done = true;
  cpu->fpu.status &= (uint16_t)~X87_C1;
  if (missing0 || missing) done = x87_underflow(cpu);
  if (done) {
    struct x87_register st0 = missing0 ? x87_indefinite : *x87_st(cpu, 0);
    x87_set(cpu, 0, missing ? &x87_indefinite : x87_st(cpu, op->src));
    x87_set(cpu, op->src, &st0);
  }
  NEXT;
}

/* FFREE; with op->dst = 1, FFREEP. */
void x87_ffree(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  cpu->fpu.status &= (uint16_t)~X87_C1;
  x87_free(cpu, op->src);
  x87_pop(cpu, op->dst);
  NEXT;
}

static void rotate(struct cpu *cpu, const struct op *op, uint32_t by) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  cpu->fpu.status &= (uint16_t)~X87_C1;
  cpu->fpu.top = (cpu->fpu.top + by) & 7;
}

void x87_fincstp(struct cpu *cpu, const struct op *op) {
  rotate(cpu, op, 1);
  NEXT;
}

void x87_fdecstp(struct cpu *cpu, const struct op *op) {
  rotate(cpu, op, 7);
  NEXT;
}

void x87_fnop(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  x87_record(cpu, op);
  NEXT;
}

/* FENI, FDISI, FSETPM: instructions of the 8087 and 80287 that do nothing since. */
void x87_obsolete(struct cpu *cpu, const struct op *op) {
  x87_check(cpu, op);
  NEXT;
}

void x87_fwait(struct cpu *cpu, const struct op *op) {
  if ((cpu->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) cpu_fault(cpu, op, VECTOR_NM, 0);
  raise_pending(cpu, op);
  NEXT;
}

void x87_fninit(struct cpu *cpu, const struct op *op) {
  x87_check(cpu, op);
  x87_initialize(&cpu->fpu);
  NEXT;
}

void x87_fnclex(struct cpu *cpu, const struct op *op) {
  x87_check(cpu, op);
  cpu->fpu.status &= (uint16_t)~(X87_EXCEPTIONS | X87_SF | X87_ES | X87_B);
  NEXT;
}

void x87_fldcw(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  x87_set_control(&cpu->fpu, load16(cpu, op, ea(cpu, op)));
  NEXT;
}

void x87_fnstcw(struct cpu *cpu, const struct op *op) {
  x87_check(cpu, op);
  store16(cpu, op, ea(cpu, op), cpu->fpu.control);
  NEXT;
}

void x87_fnstsw(struct cpu *cpu, const struct op *op) {
  x87_check(cpu, op);
  store16(cpu, op, ea(cpu, op), x87_status_word(&cpu->fpu));
  NEXT;
}

void x87_fnstsw_ax(struct cpu *cpu, const struct op *op) {
  x87_check(cpu, op);
  cpu->reg[RAX] = (cpu->reg[RAX] & ~0xffffull) | x87_status_word(&cpu->fpu);
  NEXT;
}

/* Two bits for each register, by number (SDM volume 1, 8.1.7). */
enum { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

static uint16_t tag_word(const struct fpu *fpu) {
  uint16_t word = 0;
  for (uint32_t i = 0; i < 8; i++) {
    uint64_t mantissa = fpu->st[i].mantissa;
    uint16_t exponent = fpu->st[i].exponent & 0x7fff, tag;
    if (!(fpu->tags >> i & 1)) {
      tag = TAG_EMPTY;
    } else if (exponent == 0 && mantissa == 0) {
      tag = TAG_ZERO;
    } else {
      tag = exponent == 0 || exponent == 0x7fff || !(mantissa >> 63) ? TAG_SPECIAL : TAG_VALID;
    }
    word |= (uint16_t)(tag << 2 * i);
  }
  return word;
}

#define ENVIRONMENT_WORDS 7
#define REGISTER_BYTES 10
#define STATE_BYTES_MOST (ENVIRONMENT_WORDS * 4 + 8 * REGISTER_BYTES)

static bool real_format(const struct cpu *cpu) {
  return !cpu_protected(cpu) || cpu->flags & FLAG_VM;
}

/* The environment in words of 4 or 2 bytes (SDM volume 1, figures 8-9 to 8-12). FCS and FDS are 0,
 * as CPUID.7.EBX[13] announces. @return its size */
static uint32_t environment_image(const struct cpu *cpu, uint32_t word_bytes, uint8_t *image) {
  const struct fpu *fpu = &cpu->fpu;
  uint32_t instruction = (uint32_t)fpu->instruction, operand = (uint32_t)fpu->operand;
  uint32_t ones = 0xffff0000;
  uint32_t word[ENVIRONMENT_WORDS] = {ones | fpu->control, ones | x87_status_word(fpu),
                                      ones | tag_word(fpu)};
  if (real_format(cpu)) {
    word[3] = ones | (uint16_t)instruction;
    word[4] = instruction >> 16 << 12 | fpu->opcode;
    word[5] = ones | (uint16_t)operand;
    word[6] = operand >> 16 << 12;
  } else {
    word[3] = instruction;
    word[4] = word_bytes == 4 ? (uint32_t)fpu->opcode << 16 : 0;
    word[5] = operand;
    word[6] = ones;
  }
  for (uint32_t i = 0; i < ENVIRONMENT_WORDS; i++) {
    memcpy(image + i * word_bytes, &word[i], word_bytes);
  }
  return ENVIRONMENT_WORDS * word_bytes;
}

static void set_environment(struct cpu *cpu, uint32_t word_bytes, const uint8_t *image) {
  struct fpu *fpu = &cpu->fpu;
  uint32_t word[ENVIRONMENT_WORDS] = {0};
  for (uint32_t i = 0; i < ENVIRONMENT_WORDS; i++) {
    memcpy(&word[i], image + i * word_bytes, word_bytes);
  }
  x87_set_status(fpu, (uint16_t)word[1]);
  x87_set_control(fpu, (uint16_t)word[0]);
  fpu->tags = 0;
  for (uint32_t i = 0; i < 8; i++) {
    if ((word[2] >> 2 * i & 3) != TAG_EMPTY) fpu->tags |= (uint8_t)(1 << i);
  }
  if (real_format(cpu)) {
    fpu->instruction = (word[4] >> 12 & 0xffff) << 16 | (uint16_t)word[3];
    fpu->operand = (word[6] >> 12 & 0xffff) << 16 | (uint16_t)word[5];
    fpu->opcode = word[4] & X87_OPCODE_BITS;
  } else {
    fpu->instruction = word[3];
    fpu->operand = word[5];
    fpu->opcode = word[4] >> 16 & X87_OPCODE_BITS;
  }
}

static __attribute__((noinline)) void store_environment(struct cpu *cpu, const struct op *op) {
  uint8_t image[STATE_BYTES_MOST];
  x87_write_units(cpu, op, ea(cpu, op), image, environment_image(cpu, op->dst, image), op->dst);
}

static __attribute__((noinline)) void load_environment(struct cpu *cpu, const struct op *op) {
  uint8_t image[STATE_BYTES_MOST];
  x87_read_units(cpu, op, ea(cpu, op), image, ENVIRONMENT_WORDS * op->dst, op->dst);
  set_environment(cpu, op->dst, image);
}

static __attribute__((noinline)) void store_state(struct cpu *cpu, const struct op *op) {
  uint8_t image[STATE_BYTES_MOST];
  uint32_t bytes = environment_image(cpu, op->dst, image);
  for (uint32_t i = 0; i < 8; i++, bytes += REGISTER_BYTES) {
    memcpy(image + bytes, x87_st(cpu, i), REGISTER_BYTES);
  }
  x87_write_units(cpu, op, ea(cpu, op), image, bytes, op->dst);
}

static __attribute__((noinline)) void load_state(struct cpu *cpu, const struct op *op) {
  uint8_t image[STATE_BYTES_MOST];
  uint32_t bytes = ENVIRONMENT_WORDS * op->dst;
  x87_read_units(cpu, op, ea(cpu, op), image, bytes + 8 * REGISTER_BYTES, op->dst);
  set_environment(cpu, op->dst, image);
  for (uint32_t i = 0; i < 8; i++, bytes += REGISTER_BYTES) {
    memcpy(x87_st(cpu, i), image + bytes, REGISTER_BYTES);
  }
}

/* Of these four, op->dst is the size of an environment's word. */
void x87_fnstenv(struct cpu *cpu, const struct op *op) {
  x87_check(cpu, op);
  store_environment(cpu, op);
  x87_set_control(&cpu->fpu, cpu->fpu.control | X87_EXCEPTIONS);
  NEXT;
}

void x87_fldenv(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  load_environment(cpu, op);
  NEXT;
}

void x87_fnsave(struct cpu *cpu, const struct op *op) {
  x87_check(cpu, op);
  store_state(cpu, op);
  x87_initialize(&cpu->fpu);
  NEXT;
}

void x87_frstor(struct cpu *cpu, const struct op *op) {
  x87_wait(cpu, op);
  load_state(cpu, op);
  NEXT;
}
