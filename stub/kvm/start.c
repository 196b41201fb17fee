/* The state in which a vCPU begins. */
#define _GNU_SOURCE
#include <sys/ioctl.h>

#include "kvm/kvm.h"

/* Segments of a flat address space, with the selectors that the caller's protocol names. */
static void set_flat(struct kvm_sregs *sregs, struct kvm_segment code, uint16_t data_selector) {
  sregs->cs = code;
  sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss =
      (struct kvm_segment){.limit = 0xffffffff,
                           .present = 1,
                           .db = 1,
                           .s = 1,
                           .g = 1,
                           .type = 3,
                           .selector = data_selector};
  sregs->tr = (struct kvm_segment){.limit = 0x67, .present = 1, .type = 11};
}

static void set_protected(struct kvm_sregs *sregs) {
  const struct kvm_segment code = {
      .limit = 0xffffffff, .present = 1, .db = 1, .s = 1, .g = 1, .type = 11, .selector = 8};
  set_flat(sregs, code, 0x10);
  sregs->cr0 = 1; /* PE */
  sregs->cr3 = sregs->cr4 = sregs->efer = 0;
}

static void set_long(struct kvm_sregs *sregs, uint64_t page_tables, uint64_t gdt) {
  const struct kvm_segment code = {
      .limit = 0xffffffff, .present = 1, .l = 1, .s = 1, .g = 1, .type = 11, .selector = 0x10};
  set_flat(sregs, code, 0x18);
  sregs->gdt.base = gdt;
  sregs->gdt.limit = 31; /* four descriptors */
  sregs->cr0 = 0x80000033; /* PG NE ET MP PE */
  sregs->cr3 = page_tables;
  sregs->cr4 = 0x20;   /* PAE */
  sregs->efer = 0x500; /* LMA LME */
}

int kvm_vcpu_set_start(struct vcpu *vcpu, const struct start_state *start) {
  int fd = processor_of(vcpu)->fd;
  struct kvm_sregs sregs;
  if (ioctl(fd, KVM_GET_SREGS, &sregs)) return fail("ioctl KVM_GET_SREGS");
  if (start->mode == START_PROTECTED) set_protected(&sregs);
  else set_long(&sregs, start->page_tables, start->gdt);
  if (ioctl(fd, KVM_SET_SREGS, &sregs)) return fail("ioctl KVM_SET_SREGS");
  struct kvm_regs regs = {.rip = start->rip,
                          .rax = start->rax,
                          .rbx = start->rbx,
                          .rsi = start->rsi,
                          .rflags = 2}; /* its one bit that is always set; interrupts off */
  if (ioctl(fd, KVM_SET_REGS, &regs)) return fail("ioctl KVM_SET_REGS");
  if (!vcpu->vm->irqchip) return 0;
  /* With local APICs, KVM lets all but the first vCPU wait for INIT and SIPI. */
  struct kvm_mp_state runnable = {.mp_state = KVM_MP_STATE_RUNNABLE};
  return ioctl(fd, KVM_SET_MP_STATE, &runnable) ? fail("ioctl KVM_SET_MP_STATE") : 0;
}
