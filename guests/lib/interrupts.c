#include "interrupts.h"

#include "mmio.h"

/* The local APIC in xAPIC mode (SDM volume 3, 11.4.1) and its registers, each of 32 bits. */
#define LOCAL_APIC ((volatile u8 *)0xfee00000)
#define APIC_ID 0x20 /* 11.4.6 */
#define APIC_ID_SHIFT 24
#define APIC_EOI 0xb0      /* 11.8.5 */
#define APIC_SPURIOUS 0xf0 /* 11.9 */
#define SPURIOUS_ENABLES_APIC 0x100

/* Messages: fixed delivery, edge-triggered, to one APIC by its physical id (11.11). */
#define MESSAGE_ADDRESS 0xfee00000
#define MESSAGE_DESTINATION_SHIFT 12

static u64 taken;

/*
 * Entered from boot.S with interrupts on, as they stay for good: a trap gate leaves IF alone, and
 * IRET could not set it again in ring 3. Until EOI the APIC holds the next one back; after it one
 * more may nest, for a device sends one each time that virtqueue_arm() asks.
 */
void interrupt(void) {
  __atomic_store_n(&taken, taken + 1, __ATOMIC_RELEASE);
  mmio_write32(LOCAL_APIC + APIC_EOI, 0);
}

bool interrupts_start(struct interrupt_message *message) {
  if (!platform.interrupts) return false;
  mmio_write32(LOCAL_APIC + APIC_SPURIOUS, SPURIOUS_ENABLES_APIC | SPURIOUS_VECTOR);
  u32 id = mmio_read32(LOCAL_APIC + APIC_ID) >> APIC_ID_SHIFT;
  *message = (struct interrupt_message){
      .address = MESSAGE_ADDRESS | (u64)id << MESSAGE_DESTINATION_SHIFT,
      .data = INTERRUPT_VECTOR,
  };
  return true;
}

u64 interrupts_taken(void) {
  return __atomic_load_n(&taken, __ATOMIC_ACQUIRE);
}
