#include "soft/translation/code_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "soft/exec.h"
#include "soft/integer/branch.h"
#include "soft/translation/decode.h"
#include "soft/controls/intercept.h"
#include "soft/machine.h"
#include "soft/memory/paging.h"
#include "soft/native/native.h"
#include "stub.h"
#include "soft/system/debug.h"
#include "soft/system/system.h"
#include "soft/timeline.h"
#include "soft/tracer.h"

#define BLOCK_BUCKETS (1 << 15)
#define PAGE_BUCKETS (1 << 12)
/* Blocks and copies of pages lie one behind the other; when it is full, all are forgotten. */
#define ARENA_BYTES (32u << 20)
/* Ops that one instruction may become, links included. */
#define OPS_PER_INSN 11
#define MOST_OPS (MOST_INSNS * OPS_PER_INSN + 4)
/* Parts of a page for which it is known whether they were translated. */
#define GRANULE_BYTES (PAGE_BYTES / 64)

struct code_page {
  struct code_page *next; /* of its bucket */
  struct block *blocks;   /* that begin in it */
  struct block *reaching; /* that reach into it from the page before */
  uint64_t address;
  uint64_t granules;      /* a bit for each that has translated bytes; 0: nothing is translated */
  uint8_t copy[PAGE_BYTES];
};

struct code_cache {
  struct block *blocks[BLOCK_BUCKETS];
  struct code_page *pages[PAGE_BUCKETS];
  uint8_t *arena;
  uint32_t used;
  struct native *native; /* NULL: no block becomes native */
  bool crowded;          /* native code has no room: all is forgotten before a block is looked for again */
  uint32_t epoch;
  struct op scratch[MOST_OPS];
  struct block *single;
};

struct code_cache *code_create(void) {
  struct code_cache *code = calloc(1, sizeof *code);
  if (!code) return NULL;
  code->arena = native_reserve(ARENA_BYTES);
  code->single = malloc(sizeof *code->single + MOST_OPS * sizeof(struct op));
  if (!code->arena || !code->single) {
    code_destroy(code);
    return NULL;
  }
  code->native = native_create(code->arena, ARENA_BYTES);
  return code;
}

void code_destroy(struct code_cache *code) {
  if (!code) return;
  native_destroy(code->native);
  if (code->arena) native_release(code->arena, ARENA_BYTES);
  free(code->single);
  free(code);
}

uint64_t code_bytes(const struct code_cache *code) {
  return code->used;
}

uint64_t code_native_bytes(const struct code_cache *code) {
  return native_bytes(code->native);
}

uint32_t code_epoch(const struct cpu *cpu) {
  return cpu->code->epoch;
}

/* Every link and every remembered jump is looked up anew. */
static void unlink_all(struct cpu *cpu) {
  cpu->code->epoch++;
  code_jumps_flush(cpu);
}

void code_jumps_flush(struct cpu *cpu) {
  for (uint32_t i = 0; i < SPACES; i++) cpu->spaces[i].code_generation = ++cpu->next_code_generation;
  cpu->generation[LIFE_LOCAL] = cpu->spaces[cpu->space].code_generation;
  cpu->generation[LIFE_GLOBAL] = ++cpu->next_code_generation;
}

static uint64_t frame_of(const struct cpu *cpu, const uint8_t *host) {
  return (uint64_t)(host - cpu->machine->vm->memory.base) / PAGE_BYTES;
}

static void mark_page(struct cpu *cpu, uint64_t page, bool translated) {
  uint8_t *host = vm_translate(cpu->machine->vm, page, PAGE_BYTES);
  if (!host) return;
  _Atomic uint8_t *map = &cpu->machine->code_map[frame_of(cpu, host)];
  uint8_t bit = (uint8_t)(1u << cpu->index);
  if (!translated) {
    atomic_fetch_and(map, (uint8_t)~bit);
  } else if (!(atomic_fetch_or(map, bit) & bit)) {
    tlb_protect(cpu, host);
    machine_protect(cpu, host);
  }
}

