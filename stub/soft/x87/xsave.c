/* FXSAVE, FXRSTOR and the XSAVE family with the state components x87 and SSE. */
#include "soft/sse/sse.h"
#include "soft/x87/x87.h"

/* State components (SDM volume 1, 13.1). */
#define XSTATE_X87 0x1
#define XSTATE_SSE 0x2
#define XSTATE_ALL (XSTATE_X87 | XSTATE_SSE)
#define XCOMP_COMPACTED (1ull << 63)

/* The area of FXSAVE as far as it is defined, with REX.W (SDM volume 1, table 10-2). Without REX.W,
 * the upper halves of FIP and FDP are selectors: 0, as CPUID.7.EBX[13] announces. */
struct fxsave_area {
  uint16_t control, status;
  uint8_t tags, reserved;
  uint16_t opcode;
  uint64_t instruction, operand;
  uint32_t mxcsr, mxcsr_mask;
  struct x87_register st[8]; /* by place on the stack */
  union xmm xmm[16];
};
_Static_assert(sizeof(struct fxsave_area) == 416, "SDM volume 1, table 10-2");

#define FXSAVE_ALIGNMENT 16
#define MXCSR_OFFSET offsetof(struct fxsave_area, mxcsr)
#define ST_OFFSET offsetof(struct fxsave_area, st)
#define XMM_OFFSET offsetof(struct fxsave_area, xmm)

/* The header behind it (SDM volume 1, 13.4.2). */
struct xsave_header {
  uint64_t xstate_bv, xcomp_bv, reserved[6];
};
#define HEADER_OFFSET FXSAVE_BYTES
#define XSAVE_BYTES (HEADER_OFFSET + sizeof(struct xsave_header))
#define XSAVE_ALIGNMENT 64

/* XMM8 and up are only there in 64-bit mode. */
static uint32_t xmm_count(const struct cpu *cpu) {
  return cpu->code_size == 8 ? 16 : 8;
}

static uint32_t xmm_bytes(const struct cpu *cpu) {
  return xmm_count(cpu) * (uint32_t)sizeof(union xmm);
}

/* FIP and FDP as wide as the instruction has them: op->dst is REX.W. */
static uint64_t pointer(const struct op *op, uint64_t value) {
  return op->dst ? value : (uint32_t)value;
}

static void save_x87(const struct cpu *cpu, const struct op *op, struct fxsave_area *area) {
  const struct fpu *fpu = &cpu->fpu;
  area->control = fpu->control;
  area->status = x87_status_word(fpu);
  area->tags = fpu->tags;
  area->reserved = 0;
  area->opcode = fpu->opcode;
  area->instruction = pointer(op, fpu->instruction);
  area->operand = pointer(op, fpu->operand);
  for (uint32_t i = 0; i < 8; i++) {
    const struct x87_register *from = &fpu->st[(fpu->top + i) & 7];
    area->st[i] = (struct x87_register){.mantissa = from->mantissa, .exponent = from->exponent};
  }
}

static void restore_x87(struct cpu *cpu, const struct op *op, const struct fxsave_area *area) {
  struct fpu *fpu = &cpu->fpu;
  x87_set_status(fpu, area->status);
  x87_set_control(fpu, area->control);
  fpu->tags = area->tags;
  fpu->opcode = area->opcode & X87_OPCODE_BITS;
  fpu->instruction = pointer(op, area->instruction);
  fpu->operand = pointer(op, area->operand);
  for (uint32_t i = 0; i < 8; i++) {
    struct x87_register *to = x87_st(cpu, i);
    to->mantissa = area->st[i].mantissa;
    to->exponent = area->st[i].exponent;
  }
}

/* The initial configuration (SDM volume 1, 13.6). */
static void initialize_x87(struct cpu *cpu) {
  x87_initialize(&cpu->fpu);
  memset(cpu->fpu.st, 0, sizeof cpu->fpu.st);
}

