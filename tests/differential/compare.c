#define _GNU_SOURCE
#include "compare.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "forms.h"

#define BREAKPOINT 3
#define PAGE_FAULT 14
#define PRESENT 1u
#define USER_ADDRESSES ((1ull << 47) - 4096)

static struct run native, soft;

void text_add(struct text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text->at, text->room, format, arguments);
  va_end(arguments);
  uint32_t used = length < 0 ? 0 : (uint32_t)length < text->room ? (uint32_t)length : text->room - 1;
  text->at += used;
  text->room -= used;
}

/* The step that a stop is at; for an INT3 in place of a step, that one. */
static int step_of(const struct program *program, const struct stop *stop) {
  if (stop->vector == VECTOR_END) return (int)program->count;
  int step = stop->vector == BREAKPOINT ? program_step_at(program, stop->state.rip - 1) : -1;
  return step < 0 ? program_step_at(program, stop->state.rip) : step;
}

/* Status flags that mean something at a stop. */
static uint32_t flags_compared(const struct program *program, const struct stop *stop) {
  int step = step_of(program, stop);
  uint32_t undefined = step < 0 ? STATUS_FLAGS : program->steps[step].undefined;
  return COMPARED_FLAGS & ~undefined;
}

/* Linux hides of kernel addresses whether they are mapped. */
static uint32_t error_compared(const struct stop *stop) {
  return stop->vector == PAGE_FAULT && stop->address >= USER_ADDRESSES ? ~PRESENT : ~0u;
}

/* Where an operand of many bytes faults is the processor's choice. */
static uint64_t address_compared(const struct program *program, const struct stop *stop) {
  int step = program_step_at(program, stop->state.rip);
  bool large = program->any_address || (step >= 0 && program->steps[step].form != NO_FORM && forms[program->steps[step].form].bytes > 16);
  return stop->vector == PAGE_FAULT && !large ? ~0ull : 0;
}

/* Not FOP, FIP and FDP: processors differ in when they save them. */
static bool same_fpu(const struct fpu_state *a, const struct fpu_state *b) {
  bool same = a->control == b->control && a->status == b->status && a->tags == b->tags && a->mxcsr == b->mxcsr;
  for (int i = 0; i < 8; i++) same = same && memcmp(a->st[i], b->st[i], 10) == 0;
  return same && memcmp(a->xmm, b->xmm, sizeof a->xmm) == 0;
}

static bool same_stop(const struct program *program, const struct stop *a, const struct stop *b) {
  return a->vector == b->vector && !((a->error ^ b->error) & error_compared(a)) &&
         !((a->address ^ b->address) & address_compared(program, a)) && a->state.rip == b->state.rip &&
         !((a->state.flags ^ b->state.flags) & flags_compared(program, a)) &&
         memcmp(a->state.reg, b->state.reg, sizeof a->state.reg) == 0 && same_fpu(&a->state.fpu, &b->state.fpu);
}

static uint32_t first_difference(const struct program *program) {
  uint32_t i = 0;
  while (i < native.count && i < soft.count && same_stop(program, &native.stops[i], &soft.stops[i])) i++;
  return i;
}

static bool same_run(const struct program *program) {
  return native.count == soft.count && first_difference(program) == native.count &&
         memcmp(native_scratch(), soft_scratch(), SCRATCH_BYTES) == 0;
}

/* Whether an address that is none of a program's is one of this process's own, above 4 GiB: then it proves nothing. */
static bool met_host_memory(void) {
  for (uint32_t i = 0; i < soft.count; i++) {
    const struct stop *stop = &soft.stops[i];
    unsigned char resident;
    if (stop->vector != PAGE_FAULT || stop->address <= UINT32_MAX || stop->address >= USER_ADDRESSES) continue;
    if (mincore((void *)(uintptr_t)(stop->address & ~4095ull), 4096, &resident) == 0) return true;
  }
  return false;
}

bool agrees(const struct program *program, const struct input *input) {
  native_run(program, input, &native);
  soft_run(program, input, &soft);
  return same_run(program) || met_host_memory();
}

uint32_t compared_faults(void) { return native.count - 1; }

uint32_t compared_steps(const struct program *program) {
  uint32_t total = 0, from = 0;
  for (uint32_t i = 0; i < native.count; i++) {
    const struct stop *stop = &native.stops[i];
    int at = step_of(program, stop);
    if (at < 0) break;
    if (program->steps[at].certain > from) total += program->steps[at].certain - from;
    if (at == (int)program->count) break;
    from = program->steps[at].certain;
  }
  return total;
}

/* The program's beginning: a breakpoint stands at `count` and behind it. */
static struct program beginning(const struct program *program, uint32_t count) {
  struct program part = *program;
  for (uint32_t i = count; i <= program->count; i++) part.code[program->steps[i].start] = 0xcc;
  return part;
}

static bool beginning_agrees(const struct program *program, const struct input *input, uint32_t count) {
  struct program part = beginning(program, count);
  native_load(&part);
  soft_load(&part);
  return agrees(&part, input);
}