void code_forget_all(struct cpu *cpu) {
  struct code_cache *code = cpu->code;
  for (int i = 0; i < PAGE_BUCKETS; i++) {
    for (struct code_page *page = code->pages[i]; page; page = page->next) {
      if (page->granules) mark_page(cpu, page->address, false);
    }
  }
  memset(code->blocks, 0, sizeof code->blocks);
  memset(code->pages, 0, sizeof code->pages);
  code->used = 0;
  native_forget_all(code->native);
  code->crowded = false;
  unlink_all(cpu);
}

void code_restart_generations(struct cpu *cpu) {
  memset(cpu->jumps, 0, sizeof cpu->jumps);
  cpu->next_code_generation = 1;
  code_forget_all(cpu);
}

static struct code_page **page_bucket(struct code_cache *code, uint64_t address) {
  return &code->pages[(address / PAGE_BYTES) % PAGE_BUCKETS];
}

static struct code_page *page_find(struct code_cache *code, uint64_t address) {
  struct code_page *page = *page_bucket(code, address);
  while (page && page->address != address) page = page->next;
  return page;
}

static uint64_t granules_of(uint64_t offset, uint32_t size) {
  unsigned first = (unsigned)(offset / GRANULE_BYTES), last = (unsigned)((offset + size - 1) / GRANULE_BYTES);
  if (last > 63) last = 63;
  return (~0ull >> (63 - (last - first))) << first;
}

static void forget_page(struct cpu *cpu, struct code_page *page) {
  if (!page->granules) return;
  for (struct block *block = page->blocks; block; block = block->next_in_page) block->forgotten = true;
  for (struct block *block = page->reaching; block; block = block->next_in_second) block->forgotten = true;
  page->blocks = page->reaching = NULL;
  page->granules = 0;
  mark_page(cpu, page->address, false);
  unlink_all(cpu);
}

bool code_written(struct cpu *cpu, uint64_t address, uint32_t size) {
  struct code_page *page = page_find(cpu->code, address & PAGE_MASK);
  machine_code_written(cpu, address & PAGE_MASK);
  if (!page || !(page->granules & granules_of(address & ~PAGE_MASK, size))) return false;
  forget_page(cpu, page);
  return true;
}

void code_forget_page(struct cpu *cpu, uint64_t address) {
  struct code_page *page = page_find(cpu->code, address);
  if (page) forget_page(cpu, page);
}

void code_verify_page(struct cpu *cpu, uint64_t address, const uint8_t *host) {
  struct code_page *page = page_find(cpu->code, address);
  if (page && page->granules && memcmp(page->copy, host, PAGE_BYTES) != 0) forget_page(cpu, page);
}

static void *allocate(struct code_cache *code, uint32_t bytes) {
  bytes = (bytes + 63) & ~63u;
  if (ARENA_BYTES - code->used < bytes) return NULL;
  void *at = code->arena + code->used;
  code->used += bytes;
  return at;
}

static void copy_page(struct cpu *cpu, struct code_page *page, const uint8_t *host) {
  mark_page(cpu, page->address, true); /* from here on writes are noticed: the copy is made behind it */
  memcpy(page->copy, host, PAGE_BYTES);
}

/*
 * The page's record, with a copy that is right from `offset` on: what is translated is translated from
 * there, so that no write can come between the bytes that were read and the copy that stands for them.
 * NULL: no room.
 */
static struct code_page *page_ready(struct cpu *cpu, uint64_t address, const uint8_t *host, uint32_t offset) {
  struct code_cache *code = cpu->code;
  struct code_page *page = page_find(code, address);
  if (!page) {
    page = allocate(code, sizeof *page);
    if (!page) return NULL;
    struct code_page **bucket = page_bucket(code, address);
    *page = (struct code_page){.next = *bucket, .address = address};
    *bucket = page;
  }
  for (uint32_t at = offset & ~(uint32_t)(GRANULE_BYTES - 1); page->granules && at < PAGE_BYTES; at += GRANULE_BYTES) {
    if (!(page->granules & granules_of(at, 1))) memcpy(page->copy + at, host + at, GRANULE_BYTES);
    else if (memcmp(page->copy + at, host + at, GRANULE_BYTES) != 0) forget_page(cpu, page);
  }
  if (!page->granules) copy_page(cpu, page, host);
  page->granules |= granules_of(offset, 1);
  return page;
}