static bool x87_in_use(const struct cpu *cpu) {
  const struct fpu *fpu = &cpu->fpu;
  uint64_t any = (fpu->control ^ X87_CONTROL_INITIAL) | fpu->status | fpu->top | fpu->tags |
                 fpu->opcode | fpu->instruction | fpu->operand;
  for (uint32_t i = 0; i < 8; i++) any |= fpu->st[i].mantissa | fpu->st[i].exponent;
  return any;
}

static bool xmm_in_use(const struct cpu *cpu) {
  uint64_t any = 0;
  for (uint32_t i = 0; i < xmm_count(cpu); i++) any |= cpu->xmm[i].u64[0] | cpu->xmm[i].u64[1];
  return any;
}

static void check_fxsave(struct cpu *cpu, const struct op *op) {
  x87_check(cpu, op);
  if (ea(cpu, op) % FXSAVE_ALIGNMENT) cpu_fault(cpu, op, VECTOR_GP, 0);
}

static void check_mxcsr(struct cpu *cpu, const struct op *op, uint32_t value) {
  if (value & ~MXCSR_VALID) cpu_fault(cpu, op, VECTOR_GP, 0);
}

static __attribute__((noinline)) void fxsave_to_memory(struct cpu *cpu, const struct op *op) {
  check_fxsave(cpu, op);
  struct fxsave_area area;
  save_x87(cpu, op, &area);
  area.mxcsr = sse_mxcsr(cpu);
  area.mxcsr_mask = MXCSR_VALID;
  uint32_t bytes = XMM_OFFSET + xmm_bytes(cpu);
  memcpy(area.xmm, cpu->xmm, xmm_bytes(cpu));
  memory_probe_write(cpu, op, ea(cpu, op), FXSAVE_BYTES);
  x87_write(cpu, op, ea(cpu, op), &area, bytes);
}

static __attribute__((noinline)) void fxrstor_from_memory(struct cpu *cpu, const struct op *op) {
  check_fxsave(cpu, op);
  struct fxsave_area area;
  memory_probe_read(cpu, op, ea(cpu, op), FXSAVE_BYTES);
  x87_read(cpu, op, ea(cpu, op), &area, XMM_OFFSET + xmm_bytes(cpu));
  check_mxcsr(cpu, op, area.mxcsr);
  restore_x87(cpu, op, &area);
  memcpy(cpu->xmm, area.xmm, xmm_bytes(cpu));
  sse_set_mxcsr(cpu, area.mxcsr);
}

void fxsave(struct cpu *cpu, const struct op *op) {
  fxsave_to_memory(cpu, op);
  NEXT;
}

void fxrstor(struct cpu *cpu, const struct op *op) {
  fxrstor_from_memory(cpu, op);
  NEXT;
}

/* What instructions of XSAVE have in common: @return the requested-feature bitmap */
static uint64_t check_xsave(struct cpu *cpu, const struct op *op) {
  if (!(cpu->cr4 & CR4_OSXSAVE)) cpu_fault(cpu, op, VECTOR_UD, 0);
  if (cpu->cr0 & CR0_TS) cpu_fault(cpu, op, VECTOR_NM, 0);
  if (ea(cpu, op) % XSAVE_ALIGNMENT) cpu_fault(cpu, op, VECTOR_GP, 0);
  uint64_t requested = cpu->reg[RDX] << 32 | (uint32_t)cpu->reg[RAX];
  return requested & cpu->xcr0;
}

static bool writable(struct cpu *cpu, uint64_t address) {
  return tlb_at(cpu, address)->write == tlb_tag(cpu, address, 1);
}

static void probe(struct cpu *cpu, const struct op *op, uint64_t address) {
  if (likely(writable(cpu, address) && writable(cpu, address + XSAVE_BYTES - 1))) return;
  memory_probe_write(cpu, op, address, XSAVE_BYTES);
}

