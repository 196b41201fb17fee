/*
 * What both sides of the differential test run: programs, the state that they start from, and the
 * stops that they make. Code and data have the same addresses on the host as in the soft machine.
 */
#ifndef SX_DIFFERENTIAL_PROGRAM_H
#define SX_DIFFERENTIAL_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Below 4 GiB, so that addresses of 32 bits reach them. What lies around each is not mapped. */
#define CODE_ADDRESS 0x10000000u
#define CODE_BYTES 0x3000u
/* A program ends by a jump through the first word of this page, the one that both sides have a value of
 * their own in: no round number, which programs would come upon. */
#define GATEWAY_ADDRESS 0x156b3000u
#define LEFT_OFFSET 0x100u /* in it: where a program arrives on the soft engine */
#define HLT 0xf4
#define SCRATCH_ADDRESS 0x20000000u
#define SCRATCH_BYTES 0x2000u
/* Bases of FS and GS, in the scratch area. */
#define FS_BASE (SCRATCH_ADDRESS + 0x840u)
#define GS_BASE (SCRATCH_ADDRESS + 0x1080u)

#define MOST_STEPS 96  /* instructions of a program */
#define MOST_STOPS 12  /* faults and traps that a run may make: the last one ends it */
#define PROGRAM_BYTES 2048u

/* RFLAGS that programs may see and change. */
#define CF 0x1u
#define PF 0x4u
#define AF 0x10u
#define ZF 0x40u
#define SF 0x80u
#define DF 0x400u
#define AC 0x40000u
#define ID 0x200000u
#define OF 0x800u
#define STATUS_FLAGS (CF | PF | AF | ZF | SF | OF)
#define COMPARED_FLAGS (STATUS_FLAGS | DF)

/* As FXSAVE writes it with REX.W (SDM volume 1, table 10-2). */
struct fpu_state {
  uint16_t control, status;
  uint8_t tags, reserved;
  uint16_t opcode;
  uint64_t instruction, operand;
  uint32_t mxcsr, mxcsr_mask;
  uint64_t st[8][2]; /* by place on the stack; 10 bytes of each count */
  uint64_t xmm[16][2];
  uint64_t unused[12];
} __attribute__((aligned(16)));
_Static_assert(sizeof(struct fpu_state) == 512, "SDM volume 1, table 10-2");

struct state {
  struct fpu_state fpu;
  uint64_t reg[16]; /* by their number in instructions */
  uint64_t rip, flags;
};

struct step {
  uint16_t start;     /* of its bytes in the program */
  uint16_t undefined; /* status flags that nothing has defined when it begins */
  uint16_t form;      /* which of forms.c, or NO_FORM */
  uint16_t certain;   /* steps before it that no branch leads around */
};
#define NO_FORM 0xffffu

#define POINTERS 3
#define INDEXES 2
#define STACK_POINTER 4

struct program {
  uint64_t seed;
  uint32_t origin; /* of its first byte, from CODE_ADDRESS */
  uint32_t bytes;  /* of the code, without the jump out behind it */
  uint32_t count;
  bool uses_fs;
  bool any_address; /* a page fault's address is not compared */
  bool unmasks; /* exceptions of x87 and SSE, now and then */
  /* Registers that point into the scratch area, and small numbers to index with. */
  uint8_t pointers[POINTERS], indexes[INDEXES];
  struct step steps[MOST_STEPS + 1]; /* the last one is the end */
  uint8_t code[PROGRAM_BYTES];
};

/* What a run begins with. */
struct input {
  struct state state; /* RIP is the program's beginning */
  const uint8_t *scratch;
};

#define VECTOR_END 0xff /* of the stop at the program's end */

struct stop {
  struct state state; /* RIP as the exception's frame has it */
  uint64_t address;   /* CR2 of a page fault */
  uint32_t error;
  uint8_t vector;
};

struct run {
  uint32_t count;
  struct stop stops[MOST_STOPS];
};

/* native.c: the host's processor. */
void native_open(void);
void native_load(const struct program *program);
void native_run(const struct program *program, const struct input *input, struct run *run);
uint8_t *native_scratch(void);

/* soft.c: the soft engine. */
void soft_open(void);
void soft_load(const struct program *program);
void soft_run(const struct program *program, const struct input *input, struct run *run);
uint8_t *soft_scratch(void);
bool soft_has_mmx(void);

/* The program of a seed: generate.c. */
void program_generate(struct program *program, uint64_t seed);
/* Puts the way out behind the last step. */
void program_end(struct program *program);
/* What each program runs with, one after the other: inputs.c. */
#define INPUTS 5
void input_generate(struct input *input, const struct program *program, uint32_t number);

/* The step that begins at an instruction pointer, or -1. */
static inline int program_step_at(const struct program *program, uint64_t rip) {
  uint64_t at = rip - CODE_ADDRESS - program->origin;
  uint32_t low = 0, high = program->count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (program->steps[middle].start < at) low = middle + 1;
    else high = middle;
  }
  return low <= program->count && program->steps[low].start == at ? (int)low : -1;
}

/*
 * Where a run goes on after a stop, 0 when it ends there: behind the instruction that faulted. A trap
 * has RIP behind its instruction already. Status flags become the same on both sides.
 */
static inline uint64_t program_resume(const struct program *program, const struct stop *stop, uint32_t stops) {
  int step = program_step_at(program, stop->state.rip);
  if (stop->vector == VECTOR_END || step < 0 || step >= (int)program->count || stops >= MOST_STOPS) return 0;
  bool trap = stop->vector == 1 || stop->vector == 3 || stop->vector == 4;
  return CODE_ADDRESS + program->origin + program->steps[trap ? step : step + 1].start;
}

static inline uint32_t program_resume_flags(const struct stop *stop) {
  uint32_t direction = (uint32_t)stop->state.flags & DF;
  return 0x202u | direction | (stop->vector & 1 ? ZF | AF : CF | OF | PF);
}

/* Whether PE is set beside an unmasked overflow or underflow of SSE is not compared: it is set on both sides. */
#define SIMD_VECTOR 19
#define MXCSR_PE 0x20u
#define MXCSR_OE_UE 0x18u
static inline uint32_t program_mxcsr(const struct stop *stop) {
  uint32_t mxcsr = stop->state.fpu.mxcsr;
  return stop->vector == SIMD_VECTOR && mxcsr & MXCSR_OE_UE ? mxcsr | MXCSR_PE : mxcsr;
}

#endif