/* What is decided by the mode: code size, whether segments have bases, whether breakpoints are looked for. */
static uint8_t mode_of(const struct cpu *cpu) {
  return (uint8_t)(cpu->code_size | (cpu->flat ? 0x10 : 0) | (cpu->breaks ? 0x20 : 0));
}

static struct block **block_bucket(struct code_cache *code, uint64_t address) {
  return &code->blocks[(address ^ address >> 15) % BLOCK_BUCKETS];
}

static bool still_reaches(struct cpu *cpu, const struct block *block, uint64_t linear) {
  if (block->second_page == NO_PAGE) return true;
  return itlb_find(cpu, (linear & PAGE_MASK) + PAGE_BYTES)->page == block->second_page;
}

/* All of an instruction lies in its segment (SDM volume 3, 5.3); a block is not bound to one. */
static void check_code_limit(struct cpu *cpu, const struct op *op) {
  uint64_t last = (uint64_t)(uint32_t)cpu_rip(cpu, op) + op->length - 1;
  if (unlikely(last > cpu->segment[CS].limit)) cpu_fault(cpu, op, VECTOR_GP, 0);
  NEXT;
}

static void translate_insn(struct translator *t, const struct insn *insn) {
  if (t->breaks) emit(t, insn, exec_check_breakpoint);
  if (!t->flat) emit(t, insn, check_code_limit);
  if (t->intercepts) translate_intercept(t, insn);
  if (!translate_decimal(t, insn) && !translate_integer(t, insn) && !translate_branch(t, insn) &&
      !translate_string(t, insn) &&
      !translate_sse(t, insn) && !translate_system(t, insn) && !translate_x87(t, insn)) {
    emit_undefined(t, insn);
  }
}

/* Why translation of a block stopped before an instruction. */
enum stop { STOP_ENDED, STOP_FULL, STOP_PAGE };

/* Translates from `bytes` as far as they and the limits go; the instruction that does not fit any more
 * is not begun. */
static enum stop translate(struct translator *t, const uint8_t *bytes, uint32_t available, uint32_t most,
                           uint32_t *count) {
  for (*count = 0; *count < most;) {
    struct insn insn;
    int length = decode(&insn, bytes + t->pc, available - t->pc, t->mode);
    if (length == 0) return STOP_PAGE;
    if (length < 0) {
      insn = (struct insn){.mode = t->mode, .length = 1};
      emit_too_long(t, &insn);
    } else {
      translate_insn(t, &insn);
      t->pc = (uint16_t)(t->pc + length);
    }
    ++*count;
    if (t->traced) tracer_keep(t->ops, bytes, available, t->pc);
    if (t->timed) t->cost += insn_cost(&insn);
    if (t->ended) return STOP_ENDED;
    if (t->timed && insn_reads_clock(&insn)) return STOP_FULL; /* its block's time has passed when it runs */
  }
  return STOP_FULL;
}

static void to_dispatcher(struct cpu *cpu, const struct op *op) {
  cpu->rip = cpu_rip(cpu, op);
}

static void link_to_next(struct translator *t) {
  const struct insn nothing = {.mode = t->mode};
  emit_link(t, &nothing, t->pc);
}

static struct translator translator_of(struct cpu *cpu) {
  const struct machine *machine = cpu->machine;
  return (struct translator){.ops = cpu->code->scratch,
                         .room = MOST_OPS,
                         .mode = cpu->code_size,
                         .flat = cpu->flat,
                         .breaks = cpu->breaks != 0,
                         .intercepts = cpu->controls != NULL,
                         .traced = machine->tracer != NULL,
                         .timed = machine->timeline != NULL};
}

