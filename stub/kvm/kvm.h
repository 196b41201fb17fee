/* Inside the KVM engine. */
#ifndef SX_KVM_H
#define SX_KVM_H

#include <linux/kvm.h>

#include "engine.h"

/* struct vm's machine. */
struct kvm_machine {
  int fd;
  int statistics; /* the kernel's counters of it, -1 where it has none */
};

/* struct vcpu's processor. */
struct kvm_processor {
  int fd;
  int statistics; /* as the machine's */
  struct kvm_run *run;
  size_t run_size;
  uint32_t element; /* of a string I/O exit, which is served element by element */
};

static inline struct kvm_machine *machine_of(const struct vm *vm) {
  return vm->machine;
}

static inline struct kvm_processor *processor_of(const struct vcpu *vcpu) {
  return vcpu->processor;
}

/* vm.c: /dev/kvm, or a negative errno. */
int kvm_open(void);
int kvm_vm_create(struct vm *vm);
void kvm_vm_close(struct vm *vm);

/* vcpu.c */
int kvm_vcpu_create(struct vcpu *vcpu);
void kvm_vcpu_close(struct vcpu *vcpu);

/* cpuid.c */
int kvm_vcpu_set_cpuid(struct vcpu *vcpu, const uint32_t *leaves, uint32_t count, uint32_t vcpus);

/* start.c */
int kvm_vcpu_set_start(struct vcpu *vcpu, const struct start_state *start);

/* exits.c */
int kvm_vcpu_run(struct vcpu *vcpu);
void kvm_vcpu_complete(struct vcpu *vcpu, uint64_t value);

/* kick.c */
int kick_install(void);
void kvm_vcpu_interrupt(struct vcpu *vcpu);
void kvm_vcpu_rearm(struct vcpu *vcpu);

/* interrupts.c */
int kvm_vm_create_irqchip(struct vm *vm, bool split);
int kvm_vm_route(struct vm *vm, const uint32_t *routes, uint32_t count);
int kvm_vm_irq_line(struct vm *vm, uint32_t gsi, bool level);
int kvm_vm_signal_msi(struct vm *vm, uint64_t address, uint32_t data);

/* idling.c */
int kvm_vm_disable_exits(struct vm *vm, uint32_t mask);

/* doorbells.c */
int kvm_vm_doorbell(struct vm *vm, struct core *core, uint64_t address, bool present);

/* statistics.c: the file of a machine's or a vCPU's counters, or -1. A vCPU's is to be opened before
 * it runs, for the kernel keeps every request to a vCPU waiting while it does. */
int statistics_open(int fd);
int kvm_vm_statistics(const struct vm *vm, uint8_t *out, uint32_t size);
int kvm_vcpu_statistics(const struct vcpu *vcpu, uint8_t *out, uint32_t size);

#endif
