/*
 * The host's processor. A program is entered by IRETQ with every register loaded, which serialises,
 * so that code just written is what runs. It leaves through the gateway into native_leave(), or by a
 * signal, from which it goes on behind the instruction that faulted. A signal's context has vector,
 * error code and address of a fault; a tracer, by ptrace(2), would be told neither vector nor code.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "program.h"

/* Named by the assembly below. */
__attribute__((visibility("hidden"))) struct {
  struct state in, out; /* registers of `in` at 512, of `out` at 512 + 656 */
  uint64_t stack, fs, host_fs;
} native_frame __attribute__((aligned(16)));
_Static_assert(offsetof(struct state, reg) == 512 && sizeof(struct state) == 656, "offsets below");

void native_enter(void) __attribute__((visibility("hidden")));
void native_leave(void) __attribute__((visibility("hidden")));
void native_abandon(void) __attribute__((visibility("hidden")));

#define IN "native_frame+512"
#define OUT "native_frame+656+512"
#define SET_FS(place) \
  "mov $158, %eax\n\tmov $0x1002, %edi\n\tmov native_frame+" place "(%rip), %rsi\n\tsyscall\n\t"
#define STACK "native_frame+1312(%rip)"
__asm__(
    ".text\n"
    ".hidden native_frame\n"
    ".globl native_enter\n.hidden native_enter\n.type native_enter, @function\n"
    "native_enter:\n\t"
    "push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n\t"
    "mov %rsp, " STACK "\n\t"
    "cmpq $0, native_frame+1320(%rip)\n\tje 1f\n\t" SET_FS("1320")
    "1:\n\t"
    "fxrstor64 native_frame(%rip)\n\t"
    "xor %eax, %eax\n\tmov %eax, %ds\n\tmov %eax, %es\n\t"
    "mov %ss, %eax\n\tpush %rax\n\t"
    "push " IN "+32(%rip)\n\tpush " IN "+136(%rip)\n\t"
    "mov %cs, %eax\n\tpush %rax\n\t"
    "push " IN "+128(%rip)\n\t"
    "mov " IN "(%rip), %rax\n\tmov " IN "+8(%rip), %rcx\n\tmov " IN "+16(%rip), %rdx\n\t"
    "mov " IN "+24(%rip), %rbx\n\tmov " IN "+40(%rip), %rbp\n\tmov " IN "+48(%rip), %rsi\n\t"
    "mov " IN "+56(%rip), %rdi\n\tmov " IN "+64(%rip), %r8\n\tmov " IN "+72(%rip), %r9\n\t"
    "mov " IN "+80(%rip), %r10\n\tmov " IN "+88(%rip), %r11\n\tmov " IN "+96(%rip), %r12\n\t"
    "mov " IN "+104(%rip), %r13\n\tmov " IN "+112(%rip), %r14\n\tmov " IN "+120(%rip), %r15\n\t"
    "iretq\n"
    ".globl native_leave\n.hidden native_leave\n"
    "native_leave:\n\t"
    "mov %rax, " OUT "(%rip)\n\tmov %rcx, " OUT "+8(%rip)\n\tmov %rdx, " OUT "+16(%rip)\n\t"
    "mov %rbx, " OUT "+24(%rip)\n\tmov %rsp, " OUT "+32(%rip)\n\tmov %rbp, " OUT "+40(%rip)\n\t"
    "mov %rsi, " OUT "+48(%rip)\n\tmov %rdi, " OUT "+56(%rip)\n\tmov %r8, " OUT "+64(%rip)\n\t"
    "mov %r9, " OUT "+72(%rip)\n\tmov %r10, " OUT "+80(%rip)\n\tmov %r11, " OUT "+88(%rip)\n\t"
    "mov %r12, " OUT "+96(%rip)\n\tmov %r13, " OUT "+104(%rip)\n\tmov %r14, " OUT "+112(%rip)\n\t"
    "mov %r15, " OUT "+120(%rip)\n\t"
    "mov " STACK ", %rsp\n\tpushfq\n\tpopq " OUT "+136(%rip)\n\t"
    "fxsave64 native_frame+656(%rip)\n"
    ".globl native_abandon\n.hidden native_abandon\n"
    "native_abandon:\n\t"
    "mov " STACK ", %rsp\n\tcld\n\tfninit\n\tldmxcsr 2f(%rip)\n\t"
    "cmpq $0, native_frame+1320(%rip)\n\tje 1f\n\t" SET_FS("1328")
    "1:\n\t"
    "pop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbp\n\tpop %rbx\n\tret\n"
    ".section .rodata\n2:\t.long 0x1f80\n.text\n");

