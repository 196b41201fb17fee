/* memfd_create() */
#define _GNU_SOURCE
#include "soft/native/native.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "soft/integer/branch.h"
#include "soft/native/template.h"

#define CODE_BYTES (16u << 20)
#define CODE_ALIGN 16
/* Ops that a native block has at most. */
#define MOST_OPS 768
/* What code that all blocks share takes at most. */
#define SHARED_BYTES 128

/*
 * The same pages twice: written at one place, run at the other, so that none can be written where it
 * runs. What runs lies behind the ops, near enough for addresses of 32 bits.
 */
struct native {
  uint8_t *writable, *executable;
  uint32_t used;
  const uint8_t *link_miss, *jump_miss, *leave;
  /* Of the block that becomes native: for each op its template, whether its status flags are wanted behind it,
   * and where its code begins, NULL when its own function does it. */
  const struct template *templates[MOST_OPS];
  bool live[MOST_OPS];
  uint8_t *starts[MOST_OPS];
  /* Branches to an op's own function. */
  struct { uint8_t *branch; uint32_t op; } late[MOST_OPS * MOST_TO_OP];
  uint8_t held[MOST_OPS][HELD]; /* guest registers that an op's code finds in the host's */
};

void *native_reserve(size_t bytes) {
  uint8_t *at = mmap(NULL, bytes + CODE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return NULL;
  if (mprotect(at, bytes, PROT_READ | PROT_WRITE) == 0) return at;
  munmap(at, bytes + CODE_BYTES);
  return NULL;
}

void native_release(void *reserved, size_t bytes) {
  munmap(reserved, bytes + CODE_BYTES);
}

/* To a function with a block's state as it is: RDI and RSI are the arguments of ops. */
static void put_function(struct assembler *a, const void *function) {
  put_value(a, HOST_RAX, (uint64_t)(uintptr_t)function);
  put_rr(a, 4, HOST_COUNT_OR_JUMP, HOST_JMP, HOST_RAX);
}

/* Code that all blocks share: see template.h. */
static void put_shared(struct native *native, struct assembler *a) {
  native->link_miss = a->at;
  put_function(a, (const void *)(uintptr_t)link_miss);
  native->jump_miss = a->at;
  put_function(a, (const void *)(uintptr_t)jump_miss);
  native->leave = a->at;
  put_rm(a, 8, HOST_ADD_TO, HOST_RCX, HOST_CPU, NO_INDEX, 0, CPU(budget));
  put_load(a, 8, HOST_RAX, HOST_CPU, CPU(reg[REG_BLOCK]));
  put_store(a, 8, HOST_RAX, HOST_CPU, CPU(rip));
  put_bytes(a, HOST_RETURN, 1);
}

struct native *native_create(void *reserved, size_t bytes) {
  struct native *native = calloc(1, sizeof *native);
  int file = memfd_create("splitx-native", MFD_CLOEXEC);
  if (!native || file < 0 || ftruncate(file, CODE_BYTES) != 0) goto failed;
  native->executable = mmap((uint8_t *)reserved + bytes, CODE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, file, 0);
  if (native->executable == MAP_FAILED) goto failed;
  native->writable = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (native->writable == MAP_FAILED) goto failed;
  close(file);
  native_forget_all(native);
  return native;
failed:
  if (file >= 0) close(file);
  free(native);
  return NULL;
}

void native_destroy(struct native *native) {
  if (!native) return;
  munmap(native->writable, CODE_BYTES);
  free(native);
}

/* Serialises: what was written at one address is about to run at another (SDM volume 3, 9.1.3). */
static void serialise(void) {
  uint32_t a = 0, b, c = 0, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
}

void native_forget_all(struct native *native) {
  if (!native) return;
  struct assembler a = {native->writable, native->writable + SHARED_BYTES};
  put_shared(native, &a);
  native->used = SHARED_BYTES;
  serialise();
}

uint64_t native_bytes(const struct native *native) {
  return native ? native->used : 0;
}

/* The op's own function does it, and goes on with the op behind it. */
static void put_op(struct compiler *c, handler *run) {
  put_value(&c->a, HOST_OP, (uint64_t)(uintptr_t)c->op);
  put_function(&c->a, (const void *)(uintptr_t)run);
}

/* Fills in `live`, from the last op that runs to the first: the number of those that do. */
static uint32_t find_live(struct native *native, uint32_t count) {
  const struct template *const *templates = native->templates;
  uint32_t ops = 0;
  while (ops < count && !(templates[ops++] && templates[ops - 1]->ends)) {}
  bool wanted = true;
  for (uint32_t i = ops; i-- > 0;) {
    native->live[i] = wanted;
    if (!templates[i] || templates[i]->observes) wanted = true;
    else if (templates[i]->sets) wanted = false;
  }
  return ops;
}

/* False: the op's own function does it. */
static bool put_template(struct compiler *c, const struct template *template) {
  struct compiler before = *c;
  c->template = template;
  c->to_op_count = 0;
  bool done = template && template->emit(c);
  if (!done) {
    *c = before;
    c->to_op_count = 0;
    put_op(c, c->op->run);
    c->cc = CC_UNKNOWN;
    forget_held(c);
  } else if (template->sets && !c->live) {
    c->cc = c->to_op_count ? CC_UNKNOWN : before.cc;
  }
  return done;
}

/* The code of ops in their order. Sets `starts` where an op's `run` may be called. Returns how many branches
 * to ops' own functions there are. */
static uint32_t put_ops(struct native *native, struct compiler *c, const struct op *ops, uint32_t count) {
  uint32_t lates = 0;
  forget_held(c);
  for (uint32_t i = 0; i < count; i++) {
    c->op = &ops[i];
    c->live = native->live[i];
    memcpy(native->held[i], c->held, HELD);
    uint8_t *start = c->a.at;
    native->starts[i] = put_template(c, native->templates[i]) ? start : NULL;
    for (uint32_t k = 0; k < c->to_op_count; k++) {
      native->late[lates].branch = c->to_op[k];
      native->late[lates++].op = i;
    }
  }
  return lates;
}

static bool holds_nothing(const uint8_t held[HELD]) {
  for (int i = 0; i < HELD; i++) {
    if (held[i] != HOLDS_NOTHING) return false;
  }
  return true;
}

/* An op's own function goes on with the op behind it, whose code may want registers that hold something. */
static void put_entry(struct native *native, struct compiler *c, uint32_t op) {
  if (!native->starts[op] || holds_nothing(native->held[op])) return;
  uint8_t *entry = c->a.at;
  put_held(c, native->held[op]);
  put_jump(&c->a, native->starts[op]);
  native->starts[op] = entry;
  memset(native->held[op], HOLDS_NOTHING, HELD);
}

bool native_compile(struct native *native, struct op *ops, uint32_t count) {
  if (count > MOST_OPS) return true;
  for (uint32_t i = 0; i < count; i++) native->templates[i] = template_of(ops[i].run);
  uint32_t running = find_live(native, count);
  struct compiler c = {.a = {native->writable + native->used, native->writable + CODE_BYTES},
                       .executable = native->executable - native->writable,
                       .cc = CC_UNKNOWN,
                       .link_miss = native->link_miss,
                       .jump_miss = native->jump_miss,
                       .leave = native->leave};
  uint32_t lates = put_ops(native, &c, ops, running);
  for (uint32_t i = 0; i < lates; i++) {
    c.op = &ops[native->late[i].op];
    put_target(&c.a, native->late[i].branch, c.a.at);
    put_op(&c, c.op->run);
  }
  for (uint32_t i = 0; i < lates; i++) {
    if (native->late[i].op + 1 < running) put_entry(native, &c, native->late[i].op + 1);
  }
  if (c.a.at > c.a.end) return false;
  for (uint32_t i = 0; i < running; i++) { /* what is not called needs nothing */
    if (native->starts[i] && holds_nothing(native->held[i])) ops[i].run = (handler *)(uintptr_t)(native->starts[i] + c.executable);
  }
  native->used = (uint32_t)(c.a.at - native->writable + CODE_ALIGN - 1) & ~(CODE_ALIGN - 1u);
  return true;
}