/* XINUSE, for which MXCSR does not count (SDM volume 1, 13.6). */
static uint64_t in_use(const struct cpu *cpu) {
  return (x87_in_use(cpu) ? XSTATE_X87 : 0) | (xmm_in_use(cpu) ? XSTATE_SSE : 0);
}

static void write_components(struct cpu *cpu, const struct op *op, uint64_t components,
                             uint32_t mxcsr) {
  struct fxsave_area area;
  uint64_t address = ea(cpu, op);
  if (components & XSTATE_X87) save_x87(cpu, op, &area);
  if (components & XSTATE_SSE) {
    area.mxcsr = mxcsr;
    area.mxcsr_mask = MXCSR_VALID;
    memcpy(area.xmm, cpu->xmm, xmm_bytes(cpu));
  }
  if (components == XSTATE_ALL) {
    x87_write(cpu, op, address, &area, XMM_OFFSET + xmm_bytes(cpu));
  } else if (components == XSTATE_X87) {
    x87_write(cpu, op, address, &area, MXCSR_OFFSET);
    x87_write(cpu, op, address + ST_OFFSET, area.st, sizeof area.st);
  } else if (components == XSTATE_SSE) {
    x87_write(cpu, op, address + MXCSR_OFFSET, &area.mxcsr, ST_OFFSET - MXCSR_OFFSET);
    x87_write(cpu, op, address + XMM_OFFSET, area.xmm, xmm_bytes(cpu));
  }
}

/* XSAVE and XSAVEOPT (SDM volume 1, 13.7 and 13.9): the latter leaves out what is in its initial
 * configuration, but never MXCSR. */
static __attribute__((noinline)) void save_standard(struct cpu *cpu, const struct op *op,
                                                    bool optimize) {
  uint64_t wanted = check_xsave(cpu, op), address = ea(cpu, op);
  probe(cpu, op, address);
  uint32_t mxcsr = sse_mxcsr(cpu);
  uint64_t used = in_use(cpu);
  uint64_t kept = load64(cpu, op, address + HEADER_OFFSET) & ~wanted;
  uint64_t written = optimize ? wanted & used : wanted;
  write_components(cpu, op, written, mxcsr);
  if (wanted & ~written & XSTATE_SSE) {
    store64(cpu, op, address + MXCSR_OFFSET, (uint64_t)MXCSR_VALID << 32 | mxcsr);
  }
  store64(cpu, op, address + HEADER_OFFSET, kept | (wanted & used));
}

/* XSAVEC (SDM volume 1, 13.10): here, MXCSR counts for XSTATE_BV. */
static __attribute__((noinline)) void save_compacted(struct cpu *cpu, const struct op *op) {
  uint64_t wanted = check_xsave(cpu, op), header = ea(cpu, op) + HEADER_OFFSET;
  probe(cpu, op, ea(cpu, op));
  uint32_t mxcsr = sse_mxcsr(cpu);
  uint64_t used = wanted & (in_use(cpu) | (mxcsr != MXCSR_DEFAULT ? XSTATE_SSE : 0));
  write_components(cpu, op, used, mxcsr);
  store64(cpu, op, header, used);
  store64(cpu, op, header + offsetof(struct xsave_header, xcomp_bv), wanted | XCOMP_COMPACTED);
}

static bool header_valid(const struct cpu *cpu, const struct xsave_header *header) {
  uint64_t reserved = 0, allowed = cpu->xcr0;
  if (header->xcomp_bv & XCOMP_COMPACTED) {
    uint64_t present = header->xcomp_bv & ~XCOMP_COMPACTED;
    if (present & ~cpu->xcr0) return false;
    allowed = present;
    for (uint32_t i = 0; i < 6; i++) reserved |= header->reserved[i];
  } else {
    reserved = header->xcomp_bv | header->reserved[0];
  }
  return !(header->xstate_bv & ~allowed) && !reserved;
}

