/*
 * The dispatcher: between blocks it takes interrupts, delivers exceptions and leaves for the
 * hypervisor. Ops return to it, or unwind to it from inside an instruction.
 */
#include "soft/dispatch.h"

#include "soft/apic/apic.h"
#include "soft/integer/branch.h"
#include "soft/translation/code_cache.h"
#include "soft/controls/controls.h"
#include "soft/memory/device.h"
#include "event.h"
#include "soft/machine.h"
#include "soft/sse/sse.h"
#include "stub.h"
#include "soft/system/debug.h"
#include "soft/system/system.h"
#include "soft/timeline.h"
#include "soft/tracer.h"

/* Instructions between two looks at the clock, and ticks of the TSC that one takes at least. */
#define MOST_SLICE 20000
#define LEAST_SLICE 256
#define TICKS_PER_INSN 8

/* What the delivery of an interrupt or an exception costs on a virtual clock, cycles: as cost.c. */
#define DELIVERY_CYCLES 100

/* A halted processor looks for an interrupt so long before it sleeps: ticks of the TSC. */
#define SPIN_TICKS 100000

#define DELIVERED_BENIGN 0xff

/* Above exit reasons: a word of the trace is an event, not an exit. */
#define TRACED_EVENT 0x100

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

_Noreturn void cpu_debug_fault(struct cpu *cpu, const struct op *op, uint64_t bits) {
  cpu->fault.address = bits;
  cpu_fault(cpu, op, VECTOR_DB, 0);
}

_Noreturn void cpu_exit(struct cpu *cpu, uint32_t reason) {
  cpu->exit_reason = reason;
  longjmp(cpu->escape, ESCAPE_EXIT);
}

_Noreturn void cpu_again(struct cpu *cpu, const struct op *op) {
  if (op) cpu->rip = cpu_rip(cpu, op);
  cpu_unfinished(cpu);
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
  if (cpu->machine->timeline) timeline_wake(cpu);
  cpu_disturb(cpu);
}

void cpu_disturb(struct cpu *cpu) {
  atomic_store(&cpu->attention, INT64_MIN);
  atomic_fetch_add(&cpu->wake, 1);
  if (atomic_load(&cpu->sleeping)) futex_wake(&cpu->wake);
}

uint64_t cpu_tsc(const struct cpu *cpu) {
  return (cpu->machine->timeline ? timeline_now(cpu) : tsc()) + cpu->tsc_offset;
}

uint64_t cpu_read_tsc(struct cpu *cpu) {
  return cpu->machine->timeline ? timeline_read(cpu) + cpu->tsc_offset : cpu_tsc(cpu);
}

