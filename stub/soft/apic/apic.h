/* The local APIC (SDM volume 3, chapter 11): xAPIC at 0xfee00000 and x2APIC by MSRs. */
#ifndef SX_SOFT_APIC_H
#define SX_SOFT_APIC_H

#include "soft/cpu.h"

#define APIC_BASE 0xfee00000u
/* Its timer's clock, before the divider; CPUID leaf 0x15 says it as the crystal's. */
#define APIC_TIMER_HZ 1000000u

struct apic;

/* `id` is also the vCPU's index. NULL when there is no memory. */
struct apic *apic_create(struct cpu *cpu, uint32_t id);
void apic_destroy(struct apic *apic);
void apic_reset(struct apic *apic, bool init);

/* IA32_APIC_BASE. False: #GP. */
#define APIC_BASE_BSP 0x100u
#define APIC_BASE_X2APIC 0x400u
#define APIC_BASE_ENABLE 0x800u
uint64_t apic_base(const struct apic *apic);
bool apic_set_base(struct apic *apic, uint64_t value);

/* Registers in the page of xAPIC; offsets are multiples of 16, others read 0. By the owner only. */
uint32_t apic_mmio_read(struct apic *apic, uint32_t offset);
void apic_mmio_write(struct apic *apic, uint32_t offset, uint32_t value);
/* x2APIC: MSRs 0x800 to 0x8ff, and IA32_TSC_DEADLINE. False: #GP. */
bool apic_msr_read(struct apic *apic, uint32_t msr, uint64_t *value);
bool apic_msr_write(struct apic *apic, uint32_t msr, uint64_t value);
uint64_t apic_tsc_deadline(const struct apic *apic);
void apic_set_tsc_deadline(struct apic *apic, uint64_t value);
/* The guest's TSC was set forward by `difference`: what the timer counts goes on as it was. */
void apic_shift_tsc(struct apic *apic, int64_t difference);

uint8_t apic_cr8(const struct apic *apic);
void apic_set_cr8(struct apic *apic, uint8_t value);

/* A vector that would be delivered now, or -1: the highest in IRR above the processor priority. */
int apic_pending(struct apic *apic);
/* Takes it: from IRR to ISR. */
void apic_accept(struct apic *apic, uint8_t vector);

/* A vector whose end the hypervisor is to hear of (machine.eoi_exits), or -1; each is given once.
 * The EOI of such a vector has called cpu_attend(). By the owner. */
int apic_take_eoi(struct apic *apic);

/* When the timer fires next, in ticks of the guest's TSC; UINT64_MAX for never. */
uint64_t apic_deadline(const struct apic *apic);
/* Fires it when `now` has reached the deadline. By the owner. */
void apic_run_timer(struct apic *apic, uint64_t now);

/* What others sent since: INIT, SIPI and NMI are left in the processor by apic_take_signals(). */
#define APIC_SIGNAL_INIT 1
#define APIC_SIGNAL_SIPI 2
#define APIC_SIGNAL_NMI 4
uint32_t apic_take_signals(struct apic *apic, uint8_t *sipi_vector);

/* A message of a device or an IOAPIC, from any thread: how many processors took it. */
int apic_message(struct machine *machine, uint64_t address, uint32_t data);

#endif
