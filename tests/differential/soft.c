/*
 * The soft engine: one processor in a machine with just enough around it for user code. Its gates
 * lead to a HLT each, at which the engine leaves with the exception's frame on the kernel's stack.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "program.h"
#include "soft/translation/code_cache.h"
#include "soft/dispatch.h"
#include "soft/machine.h"
#include "soft/system/segment.h"
#include "soft/system/system.h"

/* Physical places. */
#define MEMORY_PAGES 64
#define PML4 0x1000u
#define PDPT 0x2000u
#define PD 0x3000u
#define TABLES 0x4000u /* a page each for code, gateway, scratch, kernel */
#define KERNEL_PDPT 0x8000u
#define KERNEL_PD 0x9000u
#define KERNEL 0xa000u /* a page each for the following */
#define GDT KERNEL
#define TSS (KERNEL + 0x800u)
#define IDT (KERNEL + 0x1000u)
#define STACK (KERNEL + 0x2000u)
#define GATES (KERNEL + 0x3000u)
#define KERNEL_PAGES 4
#define GATEWAY 0x10000u
#define CODE 0x20000u
#define SCRATCH 0x30000u

/* The kernel is where programs cannot tell whether anything is: see error_compared(). */
#define KERNEL_ADDRESS 0xffffffff80000000ull
#define LINEAR(physical) ((uint64_t)(physical)-KERNEL + KERNEL_ADDRESS)
/* Where a program arrives that left through the gateway: a HLT that faults. */
#define LEFT (GATEWAY_ADDRESS + LEFT_OFFSET)

#define PTE_P 0x1ull
#define PTE_W 0x2ull
#define PTE_U 0x4ull
#define PTE_AD 0x60ull
#define PTE_NX (1ull << 63)

/* As Linux has them. */
#define KERNEL_CS 0x10
#define USER_SS 0x2b
#define USER_CS 0x33
#define TSS_SELECTOR 0x40
#define TSS_IO_MAP 102
#define TSS_BYTES 0x68
#define FLAG_FIXED_USER (FLAG_RESERVED | FLAG_IF)

static struct vm vm;
static struct vcpu vcpu;
static struct sx_vcpu_block block;
static struct cpu *cpu;

static void put(uint32_t at, uint64_t value) { memcpy(vm.memory.base + at, &value, sizeof value); }

static uint64_t get(uint32_t at) {
  uint64_t value;
  memcpy(&value, vm.memory.base + at, sizeof value);
  return value;
}

static void map(uint32_t table, uint64_t address, uint32_t physical, uint32_t pages, uint64_t rights) {
  put((address < KERNEL_ADDRESS ? PD : KERNEL_PD) + (address >> 21 & 511) * 8, table | PTE_P | PTE_W | PTE_U | PTE_AD);
  for (uint32_t i = 0; i < pages; i++) {
    put(table + ((address >> 12 & 511) + i) * 8, (physical + i * 4096) | PTE_P | PTE_AD | rights);
  }
}

static void make_tables(void) {
  put(PML4, PDPT | PTE_P | PTE_W | PTE_U | PTE_AD);
  put(PDPT, PD | PTE_P | PTE_W | PTE_U | PTE_AD);
  put(PML4 + 511 * 8, KERNEL_PDPT | PTE_P | PTE_W | PTE_AD);
  put(KERNEL_PDPT + 510 * 8, KERNEL_PD | PTE_P | PTE_W | PTE_AD);
  map(TABLES, CODE_ADDRESS, CODE, CODE_BYTES / 4096, PTE_U);
  map(TABLES + 0x1000, GATEWAY_ADDRESS, GATEWAY, 1, PTE_U);
  map(TABLES + 0x2000, SCRATCH_ADDRESS, SCRATCH, SCRATCH_BYTES / 4096, PTE_U | PTE_W | PTE_NX);
  map(TABLES + 0x3000, KERNEL_ADDRESS, KERNEL, KERNEL_PAGES, PTE_W);
  memset(vm.memory.base + CODE, 0xcc, CODE_BYTES);
  put(GATEWAY, LEFT);
  vm.memory.base[GATEWAY + LEFT_OFFSET] = HLT;
}

/* Programs may use the gates of INT3 and INTO. */
static void make_descriptors(void) {
  put(GDT + KERNEL_CS, 0x00209b0000000000);
  put(GDT + (USER_SS & ~7u), 0x0000f30000000000);
  put(GDT + (USER_CS & ~7u), 0x0020fb0000000000);
  put(TSS + 4, LINEAR(STACK) + 4096);
  put(TSS + TSS_IO_MAP, TSS_BYTES); /* there is none: no port is allowed */
  for (uint32_t vector = 0; vector < 256; vector++) {
    uint64_t target = LINEAR(GATES) + vector, dpl = vector == VECTOR_BP || vector == VECTOR_OF ? 3 : 0;
    put(IDT + vector * 16, (target & 0xffff) | KERNEL_CS << 16 | (0x8e00 | dpl << 13) << 32 | target >> 16 << 48);
    put(IDT + vector * 16 + 8, target >> 32);
    vm.memory.base[GATES + vector] = HLT;
  }
}