static bool contributory(uint8_t vector) {
  return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

/* Puts an exit, or an event that is delivered, into the hash over the trace. */
static void trace(struct cpu *cpu, uint32_t what, uint64_t detail) {
  struct timeline *timeline = cpu->machine->timeline;
  if (!timeline || !timeline->hashing) return;
  timeline_trace(timeline, (uint64_t)cpu->index << 32 | what);
  timeline_trace(timeline, detail);
  timeline_trace(timeline, timeline_now(cpu));
}

/* What was done has met breakpoints for data: they trap behind it. */
static void note_hits(struct cpu *cpu) {
  if (likely(!cpu->hits)) return;
  cpu->debug_due |= cpu->hits;
  cpu->hits = 0;
  atomic_store(&cpu->attention, INT64_MIN);
}

static void deliver(struct cpu *cpu, enum event_kind kind, uint8_t vector, bool has_error, uint32_t error) {
  trace(cpu, TRACED_EVENT | kind, vector);
  tracer_ended(cpu);
  if (cpu->machine->timeline) cpu->budget -= DELIVERY_CYCLES;
  cpu->delivering = 1;
  cpu->delivered = kind == EVENT_EXCEPTION ? vector : DELIVERED_BENIGN;
  device_progress(cpu);
  deliver_event(cpu, kind, vector, has_error, error);
  cpu->delivering = 0;
  cpu->shadow = 0;
  cpu->repeating = false;
  note_hits(cpu);
  tracer_delivered(cpu, vector);
}

static _Noreturn void shut_down(struct cpu *cpu) {
  if (cpu->controls) controls_shut_down(cpu);
  event_describe_end(&cpu->vcpu->block->event, SX_EXIT_TRIPLE_FAULT, cpu->rip, 0);
  cpu_exit(cpu, SX_EXIT_TRIPLE_FAULT);
}

/* Delivers the fault that unwound, or what it makes of a delivery that was going on (SDM volume 3, 6.15,
 * table 6-5). */
static void deliver_fault(struct cpu *cpu) {
  struct fault fault = cpu->fault;
  if (unlikely(cpu->controls != NULL)) controls_fault(cpu, &fault);
  if (cpu->delivering) {
    uint8_t first = cpu->delivered;
    if (first == VECTOR_DF) shut_down(cpu);
    bool doubled = contributory(first) ? contributory(fault.vector)
                                       : first == VECTOR_PF && (fault.vector == VECTOR_PF || contributory(fault.vector));
    if (doubled) {
      fault = (struct fault){.vector = VECTOR_DF, .has_error = true};
      if (unlikely(cpu->controls != NULL)) controls_double_fault(cpu, &fault);
    }
  }
  if (fault.vector == VECTOR_PF) cpu->cr2 = fault.address;
  if (fault.vector == VECTOR_DB) debug_record(cpu, fault.address);
  if (debug_fault_resumes(&fault)) cpu->flags |= FLAG_RF;
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
  if (unlikely(cpu->controls != NULL)) signals = controls_signals(cpu, signals, vector);
  if (signals & APIC_SIGNAL_INIT) {
    cpu_reset(cpu, true);
    cpu->wait_for_sipi = cpu->index != 0;
  }
  if (signals & APIC_SIGNAL_SIPI && cpu->wait_for_sipi) start_up(cpu, vector);
  if (signals & APIC_SIGNAL_NMI) cpu->nmi_pending = true;
}

static void new_slice(struct cpu *cpu, uint64_t deadline) {
  if (cpu->machine->timeline) {
    uint64_t until = deadline == UINT64_MAX ? NEVER : deadline - (uint64_t)cpu->tsc_offset;
    cpu->slice = cpu->budget = (int64_t)timeline_slice(cpu, until);
    return;
  }
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
  if (cpu->machine->timeline) {
    timeline_settle(cpu);
    uint32_t reason = timeline_serve(cpu);
    if (reason) return reason;
  }
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
  if (unlikely(cpu->controls != NULL)) deadline = controls_deadline(cpu, deadline);
  new_slice(cpu, deadline);
  return 0;
}

/* Delivers what may interrupt now. */
static void take_interrupt(struct cpu *cpu) {
  cpu->interrupt_waiting = false;
  if (unlikely(cpu->controls != NULL)) controls_boundary(cpu);
  /* Devices may have answered a part of the instruction: it goes on before anything else. */
  if (cpu->shadow || cpu->replay_done) return;
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
  return cpu->halted || cpu->wait_for_sipi || cpu->parked;
}

/* As sleep_now(), in virtual time: 0 to go on, or a reason to leave. */
static uint32_t wait_virtually(struct cpu *cpu) {
  uint64_t until = cpu->apic ? apic_deadline(cpu->apic) : UINT64_MAX;
  if (until != UINT64_MAX) until -= (uint64_t)cpu->tsc_offset;
  if (cpu->parked && cpu->parked_until < until) until = cpu->parked_until;
  return timeline_halt(cpu, until);
}

/* Waits until somebody wants something, or the timer is due. */
static void sleep_now(struct cpu *cpu) {
  uint64_t started = cpu_tsc(cpu), deadline = apic_deadline(cpu->apic);
  if (unlikely(cpu->controls != NULL)) deadline = controls_deadline(cpu, deadline);
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

/* Runs ops. Native code keeps no register for anybody: native.h. */
void soft_ops_run(struct cpu *cpu, const struct op *op);
__asm__(".text\n"
        ".globl soft_ops_run\n.hidden soft_ops_run\n.type soft_ops_run, @function\n"
        "soft_ops_run:\n"
        "push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "call *(%rsi)\n"
        "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n"
        "ret\n"
        ".size soft_ops_run, .-soft_ops_run\n");
_Static_assert(offsetof(struct op, run) == 0, "what soft_ops_run calls");

/* Runs one instruction alone. */
static void step(struct cpu *cpu) {
  uint8_t shadow = cpu->shadow;
  cpu->held = shadow;
  cpu->stepping = cpu->flags & FLAG_TF;
  cpu->shadow = 0;
  cpu->single = false;
  struct block *block = code_single(cpu);
  cpu->resumed = cpu->flags & FLAG_RF;
  cpu->flags &= ~(uint64_t)FLAG_RF;
  atomic_store(&cpu->attention, INT64_MIN); /* a jump does not go on from here either */
  cpu->reg[REG_BLOCK] = cpu->rip;
  cpu->budget -= block->count;
  soft_ops_run(cpu, block->ops);
  device_progress(cpu);
  if (shadow && cpu->shadow == shadow) cpu->shadow = 0;
  cpu->held = 0;
  cpu->resumed = false;
  /* A load of SS holds the trap off (SDM volume 3, 6.8.3). */
  if (cpu->stepping && cpu->shadow != SHADOW_MOV_SS) cpu->debug_due |= DR6_BS;
  cpu->stepping = false;
  note_hits(cpu);
}

static void trap_debug(struct cpu *cpu) {
  uint64_t bits = cpu->debug_due;
  cpu->debug_due = 0;
  cpu->halted = false;
  if (unlikely(cpu->controls != NULL)) controls_debug_trap(cpu, bits);
  debug_record(cpu, bits);
  cpu->fault = (struct fault){.vector = VECTOR_DB};
  deliver(cpu, EVENT_EXCEPTION, VECTOR_DB, false, 0);
}

static uint32_t run(struct cpu *cpu) {
  int escape = setjmp(cpu->escape);
  cpu->held = 0;
  cpu->stepping = cpu->resumed = cpu->in_block = false;
  cpu->hits = 0;
  switch (escape) {
    case 0:
      if (unlikely(cpu->controls != NULL)) controls_enter(cpu);
      break;
    case ESCAPE_FAULT:
      tracer_faulted(cpu);
      if (!cpu->machine->timeline) { /* a handler that faults at once has no block to pay for */
        cpu->budget--;
        cpu->slice--;
      }
      deliver_fault(cpu);
      break;
    case ESCAPE_EXIT: return cpu->exit_reason;
    case ESCAPE_AGAIN:
      cpu->delivering = 0; /* of an instruction that delivers an event */
      cpu->replay_next = 0;
      tracer_again(cpu);
      break;
  }
  for (;;) {
    if (atomic_load(&cpu->attention) < 0 || cpu->budget <= cpu->reserve) {
      uint32_t reason = serve(cpu);
      if (reason) return reason;
      /* Behind a load of SS it waits for the next instruction. */
      if (unlikely(cpu->debug_due && cpu->shadow != SHADOW_MOV_SS)) trap_debug(cpu);
      if (!cpu->wait_for_sipi) take_interrupt(cpu);
    }
    if (unlikely(idle(cpu))) {
      uint32_t reason = 0;
      tracer_ended(cpu);
      if (cpu->machine->timeline) reason = wait_virtually(cpu);
      else sleep_now(cpu);
      if (reason) return reason;
      continue;
    }
    cpu->code_base = cpu->code_size == 8 ? 0 : cpu->segment[CS].base;
    if (unlikely(cpu->repeating)) {
      cpu->repeating = false;
      if (cpu->breaks) cpu->flags |= FLAG_RF;
    }
    if (unlikely(cpu->single || cpu->shadow || cpu->flags & (FLAG_TF | FLAG_RF))) {
      step(cpu);
      continue;
    }
    struct block *block = code_find(cpu, cpu->rip);
    if (unlikely(block->count > cpu->budget)) { /* something is due before its end */
      step(cpu);
      continue;
    }
    cpu->in_block = true;
    if (likely(admit(cpu, block, cpu->rip))) soft_ops_run(cpu, block->ops);
    cpu->in_block = false;
  }
}

/* The hypervisor sees the time of an event. That it was asked to look around is no part of the trace: how
 * often that happens while nothing does is the host's business. */
static void publish_time(struct cpu *cpu, uint32_t reason) {
  struct sx_event *event = &cpu->vcpu->block->event;
  uint64_t now = timeline_now(cpu);
  event->time_lo = (uint32_t)now;
  event->time_hi = (uint32_t)(now >> 32);
  if (reason == SX_EXIT_KICK || reason == SX_EXIT_POLL) return;
  trace(cpu, reason, (uint64_t)event->data_lo << 32 | event->addr_lo);
}

uint32_t dispatch_run(struct cpu *cpu) {
  struct timeline *timeline = cpu->machine->timeline;
  if (timeline && !timeline_enter(cpu)) return SX_EXIT_KICK;
  atomic_store(&cpu->running, true);
  atomic_store(&cpu->attention, INT64_MIN);
  tracer_returned(cpu);
  sse_enter(cpu);
  uint32_t reason = run(cpu);
  sse_leave(cpu);
  cpu->instructions += (uint64_t)(cpu->slice - cpu->budget);
  cpu->slice = cpu->budget;
  atomic_store(&cpu->running, false);
  tracer_left(cpu, reason);
  if (timeline) publish_time(cpu, reason);
  return reason;
}
