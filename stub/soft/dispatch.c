/*
 * The dispatcher: between blocks it takes interrupts, delivers exceptions and leaves for the
 * hypervisor. Ops return to it, or unwind to it from inside an instruction.
 */
#include "dispatch.h"

#include "apic.h"
#include "branch.h"
#include "code_cache.h"
#include "device.h"
#include "event.h"
#include "machine.h"
#include "sse.h"
#include "stub.h"
#include "system.h"

/* Instructions between two looks at the clock, and ticks of the TSC that one takes at least. */
#define MOST_SLICE 20000
#define LEAST_SLICE 256
#define TICKS_PER_INSN 8

/* A halted processor looks for an interrupt so long before it sleeps: ticks of the TSC. */
#define SPIN_TICKS 100000

#define DR6_BS 0x4000
#define DELIVERED_BENIGN 0xff

_Noreturn void cpu_fault(struct cpu *cpu, const struct op *op, uint8_t vector, uint32_t error) {
  const uint32_t with_error = 1u << VECTOR_DF | 1u << VECTOR_TS | 1u << VECTOR_NP | 1u << VECTOR_SS |
                              1u << VECTOR_GP | 1u << VECTOR_PF | 1u << VECTOR_AC;
  if (op) cpu->rip = cpu_rip(cpu, op);
  cpu->fault.vector = vector;
  cpu->fault.has_error = with_error >> vector & 1;
  cpu->fault.error = error;
  longjmp(cpu->escape, ESCAPE_FAULT);
}

_Noreturn void cpu_page_fault(struct cpu *cpu, const struct op *op, uint64_t address, uint32_t error) {
  cpu->fault.address = address;
  cpu_fault(cpu, op, VECTOR_PF, error);
}

_Noreturn void cpu_exit(struct cpu *cpu, uint32_t reason) {
  cpu->exit_reason = reason;
  longjmp(cpu->escape, ESCAPE_EXIT);
}

_Noreturn void cpu_again(struct cpu *cpu, const struct op *op) {
  if (op) cpu->rip = cpu_rip(cpu, op);
  longjmp(cpu->escape, ESCAPE_AGAIN);
}

uint64_t cpu_flags(const struct cpu *cpu) {
  return (cpu->flags & ~(uint64_t)FLAGS_STATUS) | cc_status(cpu) | FLAG_RESERVED;
}

void cpu_set_flags(struct cpu *cpu, uint64_t flags) {
  cpu->cc_op = CC_FLAGS;
  cpu->flags = flags | FLAG_RESERVED;
  if (flags & FLAG_IF && cpu->interrupt_waiting) atomic_store_explicit(&cpu->attention, INT64_MIN, memory_order_relaxed);
}

void cpu_attend(struct cpu *cpu) {
  atomic_store(&cpu->attention, INT64_MIN);
  atomic_fetch_add(&cpu->wake, 1);
  if (atomic_load(&cpu->sleeping)) futex_wake(&cpu->wake);
}

uint64_t cpu_tsc(const struct cpu *cpu) {
  return tsc() + cpu->tsc_offset;
}

