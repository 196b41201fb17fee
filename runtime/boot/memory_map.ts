/**
 * What lies where in guest-physical memory: the one source of every protocol's memory map (e820
 * types, ACPI 6.5 table 15.4).
 */
import { HIGH_MEMORY_START, HYPERCALL_PAGE_BYTES, LOW_MEMORY_MAX } from "../../cores/abi.ts";

/** Memory that a guest may use as it likes. */
export const RAM = 1;
/** Memory that a guest leaves alone, or reads only. */
export const RESERVED = 2;

/** Where a PC keeps video memory, option ROMs and its BIOS; ACPI tables lie here. */
export const BIOS_AREA = 0xa0000;
/** Its end: kernels are loaded from here upward. */
export const BIOS_AREA_END = 0x100000;

/** A part of a memory map. */
export interface MemoryRange {
  readonly address: number;
  readonly bytes: number;
  /** {@link RAM} or {@link RESERVED}. */
  readonly type: number;
}

/** Where the hypercall pages lie: the last pages of low memory. */
export function hypercallPages(memoryBytes: number, vcpus: number): number {
  return Math.min(memoryBytes, LOW_MEMORY_MAX) - vcpus * HYPERCALL_PAGE_BYTES;
}

/**
 * The memory map of a machine.
 *
 * @returns ranges in ascending order that do not overlap
 */
export function memoryMap(memoryBytes: number, vcpus: number): MemoryRange[] {
  const low = Math.min(memoryBytes, LOW_MEMORY_MAX);
  const top = hypercallPages(memoryBytes, vcpus);
  const ranges = [
    { address: 0, bytes: BIOS_AREA, type: RAM },
    { address: BIOS_AREA, bytes: BIOS_AREA_END - BIOS_AREA, type: RESERVED },
    { address: BIOS_AREA_END, bytes: top - BIOS_AREA_END, type: RAM },
    { address: top, bytes: low - top, type: RESERVED },
    { address: HIGH_MEMORY_START, bytes: memoryBytes - low, type: RAM },
  ];
  return ranges.filter(({ bytes }) => bytes > 0);
}
