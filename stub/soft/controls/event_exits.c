/* Exits that events make: exceptions, interrupts, NMIs, windows, signals, timers and task switches. */
#include "soft/apic/apic.h"
#include "soft/controls/controls.h"
#include "soft/system/debug.h"

#define TASK_SOURCE_SHIFT 30

static uint32_t describe(uint32_t type, uint8_t vector, bool has_error) {
  return SX_INTERRUPTION_VALID | type << SX_INTERRUPTION_TYPE_SHIFT | vector | (has_error ? SX_INTERRUPTION_ERROR : 0);
}

/* SDM volume 3, 26.2: page faults have a filter of their own. */
static bool exception_exits(const struct cpu *cpu, uint8_t vector, uint32_t error) {
  const struct sx_controls *set = &cpu->controls->set;
  bool wanted = set->exception_bitmap >> vector & 1;
  if (vector != VECTOR_PF) return wanted;
  return wanted == ((error & set->page_fault_mask) == set->page_fault_match);
}

static _Noreturn void exit_exception(struct cpu *cpu, uint8_t vector, bool has_error, uint32_t error, uint64_t qualification) {
  struct sx_controlled_exit *record = exit_begin(cpu, NULL, SX_EXIT_EXCEPTION, qualification);
  record->interruption = describe(SX_TYPE_EXCEPTION, vector, has_error);
  record->interruption_error = has_error ? error : 0;
  exit_leave(cpu);
}

void controls_fault(struct cpu *cpu, const struct fault *fault) {
  if (!exception_exits(cpu, fault->vector, fault->error)) return;
  /* An exit leaves CR2 and DR6 to the hypervisor (28.2.1). */
  bool explained = fault->vector == VECTOR_PF || fault->vector == VECTOR_DB;
  uint64_t qualification = explained ? fault->address : 0;
  if (debug_fault_resumes(fault)) cpu->flags |= FLAG_RF;
  exit_exception(cpu, fault->vector, fault->has_error, fault->error, qualification);
}

void controls_double_fault(struct cpu *cpu, const struct fault *fault) {
  if (!exception_exits(cpu, fault->vector, fault->error)) return;
  cpu->controls->delivery.information = 0;
  exit_exception(cpu, fault->vector, true, 0, 0);
}

void controls_debug_trap(struct cpu *cpu, uint64_t bits) {
  if (exception_exits(cpu, VECTOR_DB, 0)) exit_exception(cpu, VECTOR_DB, false, 0, bits);
}

void controls_shut_down(struct cpu *cpu) {
  cpu->controls->delivery.information = 0;
  exit_begin(cpu, NULL, SX_EXIT_TRIPLE_FAULT, 0);
}

void controls_delivering(struct cpu *cpu, enum event_kind kind, uint8_t vector, bool has_error, uint32_t error) {
  static const uint8_t types[] = {[EVENT_EXCEPTION] = SX_TYPE_EXCEPTION, [EVENT_INTERRUPT] = SX_TYPE_EXTERNAL,
                                  [EVENT_NMI] = SX_TYPE_NMI, [EVENT_SOFTWARE] = SX_TYPE_SOFTWARE};
  struct controls *controls = cpu->controls;
  uint32_t type = controls->software_type ? controls->software_type : types[kind];
  controls->delivery = (struct described_event){.information = describe(type, vector, has_error),
                                                .error = has_error ? error : 0,
                                                .length = controls->software_type ? controls->software_length : 0};
  controls->software_type = 0;
}

void controls_delivered(struct cpu *cpu) {
  cpu->controls->delivery.information = 0;
}

uint64_t controls_deadline(const struct cpu *cpu, uint64_t deadline) {
  const struct controls *controls = cpu->controls;
  if (!(controls->set.pin & SX_PIN_PREEMPTION_TIMER)) return deadline;
  uint64_t end = controls->timer_end + (uint64_t)cpu->tsc_offset;
  return end < deadline ? end : deadline;
}

