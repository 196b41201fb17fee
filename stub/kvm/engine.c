#include "kvm/kvm.h"

const struct engine kvm_engine = {
    .vm_create = kvm_vm_create,
    .vm_close = kvm_vm_close,
    .vm_create_irqchip = kvm_vm_create_irqchip,
    .vm_route = kvm_vm_route,
    .vm_disable_exits = kvm_vm_disable_exits,
    .vm_irq_line = kvm_vm_irq_line,
    .vm_signal_msi = kvm_vm_signal_msi,
    .vm_doorbell = kvm_vm_doorbell,
    .vm_statistics = kvm_vm_statistics,
    .vcpu_create = kvm_vcpu_create,
    .vcpu_close = kvm_vcpu_close,
    .vcpu_set_cpuid = kvm_vcpu_set_cpuid,
    .vcpu_set_start = kvm_vcpu_set_start,
    .vcpu_run = kvm_vcpu_run,
    .vcpu_complete = kvm_vcpu_complete,
    .vcpu_interrupt = kvm_vcpu_interrupt,
    .vcpu_rearm = kvm_vcpu_rearm,
    .vcpu_statistics = kvm_vcpu_statistics,
};