#define SAY(what, member)                                                                    \
  if (a->member != b->member) {                                                              \
    text_add(text, "  %-8s host %#llx, soft %#llx\n", what, (unsigned long long)a->member, \
             (unsigned long long)b->member);                                                 \
  }

static void describe_fpu(const struct fpu_state *a, const struct fpu_state *b, struct text *text) {
  SAY("fcw", control)
  SAY("fsw", status)
  SAY("ftw", tags)
  SAY("mxcsr", mxcsr)
  for (int i = 0; i < 8; i++) {
    if (memcmp(a->st[i], b->st[i], 10) == 0) continue;
    text_add(text, "  st%d      host %04x %016llx, soft %04x %016llx\n", i, (uint16_t)a->st[i][1],
             (unsigned long long)a->st[i][0], (uint16_t)b->st[i][1], (unsigned long long)b->st[i][0]);
  }
  for (int i = 0; i < 16; i++) {
    if (memcmp(a->xmm[i], b->xmm[i], 16) == 0) continue;
    text_add(text, "  xmm%-5d host %016llx%016llx, soft %016llx%016llx\n", i, (unsigned long long)a->xmm[i][1],
             (unsigned long long)a->xmm[i][0], (unsigned long long)b->xmm[i][1], (unsigned long long)b->xmm[i][0]);
  }
}

static void describe_stop(const struct program *program, const struct stop *a, const struct stop *b, struct text *text) {
  static const char *const names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
  SAY("vector", vector)
  if ((a->error ^ b->error) & error_compared(a)) SAY("error", error)
  if (a->vector == PAGE_FAULT) SAY("cr2", address)
  SAY("rip", state.rip)
  if ((a->state.flags ^ b->state.flags) & flags_compared(program, a)) SAY("rflags", state.flags)
  for (int i = 0; i < 16; i++) SAY(names[i], state.reg[i])
  describe_fpu(&a->state.fpu, &b->state.fpu, text);
}

static void describe_memory(struct text *text) {
  const uint8_t *a = native_scratch(), *b = soft_scratch();
  int said = 0;
  for (uint32_t i = 0; i < SCRATCH_BYTES && said < 8; i += 8) {
    if (memcmp(a + i, b + i, 8) == 0) continue;
    uint64_t host, other;
    memcpy(&host, a + i, 8);
    memcpy(&other, b + i, 8);
    text_add(text, "  %#x host %016llx, soft %016llx\n", SCRATCH_ADDRESS + i, (unsigned long long)host,
             (unsigned long long)other);
    said++;
  }
}

/* The state right before an instruction, as far as it can be had. */
static void describe_before(const struct program *program, const struct input *input, uint32_t step,
                            struct text *text) {
  if (!beginning_agrees(program, input, step)) return;
  const struct state *state = &native.stops[native.count - 1].state;
  text_add(text, "before: flags %#llx", (unsigned long long)state->flags);
  for (int i = 0; i < 16; i++) text_add(text, " %#llx", (unsigned long long)state->reg[i]);
  text_add(text, "\n  fcw %#x fsw %#x ftw %#x mxcsr %#x", state->fpu.control, state->fpu.status, state->fpu.tags,
           state->fpu.mxcsr);
  for (int i = 0; i < 8; i++) {
    text_add(text, " %04x:%016llx", (uint16_t)state->fpu.st[i][1], (unsigned long long)state->fpu.st[i][0]);
  }
  text_add(text, "\n");
}

static void describe_run(const struct program *program, struct text *text) {
  uint32_t stop = first_difference(program);
  if (stop < native.count && stop < soft.count) {
    describe_stop(program, &native.stops[stop], &soft.stops[stop], text);
  } else if (native.count != soft.count) {
    text_add(text, "  host made %u stops, soft %u\n", native.count, soft.count);
  }
  describe_memory(text);
}

static void describe_step(const struct program *program, uint32_t step, struct text *text) {
  text_add(text, "since instruction %u of %u, at %#x:", step, program->count,
           CODE_ADDRESS + program->origin + program->steps[step - 1].start);
  for (uint32_t i = program->steps[step - 1].start; i < program->steps[step].start; i++) {
    text_add(text, " %02x", program->code[i]);
  }
  text_add(text, "\n");
}

void describe(const struct program *program, const struct input *input, uint32_t number, struct text *text) {
  text_add(text, "seed %llu, input %u: the end differs\n", (unsigned long long)program->seed, number);
  describe_run(program, text);
  uint32_t step = 0;
  while (step <= program->count && beginning_agrees(program, input, step)) step++;
  if (step > program->count) {
    text_add(text, "no beginning of it differs\n");
  } else if (step) {
    describe_step(program, step, text);
    describe_run(program, text);
    describe_before(program, input, step - 1, text);
  }
  text_add(text, "origin %#x\ncode ", CODE_ADDRESS + program->origin);
  for (uint32_t i = 0; i < program->bytes; i++) text_add(text, "%02x", program->code[i]);
  text_add(text, "\n");
}
