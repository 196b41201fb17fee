/*
 * What does this KVM run natively? A flag cannot tell: a software KVM may run ring 3 at hardware
 * speed and interpret ring 0. So the same loop is timed in both rings, in a machine of one page of
 * code, and so is an OUT.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "exports.h"
#include "kvm/kvm.h"

#define PROBE_PAGES 512
/* An interpreter takes milliseconds for the first, a processor hardly more for the second. */
#define FEW_TURNS 2000
#define MANY_TURNS 200000
#define EXITS 20
#define REPEATS 3
/* A native turn takes about 1 ns, an interpreted one several hundred. */
#define NATIVE_NS 50.0
/* On a busy host the few turns of a native loop may seem to take up to that: only many tell. */
#define DOUBTFUL_NS 400.0

enum { PML4 = 0x1000, PDPT = 0x2000, PD = 0x3000, TSS = 0x4000, CODE = 0x8000 };

/* mov ecx, 0; 1: dec ecx; jnz 1b; 2: out 0x10, al; jmp 2b. The turns go into the first one. */
static const unsigned char code[] = {0xb9, 0,    0,    0,    0,    0xff, 0xc9,
                                     0x75, 0xfc, 0xe6, 0x10, 0xeb, 0xfc};

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int set_state(int fd, int ring) {
  struct kvm_sregs sregs;
  if (ioctl(fd, KVM_GET_SREGS, &sregs)) return fail("ioctl KVM_GET_SREGS");
  struct kvm_segment segment = {.limit = 0xffffffff,
                                .present = 1,
                                .type = 11,
                                .dpl = (uint8_t)ring,
                                .s = 1,
                                .l = 1,
                                .g = 1,
                                .selector = ring ? 0x33 : 0x10};
  sregs.cs = segment;
  segment.type = 3;
  segment.l = 0;
  segment.db = 1;
  segment.selector = ring ? 0x2b : 0x18;
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = segment;
  sregs.tr = (struct kvm_segment){
      .base = TSS, .limit = 104 + SX_IO_BITMAP_BYTES, .selector = 0x40, .present = 1, .type = 11};
  sregs.cr0 = 0x80050033; /* PG AM WP NE ET MP PE */
  sregs.cr3 = PML4;
  sregs.cr4 = 0x620;  /* OSXMMEXCPT OSFXSR PAE */
  sregs.efer = 0xd01; /* NXE LMA LME SCE */
  if (ioctl(fd, KVM_SET_SREGS, &sregs)) return fail("ioctl KVM_SET_SREGS");
  struct kvm_regs regs = {.rip = CODE, .rflags = 2, .rsp = CODE};
  return ioctl(fd, KVM_SET_REGS, &regs) ? fail("ioctl KVM_SET_REGS") : 0;
}

/* Runs to the next OUT: nanoseconds, or 0 when the guest did something else. */
static double run_to_out(struct vcpu *vcpu) {
  const struct kvm_processor *processor = processor_of(vcpu);
  const struct kvm_run *run = processor->run;
  double start = now_ns();
  while (ioctl(processor->fd, KVM_RUN, 0)) {
    if (errno != EINTR && errno != EAGAIN) return 0;
  }
  double spent = now_ns() - start;
  return run->exit_reason == KVM_EXIT_IO && run->io.port == 0x10 ? spent : 0;
}

/* One turn of the loop: the best of a few runs, less an exit. 0 when it did not run. */
static double time_turns(struct vcpu *vcpu, int ring, uint32_t turns, double *exit_ns) {
  double best = 0, best_exit = 0;
  memcpy(vcpu->vm->memory.base + CODE + 1, &turns, sizeof turns);
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    if (set_state(processor_of(vcpu)->fd, ring)) return 0;
    double spent = run_to_out(vcpu);
    if (spent == 0) return 0;
    for (int i = 0; i < EXITS; i++) {
      double exit = run_to_out(vcpu);
      if (exit == 0) return 0;
      if (best_exit == 0 || exit < best_exit) best_exit = exit;
    }
    if (best == 0 || spent < best) best = spent;
  }
  *exit_ns = best_exit;
  double turn = (best - best_exit) / turns;
  return turn > 0.01 ? turn : 0.01;
}

static double time_loop(struct vcpu *vcpu, int ring, double *exit_ns) {
  double turn = time_turns(vcpu, ring, FEW_TURNS, exit_ns);
  return turn > 0 && turn < DOUBTFUL_NS ? time_turns(vcpu, ring, MANY_TURNS, exit_ns) : turn;
}

static void fill_memory(unsigned char *memory) {
  uint64_t *pml4 = (uint64_t *)(memory + PML4), *pdpt = (uint64_t *)(memory + PDPT);
  pml4[0] = PDPT | 7; /* present, writable, user */
  pdpt[0] = PD | 7;
  *(uint64_t *)(memory + PD) = 0x87; /* 2 MiB page */
  uint16_t io_bitmap = 104;
  memcpy(memory + TSS + 102, &io_bitmap, sizeof io_bitmap);
  memory[TSS + 104 + SX_IO_BITMAP_BYTES] = 0xff;
  memcpy(memory + CODE, code, sizeof code);
}

static void read_capabilities(int vm_fd, struct sx_probe *out) {
  out->disable_exits = (uint32_t)ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_DISABLE_EXITS);
  out->irqchip = (uint32_t)ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP);
  out->split_irqchip = (uint32_t)ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SPLIT_IRQCHIP);
  out->immediate_exit = (uint32_t)ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_IMMEDIATE_EXIT);
  out->max_vcpus = (uint32_t)ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
}

static int measure(struct sx_probe *out) {
  struct vm vm = {.engine = &kvm_engine};
  struct vcpu vcpu = {.vm = &vm};
  int result = region_create((uint64_t)PROBE_PAGES << 12, &vm.memory);
  if (result) return result;
  result = kvm_vm_create(&vm);
  if (result == 0) {
    read_capabilities(machine_of(&vm)->fd, out);
    fill_memory(vm.memory.base);
    result = kvm_vcpu_create(&vcpu);
    if (result == 0) {
      double ring0_exit;
      out->ring0_ns = time_loop(&vcpu, 0, &ring0_exit);
      out->ring3_ns = time_loop(&vcpu, 3, &out->exit_ns);
      kvm_vcpu_close(&vcpu);
    }
    kvm_vm_close(&vm);
  }
  region_release(&vm.memory);
  return result;
}

int32_t sx_probe_engine(uint8_t *result, uint32_t size) {
  if (!result || size < sizeof(struct sx_probe)) return fail_with("sx_probe_engine", EINVAL);
  struct sx_probe probe = {0};
  int status = measure(&probe);
  if (status) {
    probe.error = (uint32_t)-status;
  } else if (probe.ring0_ns > 0 && probe.ring0_ns < NATIVE_NS) {
    probe.native = SX_NATIVE_EVERYTHING;
  } else if (probe.ring3_ns > 0 && probe.ring3_ns < NATIVE_NS) {
    probe.native = SX_NATIVE_RING3;
  }
  memcpy(result, &probe, sizeof probe);
  return status;
}