static void emit_probe(struct cpu *cpu, struct translator *t) {
  const struct insn nothing = {.mode = t->mode};
  if (cpu->machine->block_probe) emit(t, &nothing, cpu->machine->block_probe);
}

/*
 * The page that instructions come from. Where no memory lies a fetch reads all ones, as on a bus where
 * nobody answers, and FF FF is no instruction; devices are not asked for code.
 */
static const struct itlb_entry *code_page_at(struct cpu *cpu, uint64_t linear) {
  const struct itlb_entry *entry = itlb_find(cpu, linear);
  if (!entry->host) cpu_fault(cpu, NULL, VECTOR_UD, 0);
  return entry;
}

/* The bytes of an instruction in two pages, the first `first` of them from the one before. */
static void bytes_across(const uint8_t *from, uint32_t first, const uint8_t *second, uint8_t both[2 * MOST_INSN_BYTES]) {
  memcpy(both, from, first);
  if (second) memcpy(both + first, second, MOST_INSN_BYTES);
  else memset(both + first, 0xff, MOST_INSN_BYTES);
}

/* Makes a block of what was translated. NULL: no room. */
static struct block *keep(struct cpu *cpu, const struct translator *t, uint32_t count, uint64_t address,
                          struct code_page *page, struct code_page *second) {
  struct code_cache *code = cpu->code;
  uint32_t offset = (uint32_t)(address & ~PAGE_MASK);
  uint32_t here = second ? (uint32_t)PAGE_BYTES - offset : t->pc ? t->pc : 1;
  struct block *block = allocate(code, (uint32_t)(sizeof *block + t->count * sizeof(struct op)));
  if (!block) return NULL;
  page->granules |= granules_of(offset, here);
  if (second) second->granules |= granules_of(0, t->pc - here);
  struct block **bucket = block_bucket(code, address);
  *block = (struct block){.next = *bucket,
                          .next_in_page = page->blocks,
                          .next_in_second = second ? second->reaching : NULL,
                          .address = address,
                          .second_page = second ? second->address : NO_PAGE,
                          .count = t->timed ? t->cost : count,
                          .op_count = (uint16_t)t->count,
                          .mode = mode_of(cpu)};
  memcpy(block->ops, t->ops, t->count * sizeof(struct op));
  *bucket = page->blocks = block;
  if (second) second->reaching = block;
  return block;
}

static __attribute__((noinline)) void make_native(struct cpu *cpu, struct op *first) {
  struct block *block = (struct block *)((char *)first - offsetof(struct block, ops));
  struct code_cache *code = cpu->code;
  if (code->native && !native_compile(code->native, block->ops, block->op_count)) code->crowded = true;
}

void count_run(struct cpu *cpu, const struct op *op) {
  struct op *counter = (struct op *)op;
  if (unlikely(--counter->imm == 0)) make_native(cpu, counter);
  NEXT;
}

/* The first op of a block, unless instructions are traced: then they stay as they are, one a block. */
static void emit_counter(struct cpu *cpu, struct translator *t) {
  const struct insn nothing = {.mode = t->mode};
  if (!t->traced) emit(t, &nothing, count_run)->imm = cpu->machine->native_after;
}

/* NULL: no room. */
static struct block *try_block(struct cpu *cpu, uint64_t linear, uint64_t address, const uint8_t *host) {
  struct translator t = translator_of(cpu);
  uint32_t offset = (uint32_t)(address & ~PAGE_MASK), first = (uint32_t)PAGE_BYTES - offset, count;
  struct code_page *page = page_ready(cpu, address & PAGE_MASK, host, offset), *second = NULL;
  if (!page) return NULL;
  emit_counter(cpu, &t);
  emit_probe(cpu, &t);
  enum stop stop = translate(&t, page->copy + offset, first, t.traced ? 1 : MOST_INSNS, &count);
  if (stop == STOP_PAGE && count == 0) {
    const struct itlb_entry *entry = itlb_find(cpu, linear + first);
    if (!entry->host) { /* nothing there to keep: it runs alone */
      cpu->single = true;
      cpu_again(cpu, NULL);
    }
    /* The look at the other page may have made the first one's code forgotten, if they are the same. */
    page = page_ready(cpu, address & PAGE_MASK, host, offset);
    second = page ? page_ready(cpu, entry->page, entry->host, 0) : NULL;
    if (!second) return NULL;
    uint8_t both[2 * MOST_INSN_BYTES];
    bytes_across(page->copy + offset, first, second->copy, both);
    stop = translate(&t, both, MOST_INSN_BYTES, 1, &count);
    if (t.pc + offset <= PAGE_BYTES) second = NULL; /* undefined before its end */
  }
  if (stop != STOP_ENDED) link_to_next(&t);
  return keep(cpu, &t, count, address, page, second);
}

