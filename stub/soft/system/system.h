/* Segments, tables, modes and the delivery of events: what the dispatcher and system ops share. */
#ifndef SX_SOFT_SYSTEM_H
#define SX_SOFT_SYSTEM_H

#include "soft/cpu.h"

enum event_kind { EVENT_EXCEPTION, EVENT_INTERRUPT, EVENT_NMI, EVENT_SOFTWARE };

/*
 * Delivers an event through the IDT (SDM volume 3, 6.12 to 6.14), or the real-mode vector table. The
 * return address is cpu->rip. May fault itself: cpu->delivering is then set, and the dispatcher makes
 * a double fault or a shutdown of it (6.15).
 */
void deliver_event(struct cpu *cpu, enum event_kind kind, uint8_t vector, bool has_error, uint32_t error);
/* The same, to return `length` bytes behind cpu->rip. */
void deliver_event_behind(struct cpu *cpu, enum event_kind kind, uint8_t vector, bool has_error, uint32_t error,
                          uint32_t length);

/* Loads a segment register as MOV does (SDM volume 3, 5.4 to 5.6); faults at `op`. */
void segment_load(struct cpu *cpu, const struct op *op, uint8_t segment, uint16_t selector);

/* CPUID of the guest. */
void cpuid_read(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t registers[4]);

/* MSRs: false means #GP(0). */
bool msr_read(struct cpu *cpu, uint32_t number, uint64_t *value);
bool msr_write(struct cpu *cpu, uint32_t number, uint64_t value);

/* Translations may have changed: of one address (in every address space), of the present address
 * space, of everything. In memory.c. */
void tlb_flush_address(struct cpu *cpu, uint64_t address);
void tlb_flush_space(struct cpu *cpu);
void tlb_flush_all(struct cpu *cpu);
/* A new CR3; with `keep`, what is cached for its PCID stays. */
void tlb_switch(struct cpu *cpu, uint64_t cr3, bool keep);
/* Forgets what is cached for a PCID. */
void tlb_flush_pcid(struct cpu *cpu, uint32_t pcid);

/* Drops every block and jump that was translated under other rules (code size). In code_cache.c. */
void code_jumps_flush(struct cpu *cpu);

#endif
