/** Boots an image by the PVH protocol: loads it and writes what its entry expects to find. */
import { HYPERCALL_PAGE_BYTES, LOW_MEMORY_MAX } from "../../cores/abi.ts";
import type { GuestMemory } from "../../cores/guest_memory.ts";
import { usageError } from "../../errors.ts";
import type { PvhImage } from "./elf.ts";

/** struct hvm_start_info, and the things that it points at, in low memory. */
const START_INFO = 0x1000;
const MEMORY_MAP = 0x1100;
const COMMAND_LINE = 0x2000;
const START_INFO_MAGIC = 0x336ec578;
const RAM = 1, RESERVED = 2;
/** Low memory that a PC keeps for itself. */
const LOW_HOLE = 0xa0000, LOW_HOLE_END = 0x100000;

/** The longest command line in bytes, its zero included. */
export const COMMAND_LINE_BYTES = 4096;

/** Where the hypercall pages lie: the last pages of low memory, reserved in the memory map. */
export function hypercallPages(memoryBytes: number, vcpus: number): number {
  return Math.min(memoryBytes, LOW_MEMORY_MAX) - vcpus * HYPERCALL_PAGE_BYTES;
}

/**
 * Loads an image.
 *
 * @param name for messages
 * @returns the address of `hvm_start_info`, for ebx at the entry
 * @throws SplitXError `image-too-large`, `image-outside-memory`, `image-bad-entry`,
 *   `cmdline-bad`, `cmdline-too-long`
 */
export function loadPvh(
  memory: GuestMemory,
  image: PvhImage,
  name: string,
  commandLine: string,
  vcpus: number,
): number {
  const top = hypercallPages(memory.size, vcpus);
  const needed = image.segments.reduce((sum, segment) => sum + segment.memoryBytes, 0);
  if (LOW_HOLE_END + needed > top) {
    throw usageError(
      "image-too-large",
      `guest image ${name} needs ${needed} bytes, more than the guest's memory of ${memory.size} bytes holds`,
    );
  }
  for (const { address, memoryBytes } of image.segments) {
    if (address < LOW_HOLE_END || address + memoryBytes > top) {
      throw usageError(
        "image-outside-memory",
        `guest image ${name} has a segment at 0x${
          address.toString(16)
        } of ${memoryBytes} bytes, outside the guest's memory (0x${
          LOW_HOLE_END.toString(16)
        } to 0x${top.toString(16)})`,
      );
    }
  }
  const { entry, segments } = image;
  if (!segments.some((at) => entry >= at.address && entry < at.address + at.memoryBytes)) {
    throw usageError(
      "image-bad-entry",
      `guest image ${name} has its PVH entry at 0x${entry.toString(16)}, outside every segment`,
    );
  }
  const words = new TextEncoder().encode(commandLine);
  if (words.includes(0)) {
    throw usageError("cmdline-bad", "the command line holds a zero character");
  }
  if (words.length >= COMMAND_LINE_BYTES) {
    throw usageError(
      "cmdline-too-long",
      `the command line has ${words.length} bytes, at most ${COMMAND_LINE_BYTES - 1} are possible`,
    );
  }
  for (const { address, bytes } of image.segments) memory.write(address, bytes);
  memory.write(COMMAND_LINE, words);
  memory.write(
    MEMORY_MAP,
    memoryMap([
      [0, LOW_HOLE, RAM],
      [LOW_HOLE_END, top - LOW_HOLE_END, RAM],
      [top, memory.size - top, RESERVED],
    ]),
  );
  memory.write(START_INFO, startInfo(3));
  return START_INFO;
}

function startInfo(mapEntries: number): Uint8Array {
  const bytes = new Uint8Array(56);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, START_INFO_MAGIC, true);
  view.setUint32(4, 1, true); // version 1: with a memory map
  view.setBigUint64(24, BigInt(COMMAND_LINE), true);
  view.setBigUint64(40, BigInt(MEMORY_MAP), true);
  view.setUint32(48, mapEntries, true);
  return bytes;
}

function memoryMap(entries: readonly (readonly [number, number, number])[]): Uint8Array {
  const bytes = new Uint8Array(24 * entries.length);
  const view = new DataView(bytes.buffer);
  entries.forEach(([address, size, type], i) => {
    view.setBigUint64(24 * i, BigInt(address), true);
    view.setBigUint64(24 * i + 8, BigInt(size), true);
    view.setUint32(24 * i + 16, type, true);
  });
  return bytes;
}
