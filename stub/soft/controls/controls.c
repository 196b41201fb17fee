/* Setting controls, and how the guest is entered and left under them. */
#include "soft/controls/controls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "soft/translation/code_cache.h"
#include "soft/memory/device.h"
#include "event.h"

/* Bits that mean something here; VT-x refuses the others, too. */
#define PIN_KNOWN (SX_PIN_EXTERNAL_INTERRUPT | SX_PIN_NMI | SX_PIN_VIRTUAL_NMI | SX_PIN_PREEMPTION_TIMER)
#define PRIMARY_KNOWN                                                                                  \
  (SX_PRIMARY_INTERRUPT_WINDOW | SX_PRIMARY_HLT | SX_PRIMARY_INVLPG | SX_PRIMARY_MWAIT |                \
   SX_PRIMARY_RDPMC | SX_PRIMARY_RDTSC | SX_PRIMARY_CR3_LOAD | SX_PRIMARY_CR3_STORE |                   \
   SX_PRIMARY_CR8_LOAD | SX_PRIMARY_CR8_STORE | SX_PRIMARY_NMI_WINDOW | SX_PRIMARY_MOV_DR |             \
   SX_PRIMARY_UNCONDITIONAL_IO | SX_PRIMARY_IO_BITMAPS | SX_PRIMARY_MONITOR_TRAP |                      \
   SX_PRIMARY_MSR_BITMAPS | SX_PRIMARY_MONITOR | SX_PRIMARY_PAUSE)
#define SECONDARY_KNOWN                                                                                \
  (SX_SECONDARY_EPT | SX_SECONDARY_DESCRIPTOR_TABLE | SX_SECONDARY_RDTSCP | SX_SECONDARY_X2APIC |       \
   SX_SECONDARY_WBINVD | SX_SECONDARY_PAUSE_LOOP | SX_SECONDARY_RDRAND | SX_SECONDARY_INVPCID |         \
   SX_SECONDARY_RDSEED)
#define EXIT_KNOWN (SX_ON_EXIT_ACKNOWLEDGE | SX_ON_EXIT_SAVE_TIMER)
#define ALWAYS_KNOWN (SX_ALWAYS_CPUID | SX_ALWAYS_INSTRUCTIONS | SX_ALWAYS_SIGNALS | SX_ALWAYS_TASK_SWITCH)

#define HEAD_BYTES offsetof(struct sx_controls, io_bitmap)

/* SDM volume 3, 27.2.1.1, as far as it applies. */
static bool allowed(const struct sx_controls *set) {
  if (set->pin & ~(uint32_t)PIN_KNOWN || set->primary & ~(uint32_t)PRIMARY_KNOWN) return false;
  if (set->secondary & ~(uint32_t)SECONDARY_KNOWN || set->exit & ~(uint32_t)EXIT_KNOWN) return false;
  if (set->always & ~(uint32_t)ALWAYS_KNOWN || set->cr3_target_count > SX_CR3_TARGETS) return false;
  if (set->pin & SX_PIN_VIRTUAL_NMI && !(set->pin & SX_PIN_NMI)) return false;
  return !(set->primary & SX_PRIMARY_NMI_WINDOW) || set->pin & SX_PIN_VIRTUAL_NMI;
}

static int turn_off(struct cpu *cpu) {
  if (!cpu->controls) return 0;
  if (!entry_allowed(cpu, 0)) return fail_with("soft engine: controls taken from an invalid state", EINVAL);
  controls_destroy(cpu);
  cpu->ept = false;
  tlb_flush_all(cpu);
  code_forget_all(cpu);
  return 0;
}

