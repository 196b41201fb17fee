/* What executes guest code. One table for each engine; nothing else of an engine is seen outside it. */
#ifndef SX_ENGINE_H
#define SX_ENGINE_H

#include "stub.h"

/* How a vCPU begins: interrupts off, and it runs at once, without INIT and SIPI. */
struct start_state {
  enum {
    START_PROTECTED, /* 32-bit, flat, paging off: CS 8, data segments 0x10 */
    START_LONG       /* long mode on the caller's tables: CS 0x10, data segments 0x18 */
  } mode;
  uint64_t rip, rax, rbx, rsi;
  /* START_LONG only: CR3, and the base of a GDT of four descriptors. */
  uint64_t page_tables, gdt;
};

/* Words of one CPUID leaf of a caller: leaf, subleaf, eax to edx, and which of their bits count. */
#define LEAF_WORDS 10
#define MOST_LEAVES 128

/* Words of one route: IOAPIC input, address low and high, data. */
#define ROUTE_WORDS 4
/* Inputs of an IOAPIC (82093AA, 3.0). */
#define IOAPIC_PINS 24

/* A machine's virtual clock. */
struct clock_settings {
  uint64_t khz;     /* cycles in a millisecond */
  uint64_t quantum; /* cycles that a vCPU may be ahead of another */
  uint64_t look;    /* cycles between two SX_EXIT_POLLs at most */
  uint64_t seed;    /* of the processor's random numbers */
  bool hashing;     /* a hash over the machine's trace is kept */
};

/* What a machine's virtual clock has come to. */
struct clock_state {
  uint64_t cycles; /* time of the vCPU that is furthest ahead */
  uint64_t hash;
};

/*
 * Arguments are checked before: handles, lengths, and that a machine has interrupt controllers where
 * a call needs them. An int is 0 or a negative errno that fail() recorded, unless it says more.
 */
struct engine {
  /* The machine's memory is there, `machine` is the engine's to set. */
  int (*vm_create)(struct vm *vm);
  void (*vm_close)(struct vm *vm);
  /* Before any vCPU is made: time of guests is modelled, and vCPUs take turns. */
  int (*vm_set_clock)(struct vm *vm, const struct clock_settings *settings);
  int (*vm_clock_state)(const struct vm *vm, struct clock_state *state);
  /* Before any vCPU is made: records are kept of `count` instructions from number `from` on. */
  int (*vm_trace)(struct vm *vm, uint64_t from, uint64_t count);
  /* Records that were taken out. */
  int (*vm_trace_read)(struct vm *vm, struct sx_trace_record *records, uint32_t most);
  int (*vm_create_irqchip)(struct vm *vm, bool split);
  int (*vm_route)(struct vm *vm, const uint32_t *routes, uint32_t count);
  int (*vm_disable_exits)(struct vm *vm, uint32_t mask);
  int (*vm_irq_line)(struct vm *vm, uint32_t gsi, bool level);
  /* Positive when it was delivered, 0 when the guest blocked it. */
  int (*vm_signal_msi)(struct vm *vm, uint64_t address, uint32_t data);
  int (*vm_doorbell)(struct vm *vm, struct core *core, uint64_t address, bool present);
  /* Bytes written. */
  int (*vm_statistics)(const struct vm *vm, uint8_t *out, uint32_t size);

  /* `processor` is the engine's to set. */
  int (*vcpu_create)(struct vcpu *vcpu);
  void (*vcpu_close)(struct vcpu *vcpu);
  int (*vcpu_set_cpuid)(struct vcpu *vcpu, const uint32_t *leaves, uint32_t count, uint32_t vcpus);
  int (*vcpu_set_start)(struct vcpu *vcpu, const struct start_state *start);
  /*
   * Runs the guest until it needs the hypervisor. The SX_EXIT_* reason, with the event described in
   * the block, all but its `seq`; SX_EXIT_KICK when it was told to come out, or a negative errno, with
   * nothing described.
   */
  int (*vcpu_run)(struct vcpu *vcpu);
  /* Hands the value of the described event's read to the guest; to be called for every event. */
  void (*vcpu_complete)(struct vcpu *vcpu, uint64_t value);
  /* Makes the run that is going on, or else the next one, return SX_EXIT_KICK. Any thread. */
  void (*vcpu_interrupt)(struct vcpu *vcpu);
  /* Forgets interrupts so far: by the runner, before it looks at the command word and runs. */
  void (*vcpu_rearm)(struct vcpu *vcpu);
  /* As the machine's; the vCPU may be running. */
  int (*vcpu_statistics)(const struct vcpu *vcpu, uint8_t *out, uint32_t size);

  /* What follows is NULL where an engine does not have it. EBUSY while the vCPU is in the guest. */
  int (*vcpu_get_state)(struct vcpu *vcpu, struct sx_vcpu_state *state);
  int (*vcpu_set_state)(struct vcpu *vcpu, const struct sx_vcpu_state *state);
  /* `size` bytes of the controls were given; NULL takes them away. */
  int (*vcpu_set_controls)(struct vcpu *vcpu, const struct sx_controls *controls, uint32_t size);
  int (*vcpu_inject)(struct vcpu *vcpu, uint32_t information, uint32_t error, uint32_t length);
  int (*vm_set_ept)(struct vm *vm, uint64_t page, uint64_t count, uint32_t rights);
};

extern const struct engine kvm_engine, soft_engine;

#endif
