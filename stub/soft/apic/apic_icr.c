/* Interrupt messages: of a local APIC (SDM volume 3, 11.6), of devices and IOAPICs (11.11). */
#include "soft/apic/apic_state.h"

/* The low half of the ICR (figure 11-12); trigger and delivery mode are as in a message's data. */
#define ICR_VECTOR 0xffu
#define ICR_DELIVERY_SHIFT 8
#define ICR_DELIVERY_MASK 7u
#define ICR_LOGICAL 0x800u
#define ICR_ASSERT 0x4000u
#define ICR_LEVEL 0x8000u
#define ICR_SHORTHAND_SHIFT 18
#define ICR_SHORTHAND_MASK 3u
#define ICR_DESTINATION_SHIFT 32
#define XAPIC_DESTINATION_SHIFT 56

enum delivery {
  DELIVERY_FIXED, DELIVERY_LOWEST_PRIORITY, DELIVERY_SMI, DELIVERY_NMI = 4, DELIVERY_INIT,
  DELIVERY_STARTUP
};

enum shorthand { TO_DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };

/* A message's address (figure 11-24). */
#define MESSAGE_DESTINATION_SHIFT 12
#define MESSAGE_REDIRECTION 0x8u
#define MESSAGE_LOGICAL 0x4u

#define XAPIC_BROADCAST 0xffu
#define X2APIC_BROADCAST 0xffffffffu

/* xAPIC's LDR and DFR (figures 11-13 and 11-14). */
#define LDR_SHIFT 24
#define DFR_MODEL_SHIFT 28
#define DFR_FLAT 0xfu
#define CLUSTER(address) ((address) >> 4 & 0xf)
#define CLUSTER_MEMBERS 0xfu
#define X2APIC_CLUSTER_SHIFT 16
#define X2APIC_CLUSTER_MEMBERS 0xffffu

struct message {
  uint8_t vector;
  enum delivery delivery;
  bool level;
  bool lowest_priority; /* to one of those that the destination matches */
  enum shorthand shorthand;
  uint32_t destination;
  bool logical;
};

/* 8-bit destinations say "all" in their own way. */
static uint32_t widen(uint32_t destination) {
  return destination == XAPIC_BROADCAST ? X2APIC_BROADCAST : destination;
}

static bool matches_logical(const struct apic *apic, uint32_t destination) {
  if (apic_x2apic(apic)) {
    uint32_t own = apic_x2apic_ldr(apic);
    return own >> X2APIC_CLUSTER_SHIFT == destination >> X2APIC_CLUSTER_SHIFT &&
           (own & destination & X2APIC_CLUSTER_MEMBERS);
  }
  uint32_t own = atomic_load(&apic->ldr) >> LDR_SHIFT;
  if (atomic_load(&apic->dfr) >> DFR_MODEL_SHIFT == DFR_FLAT) return own & destination;
  return CLUSTER(own) == CLUSTER(destination) && (own & destination & CLUSTER_MEMBERS);
}

static bool matches(const struct apic *apic, const struct apic *source,
                    const struct message *message) {
  if (!apic_hardware_enabled(apic)) return false;
  switch (message->shorthand) {
    case TO_SELF: return apic == source;
    case TO_ALL: return true;
    case TO_OTHERS: return apic != source;
    default:
      if (message->destination == X2APIC_BROADCAST) return true;
      return message->logical ? matches_logical(apic, message->destination)
                              : apic->id == message->destination;
  }
}

static bool signal_processor(struct apic *apic, uint32_t signal) {
  atomic_fetch_or(&apic->signals, signal);
  cpu_attend(apic->cpu);
  return true;
}

static bool deliver(struct apic *apic, const struct message *message) {
  switch (message->delivery) {
    case DELIVERY_FIXED:
    case DELIVERY_LOWEST_PRIORITY: return apic_interrupt(apic, message->vector, message->level);
    case DELIVERY_NMI: return signal_processor(apic, APIC_SIGNAL_NMI);
    case DELIVERY_INIT: return signal_processor(apic, APIC_SIGNAL_INIT);
    case DELIVERY_STARTUP:
      atomic_store(&apic->sipi_vector, message->vector);
      return signal_processor(apic, APIC_SIGNAL_SIPI);
    default: return false;
  }
}

/* How many took it. Those that may be chosen for lowest priority take turns: their priorities are
 * their own threads' to know. */
static int dispatch(struct machine *machine, const struct apic *source,
                    const struct message *message) {
  struct apic *found[MOST_PROCESSORS];
  uint32_t count = 0;
  for (uint32_t i = 0; i < MOST_PROCESSORS; i++) {
    struct cpu *cpu = atomic_load(&machine->processors[i]);
    if (!cpu || !cpu->apic || !matches(cpu->apic, source, message)) continue;
    if (message->lowest_priority && !apic_software_enabled(cpu->apic)) continue;
    found[count++] = cpu->apic;
  }
  if (message->lowest_priority && count > 1) {
    found[0] = found[atomic_fetch_add(&machine->lowest_priority_turn, 1) % count];
    count = 1;
  }
  int taken = 0;
  for (uint32_t i = 0; i < count; i++) taken += deliver(found[i], message);
  return taken;
}

static bool has_vector(enum delivery delivery) {
  return delivery == DELIVERY_FIXED || delivery == DELIVERY_LOWEST_PRIORITY;
}

void apic_send(struct apic *apic, uint64_t icr) {
  struct message message = {
      .vector = icr & ICR_VECTOR,
      .delivery = icr >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK,
      .shorthand = icr >> ICR_SHORTHAND_SHIFT & ICR_SHORTHAND_MASK,
      .destination = apic_x2apic(apic) ? (uint32_t)(icr >> ICR_DESTINATION_SHIFT)
                                       : widen((uint32_t)(icr >> XAPIC_DESTINATION_SHIFT)),
      .logical = icr & ICR_LOGICAL,
  };
  message.lowest_priority = message.delivery == DELIVERY_LOWEST_PRIORITY;
  if (message.delivery == DELIVERY_INIT && (icr & ICR_LEVEL) && !(icr & ICR_ASSERT)) return;
  if (has_vector(message.delivery) && message.vector < APIC_FIRST_VECTOR) {
    apic_error(apic, ESR_SEND_VECTOR);
    return;
  }
  dispatch(apic->cpu->machine, apic, &message);
}

void apic_send_self(struct apic *apic, uint8_t vector) {
  if (vector < APIC_FIRST_VECTOR) {
    apic_error(apic, ESR_SEND_VECTOR);
  } else {
    apic_interrupt(apic, vector, false);
  }
}

int apic_message(struct machine *machine, uint64_t address, uint32_t data) {
  struct message message = {
      .vector = data & ICR_VECTOR,
      .delivery = data >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK,
      .level = data & ICR_LEVEL,
      .destination = widen(address >> MESSAGE_DESTINATION_SHIFT & XAPIC_BROADCAST),
      .logical = address & MESSAGE_LOGICAL,
  };
  message.lowest_priority = message.delivery == DELIVERY_LOWEST_PRIORITY ||
                            (message.delivery == DELIVERY_FIXED && (address & MESSAGE_REDIRECTION));
  return dispatch(machine, NULL, &message);
}

uint32_t apic_take_signals(struct apic *apic, uint8_t *sipi_vector) {
  if (!atomic_load_explicit(&apic->signals, memory_order_relaxed)) return 0;
  uint32_t signals = atomic_exchange(&apic->signals, 0);
  if (signals & APIC_SIGNAL_SIPI) *sipi_vector = (uint8_t)atomic_load(&apic->sipi_vector);
  return signals;
}
