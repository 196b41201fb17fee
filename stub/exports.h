/*
 * What TypeScript calls. Every function returns a negative errno when it fails and then
 * sx_error_text() names the call that failed; none aborts the process, whatever it is given.
 * Handles are positive integers.
 */
#ifndef SX_EXPORTS_H
#define SX_EXPORTS_H

#include <stdint.h>

#define SX_EXPORT __attribute__((visibility("default")))

/** SX_ABI_VERSION of this library. */
SX_EXPORT int32_t sx_abi_version(void);
/** Copies this thread's last failure ("ioctl KVM_RUN: Bad address") into `text`; its length. */
SX_EXPORT int32_t sx_error_text(uint8_t *text, uint32_t size);

/** Measures what /dev/kvm runs natively into a `struct sx_probe`. */
SX_EXPORT int32_t sx_probe_engine(uint8_t *result, uint32_t size);

/** Asks for large pages for an array that has not been touched yet. */
SX_EXPORT int32_t sx_large_pages(uint8_t *bytes, uint32_t size);

/** TSC now, in ticks; exact in a double for 40 days of uptime at 2.6 GHz. */
SX_EXPORT double sx_tsc(void);
/** Nanoseconds since the Unix epoch as two words, low first, into `words`. */
SX_EXPORT int32_t sx_clock_realtime(uint32_t *words, uint32_t size);
/** TSC frequency in kHz, measured against CLOCK_MONOTONIC_RAW over 1 to 1,000 ms. */
SX_EXPORT double sx_tsc_khz(uint32_t milliseconds);

/** A hypervisor core's block: a handle. */
SX_EXPORT int32_t sx_core_create(void);
/** Its `struct sx_core_block`, or NULL. */
SX_EXPORT void *sx_core_block_of(int32_t core);
/** Sleeps until the core's bell is rung, or was since the last park; at most `microseconds` (0: no limit). */
SX_EXPORT int32_t sx_core_park(int32_t core, uint32_t microseconds);
/** Rings the core's bell. */
SX_EXPORT int32_t sx_core_wake(int32_t core);
SX_EXPORT int32_t sx_core_destroy(int32_t core);

/**
 * A machine that an SX_ENGINE_* runs, with `pages` 4 KiB pages of memory, at most 64 GiB: 3 GiB from
 * 0, the rest from 4 GiB.
 */
SX_EXPORT int32_t sx_vm_create(uint32_t engine, uint32_t pages);
/** Where its memory is mapped, in one piece without the hole, or NULL. */
SX_EXPORT void *sx_vm_memory(int32_t vm);
/**
 * Gives it a virtual clock of `khz`, on which guest time is modelled cycles and vCPUs take turns: one may
 * be `quantum` cycles ahead of the others, and the hypervisor is asked to look at what it polls every
 * `look` cycles. `hash`: a hash over its trace is kept. EBUSY once it has vCPUs; EOPNOTSUPP where the
 * engine has no such clock.
 */
SX_EXPORT int32_t sx_vm_set_clock(int32_t vm, uint32_t khz, uint32_t quantum, uint32_t look,
                                  uint32_t seed_lo, uint32_t seed_hi, uint32_t hash);
/** Its virtual time in cycles and the hash so far as four words, low halves first; ENXIO without one. */
SX_EXPORT int32_t sx_vm_clock_state(int32_t vm, uint32_t *words, uint32_t size);
/**
 * Records `count` instructions from number `from` on, each with the registers after it; the guest waits
 * while nobody reads. EBUSY once it has vCPUs or when its trace is hashed; EOPNOTSUPP where the engine
 * sees no instructions.
 */
SX_EXPORT int32_t sx_vm_trace(int32_t vm, uint32_t from_lo, uint32_t from_hi, uint32_t count_lo,
                              uint32_t count_hi);