/* SDM volume 1, 13.8. */
static __attribute__((noinline)) void restore(struct cpu *cpu, const struct op *op) {
  uint64_t wanted = check_xsave(cpu, op), address = ea(cpu, op);
  struct xsave_header header;
  x87_read(cpu, op, address + HEADER_OFFSET, &header, sizeof header);
  if (!header_valid(cpu, &header)) cpu_fault(cpu, op, VECTOR_GP, 0);
  struct fxsave_area area;
  x87_read(cpu, op, address, &area, XMM_OFFSET + xmm_bytes(cpu));

  /* The standard format has MXCSR whatever XSTATE_BV says. */
  bool load_sse = header.xstate_bv & XSTATE_SSE;
  bool load_mxcsr = load_sse || !(header.xcomp_bv & XCOMP_COMPACTED);
  if (wanted & XSTATE_SSE && load_mxcsr) check_mxcsr(cpu, op, area.mxcsr);

  if (wanted & XSTATE_X87) {
    if (header.xstate_bv & XSTATE_X87) {
      restore_x87(cpu, op, &area);
    } else {
      initialize_x87(cpu);
    }
  }
  if (wanted & XSTATE_SSE) {
    if (load_sse) {
      memcpy(cpu->xmm, area.xmm, xmm_bytes(cpu));
    } else {
      memset(cpu->xmm, 0, xmm_bytes(cpu));
    }
    sse_set_mxcsr(cpu, load_mxcsr ? area.mxcsr : MXCSR_DEFAULT);
  }
}

void xsave(struct cpu *cpu, const struct op *op) {
  save_standard(cpu, op, false);
  NEXT;
}

void xsaveopt(struct cpu *cpu, const struct op *op) {
  save_standard(cpu, op, true);
  NEXT;
}

void xsavec(struct cpu *cpu, const struct op *op) {
  save_compacted(cpu, op);
  NEXT;
}

void xrstor(struct cpu *cpu, const struct op *op) {
  restore(cpu, op);
  NEXT;
}

void fxsave_read(struct cpu *cpu, uint8_t area[FXSAVE_BYTES]) {
  static const struct op wide = {.dst = 1};
  struct fxsave_area image = {.mxcsr = cpu->fpu.mxcsr, .mxcsr_mask = MXCSR_VALID};
  save_x87(cpu, &wide, &image);
  memcpy(image.xmm, cpu->xmm, sizeof image.xmm);
  memset(area, 0, FXSAVE_BYTES);
  memcpy(area, &image, sizeof image);
}

void fxsave_write(struct cpu *cpu, const uint8_t area[FXSAVE_BYTES]) {
  static const struct op wide = {.dst = 1};
  struct fxsave_area image;
  memcpy(&image, area, sizeof image);
  restore_x87(cpu, &wide, &image);
  memcpy(cpu->xmm, image.xmm, sizeof image.xmm);
  cpu->fpu.mxcsr = image.mxcsr & MXCSR_VALID;
}

void xgetbv(struct cpu *cpu, const struct op *op) {
  if (!(cpu->cr4 & CR4_OSXSAVE)) cpu_fault(cpu, op, VECTOR_UD, 0);
  if ((uint32_t)cpu->reg[RCX] != 0) cpu_fault(cpu, op, VECTOR_GP, 0);
  cpu->reg[RAX] = (uint32_t)cpu->xcr0;
  cpu->reg[RDX] = cpu->xcr0 >> 32;
  NEXT;
}

void xsetbv(struct cpu *cpu, const struct op *op) {
  if (!(cpu->cr4 & CR4_OSXSAVE)) cpu_fault(cpu, op, VECTOR_UD, 0);
  uint64_t value = cpu->reg[RDX] << 32 | (uint32_t)cpu->reg[RAX];
  if (cpu->cpl != 0 || (uint32_t)cpu->reg[RCX] != 0 || !(value & XSTATE_X87) ||
      value & ~(uint64_t)XSTATE_ALL) {
    cpu_fault(cpu, op, VECTOR_GP, 0);
  }
  cpu->xcr0 = value;
  NEXT;
}