/* With "virtual NMIs", blocking is that of the NMIs that the hypervisor injects. */
static void take_nmi(struct cpu *cpu) {
  const struct sx_controls *set = &cpu->controls->set;
  if (!cpu->nmi_pending || !(set->pin & SX_PIN_NMI) || cpu->shadow) return;
  if (cpu->nmi_blocked && !(set->pin & SX_PIN_VIRTUAL_NMI)) return;
  cpu->nmi_pending = false;
  exit_begin(cpu, NULL, SX_EXIT_EXCEPTION, 0)->interruption = describe(SX_TYPE_NMI, VECTOR_NMI, false);
  exit_leave(cpu);
}

/* Whatever IF is (26.2). */
static void take_external(struct cpu *cpu) {
  if (!(cpu->controls->set.pin & SX_PIN_EXTERNAL_INTERRUPT) || cpu->shadow || !cpu->apic) return;
  int vector = apic_pending(cpu->apic);
  if (vector < 0) return;
  struct sx_controlled_exit *record = exit_begin(cpu, NULL, SX_EXIT_EXTERNAL_INTERRUPT, 0);
  if (cpu->controls->set.exit & SX_ON_EXIT_ACKNOWLEDGE) {
    apic_accept(cpu->apic, (uint8_t)vector);
    record->interruption = describe(SX_TYPE_EXTERNAL, (uint8_t)vector, false);
  }
  exit_leave(cpu);
}

/* In the order of their priorities (7.9, 26.5, 27.7). */
void controls_boundary(struct cpu *cpu) {
  struct controls *controls = cpu->controls;
  const struct sx_controls *set = &controls->set;
  bool traps = set->primary & SX_PRIMARY_MONITOR_TRAP && !cpu->halted;
  if (cpu->replay_done) {
    /* Devices have answered a part of the instruction: it is in its middle. */
    controls->trap_armed = traps;
    return;
  }
  if (controls->trap_armed) exit_now(cpu, NULL, SX_EXIT_MONITOR_TRAP, 0);
  if (set->pin & SX_PIN_PREEMPTION_TIMER && tsc() >= controls->timer_end) exit_now(cpu, NULL, SX_EXIT_PREEMPTION_TIMER, 0);
  if (set->primary & SX_PRIMARY_NMI_WINDOW && !cpu->nmi_blocked && cpu->shadow != SHADOW_MOV_SS) {
    exit_now(cpu, NULL, SX_EXIT_NMI_WINDOW, 0);
  }
  take_nmi(cpu);
  if (set->primary & SX_PRIMARY_INTERRUPT_WINDOW) {
    if (cpu->flags & FLAG_IF && !cpu->shadow) exit_now(cpu, NULL, SX_EXIT_INTERRUPT_WINDOW, 0);
    cpu->interrupt_waiting = true;
  }
  take_external(cpu);
  if (traps) controls->trap_armed = cpu->single = true;
}

uint32_t controls_signals(struct cpu *cpu, uint32_t signals, uint8_t vector) {
  struct controls *controls = cpu->controls;
  if (!(controls->set.always & SX_ALWAYS_SIGNALS)) return signals;
  if (signals & APIC_SIGNAL_NMI) cpu->nmi_pending = true;
  if (signals & APIC_SIGNAL_SIPI && (cpu->wait_for_sipi || signals & APIC_SIGNAL_INIT)) {
    controls->sipi_pending = true;
    controls->sipi_vector = vector;
  }
  if (signals & APIC_SIGNAL_INIT && !cpu->wait_for_sipi) exit_now(cpu, NULL, SX_EXIT_INIT, 0);
  if (controls->sipi_pending && cpu->wait_for_sipi) {
    controls->sipi_pending = false;
    exit_now(cpu, NULL, SX_EXIT_SIPI, controls->sipi_vector);
  }
  return 0;
}

void controls_task_switch(struct cpu *cpu, const struct op *op, uint16_t selector, enum task_source source) {
  if (!(cpu->controls->set.always & SX_ALWAYS_TASK_SWITCH)) return;
  exit_now(cpu, op, SX_EXIT_TASK_SWITCH, selector | (uint64_t)source << TASK_SOURCE_SHIFT);
}