/** Takes `struct sx_trace_record`s out, from one thread at a time: bytes written. */
SX_EXPORT int32_t sx_vm_trace_read(int32_t vm, uint8_t *records, uint32_t size);
/**
 * Gives it the engine's PICs, IOAPIC, local APICs and PIT, or with `split` its local APICs only; to be
 * called before any vCPU is made.
 */
SX_EXPORT int32_t sx_vm_create_irqchip(int32_t vm, uint32_t split);
/**
 * Tells the engine which messages the inputs of an IOAPIC outside it send, so that the end of a
 * level-triggered one is an SX_EXIT_EOI: `count` entries of input, address low and high, data.
 */
SX_EXPORT int32_t sx_vm_route(int32_t vm, const uint32_t *routes, uint32_t count);
/** Leaves idling to the processor: a KVM_X86_DISABLE_EXITS_* mask. EBUSY once it has vCPUs. */
SX_EXPORT int32_t sx_vm_disable_exits(int32_t vm, uint32_t mask);
/** Raises or lowers a line of the interrupt controllers; ENXIO when it has none. */
SX_EXPORT int32_t sx_vm_irq_line(int32_t vm, uint32_t gsi, uint32_t level);
/** Sends an interrupt message: 1 delivered, 0 blocked by the guest; ENXIO without controllers. */
SX_EXPORT int32_t sx_vm_signal_msi(int32_t vm, uint32_t address_lo, uint32_t address_hi,
                                   uint32_t data);
/** From now on a write to an address rings the bell of `core` and the guest goes on; or no more. */
SX_EXPORT int32_t sx_vm_doorbell(int32_t vm, int32_t core, uint32_t address_lo,
                                 uint32_t address_hi, uint32_t present);
/** Bytes of its memory that the host has given it. */
SX_EXPORT double sx_vm_resident(int32_t vm);
/** The kernel's counters of it in KVM's format: bytes written, 0 where there are none. */
SX_EXPORT int32_t sx_vm_statistics(int32_t vm, uint8_t *out, uint32_t size);
/** Refused with EBUSY while it has vCPUs. */
SX_EXPORT int32_t sx_vm_destroy(int32_t vm);

/** vCPU `index` of a machine. */
SX_EXPORT int32_t sx_vcpu_create(int32_t vm, uint32_t index);
/** Its `struct sx_vcpu_block`, or NULL. */
SX_EXPORT void *sx_vcpu_block_of(int32_t vcpu);
/**
 * The engine's CPUID with `count` leaves laid over it, each ten words: leaf, subleaf, eax to edx, and
 * a mask of the bits that count in each of the four. The topology is that of one of `vcpus` vCPUs.
 */
SX_EXPORT int32_t sx_vcpu_set_cpuid(int32_t vcpu, const uint32_t *leaves, uint32_t count,
                                    uint32_t vcpus);
/**
 * The state that the PVH protocol gives a kernel: 32-bit, flat, paging off, ebx = start_info. This
 * and the next two make the vCPU run from its start, without INIT and SIPI.
 */
SX_EXPORT int32_t sx_vcpu_boot_pvh(int32_t vcpu, uint32_t entry, uint32_t start_info);
/** The same with eax and ebx as multiboot 1 has them. */
SX_EXPORT int32_t sx_vcpu_boot_multiboot(int32_t vcpu, uint32_t entry, uint32_t info);
/**
 * The state of Linux's 64-bit boot protocol: long mode, the caller's page tables, CS 0x10 and data
 * segments 0x18 of the caller's GDT of four descriptors, rsi = zero_page.
 */
SX_EXPORT int32_t sx_vcpu_boot_long(int32_t vcpu, uint32_t entry_lo, uint32_t entry_hi,
                                    uint32_t zero_page, uint32_t page_tables, uint32_t gdt);
