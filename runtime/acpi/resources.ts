/** Resource descriptors: what a device has, or a bridge gives out (ACPI 6.5, 6.4). */
import { type Aml, buffer } from "./aml.ts";
import { littleEndian } from "./little_endian.ts";
import type { Window } from "./platform.ts";

/** One descriptor. */
export type Resource = readonly number[];

/** Small descriptors carry their length in the first byte. */
const IO_PORTS = 0x47, IRQS = 0x22, END = 0x79;
const MEMORY_32_FIXED = 0x86;
/** Address spaces by the bytes of a number. */
const ADDRESS_SPACE = { 2: 0x88, 4: 0x87, 8: 0x8a } as const;

const DECODES_16_BITS = 1;
const WRITABLE = 1;
/** What an address space is of (6.4.3.5). */
const MEMORY = 0, IO = 1, BUS = 2;
/** A bridge gives it out, and neither end moves. */
const GIVEN_FIXED = 1 << 3 | 1 << 2;
/** Of port space: ports that are ISA's and others. */
const ENTIRE_RANGE = 3;

/** Ports of a device. */
export function ports({ first, last }: Window): Resource {
  return [
    ...[IO_PORTS, DECODES_16_BITS, ...littleEndian(first, 2), ...littleEndian(first, 2)],
    ...[1, last - first + 1],
  ];
}

/** An ISA interrupt, edge-triggered and active high. */
export function irq(line: number): Resource {
  return [IRQS, ...littleEndian(1 << line, 2)];
}

/** Memory of a device, below 4 GiB. */
export function memory32(address: number, bytes: number): Resource {
  const content = [WRITABLE, ...littleEndian(address, 4), ...littleEndian(bytes, 4)];
  return [MEMORY_32_FIXED, ...littleEndian(content.length, 2), ...content];
}

function addressSpace(bytes: 2 | 4 | 8, kind: number, flags: number, range: Window): Resource {
  const { first, last } = range;
  const content = [kind, GIVEN_FIXED, flags];
  for (const value of [0, first, last, 0, last - first + 1]) {
    content.push(...littleEndian(value, bytes));
  }
  return [ADDRESS_SPACE[bytes], ...littleEndian(content.length, 2), ...content];
}

/** Bus numbers below a bridge. */
export function busWindow(range: Window): Resource {
  return addressSpace(2, BUS, 0, range);
}

/** Ports that a bridge passes on. */
export function ioWindow(range: Window): Resource {
  return addressSpace(2, IO, ENTIRE_RANGE, range);
}

/** Memory that a bridge passes on. */
export function memoryWindow(range: Window): Resource {
  return addressSpace(range.last < 2 ** 32 ? 4 : 8, MEMORY, WRITABLE, range);
}

/** A template: descriptors and their end, whose checksum of zero stands for a good one. */
export function template(...resources: readonly Resource[]): Aml {
  return buffer([...resources.flat(), END, 0]);
}