int controls_set(struct cpu *cpu, const struct sx_controls *controls, uint32_t size) {
  if (!controls) return turn_off(cpu);
  bool whole = size == sizeof *controls;
  if ((!whole && size != HEAD_BYTES) || !allowed(controls)) return fail_with("soft engine: controls", EINVAL);
  bool first = !cpu->controls;
  if (first && !(cpu->controls = calloc(1, sizeof *cpu->controls))) return fail("calloc");
  memcpy(&cpu->controls->set, controls, size);
  bool ept = controls->secondary & SX_SECONDARY_EPT;
  if (ept != cpu->ept) tlb_flush_all(cpu);
  cpu->ept = ept;
  if (first) code_forget_all(cpu);
  return 0;
}

void controls_destroy(struct cpu *cpu) {
  free(cpu->controls);
  cpu->controls = NULL;
}

/* SDM volume 3, 27.2.1.3. */
int controls_inject(struct cpu *cpu, const struct described_event *event) {
  const uint32_t known = SX_INTERRUPTION_VECTOR | 7u << SX_INTERRUPTION_TYPE_SHIFT | SX_INTERRUPTION_ERROR | SX_INTERRUPTION_VALID;
  const uint32_t error_vectors = 1u << VECTOR_DF | 1u << VECTOR_TS | 1u << VECTOR_NP | 1u << VECTOR_SS |
                                 1u << VECTOR_GP | 1u << VECTOR_PF | 1u << VECTOR_AC;
  if (!cpu->controls) return fail_with("soft engine: injection without controls", ENXIO);
  uint32_t vector = event->information & SX_INTERRUPTION_VECTOR;
  uint32_t type = event->information >> SX_INTERRUPTION_TYPE_SHIFT & 7;
  bool exception = type == SX_TYPE_EXCEPTION || type == SX_TYPE_PRIVILEGED || type == SX_TYPE_SOFTWARE_EXCEPTION;
  bool software = type == SX_TYPE_SOFTWARE || type == SX_TYPE_PRIVILEGED || type == SX_TYPE_SOFTWARE_EXCEPTION;
  bool takes_error = type == SX_TYPE_EXCEPTION && vector < 32 && error_vectors >> vector & 1 && cpu_protected(cpu);
  bool has_error = event->information & SX_INTERRUPTION_ERROR;
  bool valid = event->information & SX_INTERRUPTION_VALID;
  bool fits = !(event->information & ~known) && type != 1 && type != 7 && (type != SX_TYPE_NMI || vector == VECTOR_NMI) &&
              (!exception || vector < 32) && has_error == takes_error &&
              (!has_error || !(event->error & ~0x7fffu)) &&
              (!software || (event->length >= 1 && event->length <= 15));
  if (valid && !fits) return fail_with("soft engine: injection", EINVAL);
  cpu->controls->entry = *event;
  return 0;
}

/* The valid bit goes when it is delivered, whatever comes of that. */
static void deliver_injected(struct cpu *cpu) {
  struct controls *controls = cpu->controls;
  const struct described_event event = controls->entry;
  uint32_t type = event.information >> SX_INTERRUPTION_TYPE_SHIFT & 7;
  uint8_t vector = (uint8_t)event.information;
  bool software = type == SX_TYPE_SOFTWARE || type == SX_TYPE_PRIVILEGED || type == SX_TYPE_SOFTWARE_EXCEPTION;
  enum event_kind kind = type == SX_TYPE_EXTERNAL ? EVENT_INTERRUPT
                         : type == SX_TYPE_NMI    ? EVENT_NMI
                         : type == SX_TYPE_EXCEPTION || type == SX_TYPE_PRIVILEGED ? EVENT_EXCEPTION : EVENT_SOFTWARE;
  controls->entry.information = 0;
  controls->software_type = software ? type : 0;
  controls->software_length = software ? event.length : 0;
  controls->trap_armed = controls->set.primary & SX_PRIMARY_MONITOR_TRAP;
  cpu->halted = false;
  cpu->shadow = 0;
  device_progress(cpu);
  if (kind == EVENT_NMI) cpu->nmi_blocked = true;
  deliver_event_behind(cpu, kind, vector, event.information & SX_INTERRUPTION_ERROR, event.error,
                       controls->software_length);
}