static struct block *translate_block(struct cpu *cpu, uint64_t linear, uint64_t address, const uint8_t *host) {
  struct block *block;
  while (!(block = try_block(cpu, linear, address, host))) code_forget_all(cpu);
  return block;
}

/* The linear address of an instruction pointer; faults beyond the segment, or where no address is. */
static uint64_t linear_of(struct cpu *cpu, uint64_t rip) {
  if (cpu->code_size == 8) {
    if ((uint64_t)((int64_t)(rip << 16) >> 16) != rip) cpu_fault(cpu, NULL, VECTOR_GP, 0);
    return rip;
  }
  /* A block may have gone on behind the last address of 4 GiB; the next one begins at 0. */
  if ((uint32_t)rip > cpu->segment[CS].limit) cpu_fault(cpu, NULL, VECTOR_GP, 0);
  return (uint32_t)(rip + cpu->code_base);
}

struct block *code_find(struct cpu *cpu, uint64_t rip) {
  uint64_t linear = linear_of(cpu, rip);
  if (unlikely(cpu->breaks)) debug_fetch(cpu, NULL, linear);
  if (unlikely(cpu->code->crowded)) code_forget_all(cpu);
  const struct itlb_entry *entry = code_page_at(cpu, linear);
  uint64_t address = entry->page | (linear & ~PAGE_MASK);
  const uint8_t *host = entry->host;
  uint8_t mode = mode_of(cpu);
  for (struct block **at = block_bucket(cpu->code, address); *at;) {
    struct block *block = *at;
    if (block->forgotten) {
      *at = block->next;
      continue;
    }
    if (block->address == address && block->mode == mode && still_reaches(cpu, block, linear) && !block->forgotten) {
      return block;
    }
    at = &block->next;
  }
  struct block *block = translate_block(cpu, linear, address, host);
  itlb_find(cpu, linear); /* whoever asks for its lifetime finds it there */
  return block;
}

struct block *code_single(struct cpu *cpu) {
  uint64_t linear = linear_of(cpu, cpu->rip);
  if (unlikely(cpu->breaks)) debug_fetch(cpu, NULL, linear);
  const struct itlb_entry *entry = code_page_at(cpu, linear);
  struct translator t = translator_of(cpu);
  emit_probe(cpu, &t);
  t.breaks = false; /* it has just been looked for, and RF will not be set any more */
  uint32_t offset = (uint32_t)(linear & ~PAGE_MASK), first = (uint32_t)PAGE_BYTES - offset, count;
  const uint8_t *from = entry->host + offset;
  enum stop stop = translate(&t, from, first, 1, &count);
  if (stop == STOP_PAGE) {
    uint8_t both[2 * MOST_INSN_BYTES];
    bytes_across(from, first, itlb_find(cpu, linear + first)->host, both);
    stop = translate(&t, both, MOST_INSN_BYTES, 1, &count);
  }
  struct block *block = cpu->code->single;
  if (stop != STOP_ENDED) {
    const struct insn nothing = {.mode = t.mode};
    t.pc = t.ops[t.count - 1].next;
    emit(&t, &nothing, to_dispatcher);
  }
  *block = (struct block){.second_page = NO_PAGE, .count = t.timed ? t.cost : 1, .mode = mode_of(cpu)};
  memcpy(block->ops, t.ops, t.count * sizeof(struct op));
  return block;
}