static uint8_t *code; /* the code's pages, where they may be written */
static const struct program *running;
static struct run *current;

static void check(bool holds, const char *what) {
  if (holds) return;
  perror(what);
  _exit(3);
}

static const uint8_t greg_of[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void on_signal(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  /* Linux leaves both as the program had them: with AC this function's own accesses would fault, and ID would
   * be there still when the program goes on. */
  __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~(uint64_t)(AC | ID));
  __asm__ volatile("" : : : "memory");
  ucontext_t *at = context;
  greg_t *gregs = at->uc_mcontext.gregs;
  struct stop *stop = &current->stops[current->count++];
  for (int i = 0; i < 16; i++) stop->state.reg[i] = (uint64_t)gregs[greg_of[i]];
  stop->state.rip = (uint64_t)gregs[REG_RIP];
  stop->state.flags = (uint64_t)gregs[REG_EFL];
  memcpy(&stop->state.fpu, at->uc_mcontext.fpregs, sizeof stop->state.fpu);
  stop->vector = (uint8_t)gregs[REG_TRAPNO];
  stop->error = (uint32_t)gregs[REG_ERR];
  stop->address = (uint64_t)gregs[REG_CR2];
  uint64_t resume = program_resume(running, stop, current->count);
  gregs[REG_RIP] = resume ? (greg_t)resume : (greg_t)(uintptr_t)native_abandon;
  gregs[REG_EFL] = program_resume_flags(stop);
  stop->state.fpu.mxcsr = at->uc_mcontext.fpregs->mxcsr = program_mxcsr(stop);
}

static void *map(uint32_t address, uint32_t bytes, int protection, int fd) {
  int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void *wanted = (void *)(uintptr_t)address;
  void *at = mmap(wanted, bytes, protection, flags | (address ? MAP_FIXED_NOREPLACE : 0), fd, 0);
  check(at != MAP_FAILED && (!address || at == wanted), "mmap at a fixed address");
  return at;
}

void native_open(void) {
  int fd = memfd_create("differential-code", 0);
  check(fd >= 0 && ftruncate(fd, CODE_BYTES) == 0, "memfd_create");
  code = map(0, CODE_BYTES, PROT_READ | PROT_WRITE, fd);
  map(CODE_ADDRESS, CODE_BYTES, PROT_READ | PROT_EXEC, fd);
  map(SCRATCH_ADDRESS, SCRATCH_BYTES, PROT_READ | PROT_WRITE, -1);
  uint64_t *gateway = map(GATEWAY_ADDRESS, 4096, PROT_READ | PROT_WRITE, -1);
  *gateway = (uint64_t)(uintptr_t)native_leave;
  ((uint8_t *)gateway)[LEFT_OFFSET] = HLT;
  mprotect(gateway, 4096, PROT_READ);
  memset(code, 0xcc, CODE_BYTES);

  static uint8_t stack[1 << 16];
  const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
  check(sigaltstack(&alternative, NULL) == 0, "sigaltstack");
  static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    check(sigaction(signals[i], &action, NULL) == 0, "sigaction");
  }
  check(syscall(SYS_arch_prctl, ARCH_SET_GS, (uint64_t)GS_BASE) == 0, "arch_prctl");
  check(syscall(SYS_arch_prctl, ARCH_GET_FS, &native_frame.host_fs) == 0, "arch_prctl");
}

void native_load(const struct program *program) {
  memcpy(code + program->origin, program->code, sizeof program->code);
}

uint8_t *native_scratch(void) { return (uint8_t *)(uintptr_t)SCRATCH_ADDRESS; }

void native_run(const struct program *program, const struct input *input, struct run *run) {
  memcpy(native_scratch(), input->scratch, SCRATCH_BYTES);
  running = program;
  current = run;
  run->count = 0;
  native_frame.in = input->state;
  native_frame.fs = program->uses_fs ? FS_BASE : 0;
  native_enter();
  /* A run that a stop ended did not come through the gateway. */
  const struct stop *last = run->count ? &run->stops[run->count - 1] : NULL;
  if (last && !program_resume(program, last, run->count)) return;
  struct stop *stop = &run->stops[run->count++];
  stop->state = native_frame.out;
  stop->state.rip = GATEWAY_ADDRESS;
  stop->vector = VECTOR_END;
  stop->error = 0;
}