void controls_enter(struct cpu *cpu) {
  struct controls *controls = cpu->controls;
  if (controls->entered) return;
  uint32_t injected = controls->entry.information;
  if (!entry_allowed(cpu, injected)) {
    controls->entry.information = 0;
    exit_begin(cpu, NULL, SX_EXIT_ENTRY_FAILURE, 0)->reason |= SX_REASON_ENTRY_FAILURE;
    exit_leave(cpu);
  }
  controls->entered = true;
  controls->trap_armed = false;
  controls->timer_end = tsc() + ((uint64_t)controls->set.preemption_timer << SX_PREEMPTION_TIMER_SHIFT);
  if (injected & SX_INTERRUPTION_VALID) deliver_injected(cpu);
}

void controls_left(struct cpu *cpu) {
  struct controls *controls = cpu->controls;
  controls->entered = false;
  uint64_t now = tsc();
  uint64_t left = now < controls->timer_end ? (controls->timer_end - now) >> SX_PREEMPTION_TIMER_SHIFT : 0;
  if (!(controls->set.pin & SX_PIN_PREEMPTION_TIMER) || !(controls->set.exit & SX_ON_EXIT_SAVE_TIMER)) return;
  controls->set.preemption_timer = (uint32_t)left;
  cpu->vcpu->block->controlled_exit.preemption_timer = (uint32_t)left;
}

void controls_complete(struct cpu *cpu, uint32_t action) {
  struct controls *controls = cpu->controls;
  if (!controls->exited) return;
  controls->exited = false;
  if (action == SX_ACTION_SKIP && controls->length) {
    cpu->rip += controls->length;
    if (cpu->code_size != 8) cpu->rip = (uint32_t)cpu->rip;
    cpu->flags &= ~(uint64_t)FLAG_RF;
    cpu->shadow = 0;
    device_progress(cpu);
  } else if (cpu->replay_done) {
    /* Devices have answered a part of the instruction. */
    cpu->replay_next = 0;
    cpu->single = true;
  }
}

struct sx_controlled_exit *exit_begin(struct cpu *cpu, const struct op *op, uint32_t reason, uint64_t qualification) {
  struct controls *controls = cpu->controls;
  struct sx_controlled_exit *record = &cpu->vcpu->block->controlled_exit;
  if (op) cpu->rip = cpu_rip(cpu, op);
  if (cpu->held) cpu->shadow = cpu->held;
  if (cpu->repeating) cpu->flags |= FLAG_RF; /* as it would be pushed (28.3.3) */
  cpu->repeating = false;
  *record = (struct sx_controlled_exit){
      .reason = reason, .qualification = qualification, .instruction_length = op ? op->length : 0};
  if (controls->delivery.information & SX_INTERRUPTION_VALID) {
    record->vectoring = controls->delivery.information;
    record->vectoring_error = controls->delivery.error;
    if (!op) record->instruction_length = controls->delivery.length;
  }
  controls->delivery.information = 0;
  controls->software_type = 0;
  cpu->delivering = 0;
  return record;
}

_Noreturn void exit_leave(struct cpu *cpu) {
  const struct sx_controlled_exit *record = &cpu->vcpu->block->controlled_exit;
  uint32_t reason = record->reason & 0xffff;
  cpu->controls->length = record->instruction_length;
  cpu->controls->exited = true;
  event_describe(&cpu->vcpu->block->event, reason, false, 0, 0, NULL);
  cpu->vcpu->block->event.flags |= SX_EVENT_CONTROLLED;
  cpu_exit(cpu, reason);
}

_Noreturn void exit_now(struct cpu *cpu, const struct op *op, uint32_t reason, uint64_t qualification) {
  exit_begin(cpu, op, reason, qualification);
  exit_leave(cpu);
}