static void make_processor(void) {
  cpu_reset(cpu, false);
  cpu->cr0 = CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE;
  cpu->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
  cpu->efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE;
  cpu->cr3 = PML4;
  cpu->xcr0 = 3;
  cpu->gdtr = (struct table_register){LINEAR(GDT), 0x7f};
  cpu->idtr = (struct table_register){LINEAR(IDT), 0xfff};
  cpu->segment[TR] = (struct segment){
      .base = LINEAR(TSS), .limit = TSS_BYTES - 1, .access = AR_PRESENT | TYPE_TSS32_BUSY, .selector = TSS_SELECTOR};
  cpu->segment[LDTR] = (struct segment){.access = AR_UNUSABLE};
  cpu->segment[FS] = (struct segment){.base = FS_BASE, .access = AR_UNUSABLE};
  cpu->segment[GS] = (struct segment){.base = GS_BASE, .access = AR_UNUSABLE};
  tlb_flush_all(cpu);
}

void soft_open(void) {
  int result = region_create(MEMORY_PAGES * 4096ull, &vm.memory);
  if (result == 0) result = soft_engine.vm_create(&vm);
  vcpu = (struct vcpu){.vm = &vm, .block = &block};
  if (result == 0) result = soft_engine.vcpu_create(&vcpu);
  if (result) {
    fprintf(stderr, "the soft engine does not open: %d\n", result);
    _exit(3);
  }
  cpu = vcpu.processor;
  make_tables();
  make_descriptors();
  make_processor();
}

bool soft_has_mmx(void) {
  uint32_t words[4];
  cpuid_read(cpu, 1, 0, words);
  return words[3] >> 23 & 1;
}

/* A program's blocks become native on one of its inputs. */
void soft_load(const struct program *program) {
  cpu->machine->native_after = 1 + program->seed % INPUTS;
  for (uint32_t page = 0; page < CODE_BYTES; page += 4096) code_forget_page(cpu, CODE + page);
  memcpy(vm.memory.base + CODE + program->origin, program->code, sizeof program->code);
}

uint8_t *soft_scratch(void) { return vm.memory.base + SCRATCH; }

static void set_fpu(const struct fpu_state *from) {
  struct fpu *fpu = &cpu->fpu;
  fpu->control = from->control;
  fpu->status = from->status & ~(7 << 11);
  fpu->top = from->status >> 11 & 7;
  fpu->tags = from->tags;
  fpu->opcode = from->opcode;
  fpu->instruction = from->instruction;
  fpu->operand = from->operand;
  fpu->mxcsr = from->mxcsr;
  for (uint32_t i = 0; i < 8; i++) memcpy(&fpu->st[(fpu->top + i) & 7], from->st[i], 10);
  memcpy(cpu->xmm, from->xmm, sizeof cpu->xmm);
}

static void get_fpu(struct fpu_state *to) {
  const struct fpu *fpu = &cpu->fpu;
  memset(to, 0, sizeof *to);
  to->control = fpu->control;
  to->status = (uint16_t)(fpu->status | fpu->top << 11);
  to->tags = fpu->tags;
  to->opcode = fpu->opcode;
  to->instruction = fpu->instruction;
  to->operand = fpu->operand;
  to->mxcsr = fpu->mxcsr;
  for (uint32_t i = 0; i < 8; i++) memcpy(to->st[i], &fpu->st[(fpu->top + i) & 7], 10);
  memcpy(to->xmm, cpu->xmm, sizeof to->xmm);
}

/* User code is about to run at `rip`. */
static void enter_user(uint64_t rip, uint64_t flags) {
  cpu->segment[CS] = (struct segment){
      .limit = 0xffffffff, .access = 0xa0fb, .selector = USER_CS};
  cpu->segment[SS] = (struct segment){.limit = 0xffffffff, .access = 0xc0f3, .selector = USER_SS};
  cpu->rip = rip;
  cpu_set_flags(cpu, flags | FLAG_FIXED_USER);
  cpu_mode_changed(cpu);
}

/* What the processor pushed for an exception, and everything else as it is. */
static void take_stop(struct stop *stop) {
  uint32_t frame = (uint32_t)(cpu->reg[RSP] - LINEAR(STACK) + STACK);
  bool has_error = STACK + 4096 - frame == 48;
  memcpy(stop->state.reg, cpu->reg, sizeof stop->state.reg);
  get_fpu(&stop->state.fpu);
  stop->vector = (uint8_t)(cpu->rip - 1 - LINEAR(GATES));
  stop->error = has_error ? (uint32_t)get(frame) : 0;
  if (has_error) frame += 8;
  stop->state.rip = get(frame);
  stop->state.flags = get(frame + 16);
  stop->state.reg[RSP] = get(frame + 24);
  stop->address = cpu->cr2;
  if (stop->vector == VECTOR_GP && stop->state.rip == LEFT) {
    stop->vector = VECTOR_END;
    stop->state.rip = GATEWAY_ADDRESS;
  }
}

void soft_run(const struct program *program, const struct input *input, struct run *run) {
  memcpy(soft_scratch(), input->scratch, SCRATCH_BYTES);
  memcpy(cpu->reg, input->state.reg, sizeof input->state.reg);
  cpu->segment[ES] = cpu->segment[DS] = (struct segment){.access = AR_UNUSABLE};
  set_fpu(&input->state.fpu);
  uint64_t rip = input->state.rip, flags = input->state.flags;
  for (run->count = 0; rip;) {
    enter_user(rip, flags);
    struct stop *stop = &run->stops[run->count++];
    uint32_t reason = dispatch_run(cpu);
    if (reason != SX_EXIT_HLT) {
      fprintf(stderr, "the soft engine left with %u\n", reason);
      _exit(3);
    }
    take_stop(stop);
    stop->state.fpu.mxcsr = cpu->fpu.mxcsr = program_mxcsr(stop);
    memcpy(cpu->reg, stop->state.reg, sizeof stop->state.reg);
    rip = program_resume(program, stop, run->count);
    flags = program_resume_flags(stop);
  }
}
