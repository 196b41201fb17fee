/*
 * Holds a machine with and one without a local APIC, so that KVM patches no code from here on: it has
 * static keys for whether there is a machine, a vCPU without a local APIC, and a local APIC that
 * software has not enabled. The first of them is in the scheduler, which every processor runs.
 *
 * QEMU 7.2 translates code on one thread while another one writes to it, and may keep a translation
 * of the breakpoint by which Linux patches: all processors then meet that breakpoint for ever.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int done(int result, const char *what) {
  if (result < 0) err(1, "%s", what);
  return result;
}

int main(void) {
  int kvm = done(open("/dev/kvm", O_RDWR), "/dev/kvm");
  int bare = done(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
  int pc = done(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");

  done(ioctl(pc, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
  done(ioctl(bare, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
  done(ioctl(pc, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
  if (done(fork(), "fork") == 0) pause();
  return 0;
}