static bool contributory(uint8_t vector) {
  return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

static void deliver(struct cpu *cpu, enum event_kind kind, uint8_t vector, bool has_error, uint32_t error) {
  cpu->delivering = 1;
  cpu->delivered = kind == EVENT_EXCEPTION ? vector : DELIVERED_BENIGN;
  device_progress(cpu);
  deliver_event(cpu, kind, vector, has_error, error);
  cpu->delivering = 0;
  cpu->shadow = 0;
}

static _Noreturn void shut_down(struct cpu *cpu) {
  event_describe_end(&cpu->vcpu->block->event, SX_EXIT_TRIPLE_FAULT, cpu->rip, 0);
  cpu_exit(cpu, SX_EXIT_TRIPLE_FAULT);
}

/* Delivers the fault that unwound, or what it makes of a delivery that was going on (SDM volume 3, 6.15,
 * table 6-5). */
static void deliver_fault(struct cpu *cpu) {
  struct fault fault = cpu->fault;
  if (cpu->delivering) {
    uint8_t first = cpu->delivered;
    if (first == VECTOR_DF) shut_down(cpu);
    bool doubled = contributory(first) ? contributory(fault.vector)
                                       : first == VECTOR_PF && (fault.vector == VECTOR_PF || contributory(fault.vector));
    if (doubled) fault = (struct fault){.vector = VECTOR_DF, .has_error = true};
  }
  if (fault.vector == VECTOR_PF) cpu->cr2 = fault.address;
  cpu->flags |= FLAG_RF;
  deliver(cpu, EVENT_EXCEPTION, fault.vector, fault.has_error, fault.error);
}

/* A real-mode start at the page that a SIPI names (SDM volume 3, 9.4.4.1). */
static void start_up(struct cpu *cpu, uint8_t vector) {
  cpu->segment[CS].selector = (uint16_t)(vector << 8);
  cpu->segment[CS].base = (uint64_t)vector << 12;
  cpu->rip = 0;
  cpu->wait_for_sipi = false;
  cpu_mode_changed(cpu);
}

static void take_signals(struct cpu *cpu) {
  uint8_t vector = 0;
  uint32_t signals = apic_take_signals(cpu->apic, &vector);
  if (signals & APIC_SIGNAL_INIT) {
    cpu_reset(cpu, true);
    cpu->wait_for_sipi = cpu->index != 0;
  }
  if (signals & APIC_SIGNAL_SIPI && cpu->wait_for_sipi) start_up(cpu, vector);
  if (signals & APIC_SIGNAL_NMI) cpu->nmi_pending = true;
}

static void new_slice(struct cpu *cpu, uint64_t deadline) {
  int64_t slice = MOST_SLICE;
  uint64_t now = cpu_tsc(cpu);
  if (deadline <= now) slice = LEAST_SLICE;
  else if (deadline - now < MOST_SLICE * TICKS_PER_INSN) slice = (int64_t)((deadline - now) / TICKS_PER_INSN) + LEAST_SLICE;
  cpu->instructions += (uint64_t)(cpu->slice - cpu->budget);
  cpu->slice = cpu->budget = slice;
}

/* What the processor was disturbed for: 0 to go on, or the reason to leave. */
static uint32_t serve(struct cpu *cpu) {
  atomic_store(&cpu->attention, 0);
  if (atomic_load(&cpu->interrupted)) return SX_EXIT_KICK;
  machine_serve(cpu);
  if (unlikely(cpu->next_code_generation > MOST_CODE_GENERATION)) code_restart_generations(cpu);
  uint64_t deadline = UINT64_MAX;
  if (cpu->apic) {
    int ended = apic_take_eoi(cpu->apic);
    if (ended >= 0) {
      atomic_store(&cpu->attention, INT64_MIN); /* there may be another */
      event_describe(&cpu->vcpu->block->event, SX_EXIT_EOI, false, 0, (uint64_t)ended, NULL);
      return SX_EXIT_EOI;
    }
    apic_run_timer(cpu->apic, cpu_tsc(cpu));
    take_signals(cpu);
    deadline = apic_deadline(cpu->apic);
  }
  new_slice(cpu, deadline);
  return 0;
}

/* Delivers what may interrupt now. */
static void take_interrupt(struct cpu *cpu) {
  cpu->interrupt_waiting = false;
  if (cpu->shadow) return;
  if (cpu->nmi_pending && !cpu->nmi_blocked) {
    cpu->nmi_pending = false;
    cpu->nmi_blocked = true;
    cpu->halted = false;
    deliver(cpu, EVENT_NMI, VECTOR_NMI, false, 0);
  }
  int vector = cpu->apic ? apic_pending(cpu->apic) : -1;
  if (vector < 0) return;
  if (!(cpu->flags & FLAG_IF)) {
    cpu->interrupt_waiting = true;
    return;
  }
  cpu->halted = false;
  apic_accept(cpu->apic, (uint8_t)vector);
  cpu->interrupts++;
  deliver(cpu, EVENT_INTERRUPT, (uint8_t)vector, false, 0);
}

static bool idle(const struct cpu *cpu) {
  return cpu->halted || cpu->wait_for_sipi;
}

/* Waits until somebody wants something, or the timer is due. */
static void sleep_now(struct cpu *cpu) {
  uint64_t started = cpu_tsc(cpu), deadline = apic_deadline(cpu->apic);
  atomic_store(&cpu->running, false);
  while (atomic_load(&cpu->attention) >= 0) {
    uint64_t now = cpu_tsc(cpu);
    if (now >= deadline) break;
    if (now - started < SPIN_TICKS) {
      __builtin_ia32_pause();
      continue;
    }
    uint32_t seen = atomic_load(&cpu->wake);
    atomic_store(&cpu->sleeping, true);
    if (atomic_load(&cpu->attention) >= 0) {
      uint64_t ns = deadline == UINT64_MAX ? 0 : (uint64_t)((unsigned __int128)(deadline - now) * 1000000 / cpu->machine->tsc_khz) + 1;
      futex_wait(&cpu->wake, seen, ns);
    }
    atomic_store(&cpu->sleeping, false);
  }
  atomic_store(&cpu->running, true);
  atomic_store(&cpu->attention, INT64_MIN);
}

/* Runs one instruction alone. */
static void step(struct cpu *cpu) {
  bool trap = cpu->flags & FLAG_TF;
  uint8_t shadow = cpu->shadow;
  cpu->shadow = 0;
  cpu->single = false;
  struct block *block = code_single(cpu);
  atomic_store(&cpu->attention, INT64_MIN); /* a jump does not go on from here either */
  cpu->reg[REG_BLOCK] = cpu->rip;
  block->ops[0].run(cpu, block->ops);
  device_progress(cpu);
  if (shadow && cpu->shadow == shadow) cpu->shadow = 0;
  if (trap) {
    cpu->dr[6] |= DR6_BS;
    cpu->fault = (struct fault){.vector = VECTOR_DB};
    deliver(cpu, EVENT_EXCEPTION, VECTOR_DB, false, 0);
  }
}

static uint32_t run(struct cpu *cpu) {
  switch (setjmp(cpu->escape)) {
    case ESCAPE_FAULT:
      /* A handler that faults at once has no block to pay for: time passes all the same. */
      cpu->budget--;
      cpu->slice--;
      deliver_fault(cpu);
      break;
    case ESCAPE_EXIT: return cpu->exit_reason;
  }
  for (;;) {
    if (atomic_load(&cpu->attention) < 0 || cpu->budget <= MOST_INSNS) {
      uint32_t reason = serve(cpu);
      if (reason) return reason;
      /* What a device has answered belongs to an instruction that is not through yet. */
      if (!cpu->wait_for_sipi && !cpu->replay_done) take_interrupt(cpu);
    }
    if (unlikely(idle(cpu))) {
      sleep_now(cpu);
      continue;
    }
    cpu->code_base = cpu->code_size == 8 ? 0 : cpu->segment[CS].base;
    if (unlikely(cpu->single || cpu->shadow || cpu->flags & FLAG_TF)) {
      step(cpu);
      continue;
    }
    struct block *block = code_find(cpu, cpu->rip);
    enter(cpu, block, cpu->rip);
  }
}

uint32_t dispatch_run(struct cpu *cpu) {
  atomic_store(&cpu->running, true);
  atomic_store(&cpu->attention, INT64_MIN);
  sse_enter(cpu);
  uint32_t reason = run(cpu);
  sse_leave(cpu);
  cpu->instructions += (uint64_t)(cpu->slice - cpu->budget);
  cpu->slice = cpu->budget;
  atomic_store(&cpu->running, false);
  return reason;
}