/** Split placement: runs the vCPU on a thread of its own on `cpu`; events wake `core`. */
SX_EXPORT int32_t sx_vcpu_start(int32_t vcpu, uint32_t cpu, int32_t core);
/** Same-core placement: runs until the next exit event (1) or until stopped (0). */
SX_EXPORT int32_t sx_vcpu_run(int32_t vcpu);
/** Gives an SX_COMMAND_* and gets the vCPU out of the guest to obey it. */
SX_EXPORT int32_t sx_vcpu_command(int32_t vcpu, uint32_t command);
/**
 * Keeps the vCPU out of the guest, at an instruction boundary, until it is released: when this returns
 * it is out, whoever runs it. ETIMEDOUT, and no hold, when it does not come out within two seconds;
 * EBUSY when it is held. One caller at a time.
 */
SX_EXPORT int32_t sx_vcpu_hold(int32_t vcpu);
/** Lets it go on. */
SX_EXPORT int32_t sx_vcpu_release(int32_t vcpu);
/**
 * TSC ticks from asking for the last hold to the vCPU's going on, both included; 0 when it was out of
 * the guest all the time anyway. EAGAIN while it has not gone on.
 */
SX_EXPORT double sx_vcpu_pause(int32_t vcpu);
/** As sx_vm_statistics(); the vCPU may be running. */
SX_EXPORT int32_t sx_vcpu_statistics(int32_t vcpu, uint8_t *out, uint32_t size);
/**
 * Calls for the soft engine's vCPUs; ENOSYS on others, and EBUSY while the vCPU is in the guest: they are
 * for the time before it runs, and between an exit event and its completion.
 *
 * Its registers into or from a `struct sx_vcpu_state`. A state that no processor has is refused with
 * EINVAL; with controls, one that only a VM entry refuses is taken, and makes the entry fail.
 */
SX_EXPORT int32_t sx_vcpu_get_state(int32_t vcpu, uint8_t *state, uint32_t size);
SX_EXPORT int32_t sx_vcpu_set_state(int32_t vcpu, const uint8_t *state, uint32_t size);
/**
 * What the vCPU leaves the guest for: a `struct sx_controls`, whole or as far as its bitmaps, which
 * then stay as they are. NULL: nothing but what the engine itself needs, as at its creation.
 */
SX_EXPORT int32_t sx_vcpu_set_controls(int32_t vcpu, const uint8_t *controls, uint32_t size);
/**
 * An event that the next entry delivers, in the fields of a VM entry: interruption information, error
 * code and instruction length. ENXIO without controls. One without SX_INTERRUPTION_VALID takes the last
 * one back.
 */
SX_EXPORT int32_t sx_vcpu_inject(int32_t vcpu, uint32_t information, uint32_t error, uint32_t length);
/**
 * Rights (SX_EPT_*) of `count` pages of memory from the guest-physical page `page` on, for vCPUs with
 * SX_SECONDARY_EPT; they have all at first. When it returns, no vCPU uses the old ones. The vCPUs may be
 * in the guest. ENOSYS on engines other than soft.
 */
SX_EXPORT int32_t sx_vm_set_ept(int32_t vm, uint32_t page, uint32_t count, uint32_t rights);
/** Refused with EBUSY while a thread is in sx_vcpu_run; stops and joins the vCPU's own thread. */
SX_EXPORT int32_t sx_vcpu_destroy(int32_t vcpu);

/** Linux thread id of the caller. */
SX_EXPORT int32_t sx_thread_id(void);
/** Lets another thread of the caller's core run, when one wants to. */
SX_EXPORT int32_t sx_thread_yield(void);
/** Confines a thread of this process to the CPUs of `mask` (1,024 bits); 0 is the caller. */
SX_EXPORT int32_t sx_thread_pin(int32_t tid, const uint8_t *mask, uint32_t size);

/** Fills `bytes`, at most 256, with the kernel's randomness. */
SX_EXPORT int32_t sx_random(uint8_t *bytes, uint32_t size);

