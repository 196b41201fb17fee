/*
 * What makes a guest leave for the hypervisor, by the hypervisor's choice: VT-x's controls and what
 * it records of an exit (SDM volume 3, chapters 24 to 27). A processor without controls has none of
 * it: its instructions are translated without the ops of intercept.c, and the dispatcher's hooks are
 * one comparison each.
 */
#ifndef SX_SOFT_CONTROLS_H
#define SX_SOFT_CONTROLS_H

#include "soft/cpu.h"
#include "stub.h"
#include "soft/system/system.h"

/* An event as the interruption-information fields describe it. */
struct described_event {
  uint32_t information, error;
  uint32_t length; /* of the instruction that raised it, of software events */
};

struct controls {
  struct sx_controls set; /* by the hypervisor */
  struct described_event entry;    /* delivered on the next entry, when it is valid */
  struct described_event delivery; /* being delivered, when it is valid */
  /* INT3, INTO, INT n and INT1 say before their delivery what they are: 0, or SX_TYPE_*. */
  uint32_t software_type, software_length;
  bool entered;     /* since the last event */
  bool exited;      /* controls made the last event: the completion says how to go on */
  bool trap_armed;  /* the monitor trap flag fires at the next boundary */
  uint32_t length;  /* of the instruction that exited */
  uint64_t timer_end; /* TSC of the host */
  uint64_t pause_first, pause_last;
  bool sipi_pending;
  uint8_t sipi_vector;
};

/* controls.c: calls of the hypervisor, while the processor is not in the guest. 0 or a negative errno. */
int controls_set(struct cpu *cpu, const struct sx_controls *controls, uint32_t size);
int controls_inject(struct cpu *cpu, const struct described_event *event);
void controls_destroy(struct cpu *cpu);

/* How the guest is entered and left. controls_enter() is in the dispatcher's hands: it may exit, and fault. */
void controls_enter(struct cpu *cpu);
void controls_left(struct cpu *cpu);
void controls_complete(struct cpu *cpu, uint32_t action);

/*
 * Begins the record of an exit in the instruction of `op`, or where cpu->rip stands, with what is
 * known of it; the caller adds to it before exit_leave().
 */
struct sx_controlled_exit *exit_begin(struct cpu *cpu, const struct op *op, uint32_t reason, uint64_t qualification);
_Noreturn void exit_leave(struct cpu *cpu);
_Noreturn void exit_now(struct cpu *cpu, const struct op *op, uint32_t reason, uint64_t qualification);

/* event_exits.c: hooks of the dispatcher and of the delivery of events; those that say "may" do not return then. */
/* Between two instructions: may exit. */
void controls_boundary(struct cpu *cpu);
/* Takes INIT, SIPI and NMI where they are the hypervisor's: may exit. Returns the signals that are left. */
uint32_t controls_signals(struct cpu *cpu, uint32_t signals, uint8_t vector);
/* A fault is about to be delivered: may exit. */
void controls_fault(struct cpu *cpu, const struct fault *fault);
/* The same, of the double fault that two made: the event before does not count. */
void controls_double_fault(struct cpu *cpu, const struct fault *fault);
/* A debug trap is about to be delivered, with these bits for DR6: may exit. */
void controls_debug_trap(struct cpu *cpu, uint64_t bits);
/* The guest shuts down: the record only. */
void controls_shut_down(struct cpu *cpu);
/* Around the delivery of an event. */
void controls_delivering(struct cpu *cpu, enum event_kind kind, uint8_t vector, bool has_error, uint32_t error);
void controls_delivered(struct cpu *cpu);
/* When the clock must be looked at: `deadline`, or the preemption timer's, in ticks of the guest's TSC. */
uint64_t controls_deadline(const struct cpu *cpu, uint64_t deadline);

/* A transfer to a task, which hardware does not do for a guest: may exit. */
enum task_source { TASK_CALL, TASK_IRET, TASK_JMP, TASK_GATE };
void controls_task_switch(struct cpu *cpu, const struct op *op, uint16_t selector, enum task_source source);

/* entry_check.c: whether a guest may be entered in this state (27.3.1), with the event that is injected. */
bool entry_allowed(const struct cpu *cpu, uint32_t injected);

/* vcpu_state.c */
void state_read(struct cpu *cpu, struct sx_vcpu_state *state);
/* False, with nothing changed, when it is no state of a processor, entry checks aside. */
bool state_write(struct cpu *cpu, const struct sx_vcpu_state *state);

#endif
