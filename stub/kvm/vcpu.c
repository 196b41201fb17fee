#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm/kvm.h"

/* Bytes of a vCPU's kvm_run, or a negative errno. */
static int run_bytes(void) {
  int kvm = kvm_open();
  if (kvm < 0) return kvm;
  int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  int result = size < 0 ? fail("ioctl KVM_GET_VCPU_MMAP_SIZE") : size;
  close(kvm);
  return result;
}

static int open_processor(struct kvm_processor *processor, const struct vcpu *vcpu) {
  int size = run_bytes();
  if (size < 0) return size;
  processor->fd = ioctl(machine_of(vcpu->vm)->fd, KVM_CREATE_VCPU, vcpu->index);
  if (processor->fd < 0) return fail("ioctl KVM_CREATE_VCPU");
  void *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, processor->fd, 0);
  if (run == MAP_FAILED) {
    int result = fail("mmap of kvm_run");
    close(processor->fd);
    return result;
  }
  processor->run = run;
  processor->run_size = (size_t)size;
  processor->statistics = statistics_open(processor->fd);
  return 0;
}

/* A run that ends at once: the kernel makes a machine's helper thread at its first run, as a child
 * of the runner and on the runner's cores, which must not be a guest core. */
static int first_run(const struct kvm_processor *processor) {
  processor->run->immediate_exit = 1;
  int result = ioctl(processor->fd, KVM_RUN, 0) && errno != EINTR ? fail("ioctl KVM_RUN") : 0;
  processor->run->immediate_exit = 0;
  return result;
}

int kvm_vcpu_create(struct vcpu *vcpu) {
  int result = kick_install();
  if (result) return result;
  struct kvm_processor *processor = calloc(1, sizeof *processor);
  if (!processor) return fail("calloc");
  result = open_processor(processor, vcpu);
  if (result) {
    free(processor);
    return result;
  }
  vcpu->processor = processor;
  result = first_run(processor);
  if (result) kvm_vcpu_close(vcpu);
  return result;
}

void kvm_vcpu_close(struct vcpu *vcpu) {
  struct kvm_processor *processor = processor_of(vcpu);
  munmap(processor->run, processor->run_size);
  if (processor->statistics >= 0) close(processor->statistics);
  close(processor->fd);
  free(processor);
}