/** Opens a regular file for block requests. `path` is zero-terminated. */
SX_EXPORT int32_t sx_file_open(const uint8_t *path, uint32_t size, uint32_t writable);
/** Its size in bytes now. */
SX_EXPORT double sx_file_size(int32_t file);
/** Bytes moved between a file and a machine's memory; the range must lie in one range of RAM. */
SX_EXPORT int32_t sx_file_read(int32_t file, int32_t vm, uint32_t address_lo, uint32_t address_hi,
                               uint32_t length, uint32_t offset_lo, uint32_t offset_hi);
SX_EXPORT int32_t sx_file_write(int32_t file, int32_t vm, uint32_t address_lo, uint32_t address_hi,
                                uint32_t length, uint32_t offset_lo, uint32_t offset_hi);
/**
 * Bytes moved between a file and `count` segments of a machine's memory, each three words: address
 * low and high, length. Every segment must lie inside the memory; at most 1,023 segments. Small
 * reads are copied from a mapping: of a file that was cut short since it was opened, the rest of the
 * last page reads as zeros, and what lies behind it is not moved.
 */
SX_EXPORT int32_t sx_file_read_segments(int32_t file, int32_t vm, const uint32_t *segments,
                                        uint32_t count, uint32_t offset_lo, uint32_t offset_hi);
SX_EXPORT int32_t sx_file_write_segments(int32_t file, int32_t vm, const uint32_t *segments,
                                         uint32_t count, uint32_t offset_lo, uint32_t offset_hi);
/**
 * Makes a range inside a file read as zeros. With `punch` its space goes back to the file system:
 * EOPNOTSUPP where that is not possible. The file keeps its size.
 */
SX_EXPORT int32_t sx_file_zero(int32_t file, uint32_t offset_lo, uint32_t offset_hi,
                               uint32_t length, uint32_t punch);
SX_EXPORT int32_t sx_file_flush(int32_t file);
/** Asks for a flush without waiting; its ticket is how many were asked for since the file's opening. */
SX_EXPORT int32_t sx_file_flush_start(int32_t file);
/** 1 once the flush with this ticket is done, 0 before. */
SX_EXPORT int32_t sx_file_flush_poll(int32_t file, uint32_t ticket);
SX_EXPORT int32_t sx_file_close(int32_t file);

/** The TAP interface of this name, which is made if it is not there. `name` is zero-terminated. */
SX_EXPORT int32_t sx_tap_open(const uint8_t *name, uint32_t size);
/**
 * Bytes of the next frame, put into segments as above. EAGAIN when none waits; EMSGSIZE when it was
 * larger, and is lost.
 */
SX_EXPORT int32_t sx_tap_receive(int32_t tap, int32_t vm, const uint32_t *segments,
                                 uint32_t count);
/** Sends the segments as one frame. Nothing waits: EAGAIN when the host does not take it. */
SX_EXPORT int32_t sx_tap_send(int32_t tap, int32_t vm, const uint32_t *segments, uint32_t count);
SX_EXPORT int32_t sx_tap_close(int32_t tap);

/** Remembers how the terminal is set, and sets it so again when a fault ends the process. One at a time. */
SX_EXPORT int32_t sx_terminal_guard(int32_t fd);
SX_EXPORT int32_t sx_terminal_release(void);
/**
 * Connects to a Unix socket on which frames travel as QEMU's `-netdev stream` has them. `path` is
 * zero-terminated.
 */
SX_EXPORT int32_t sx_stream_connect(const uint8_t *path, uint32_t size);
/** As sx_tap_receive(). ENOTCONN when nothing waits and the other end is gone. */
SX_EXPORT int32_t sx_stream_receive(int32_t stream, int32_t vm, const uint32_t *segments,
                                    uint32_t count);
/** As sx_tap_send(); at most 65,550 bytes. ENOTCONN when the other end is gone. */
SX_EXPORT int32_t sx_stream_send(int32_t stream, int32_t vm, const uint32_t *segments,
                                 uint32_t count);
SX_EXPORT int32_t sx_stream_close(int32_t stream);

#endif
