/** Parts of an image in guest memory. */
import type { GuestMemory } from "../../cores/guest_memory.ts";
import { usageError } from "../../errors.ts";
import { BIOS_AREA_END } from "./memory_map.ts";

/** A part of a file that belongs at a guest-physical address. */
export interface Segment {
  readonly address: number;
  /** Bytes from the file; memory beyond them, up to `memoryBytes`, is zero. */
  readonly bytes: Uint8Array;
  readonly memoryBytes: number;
}

/**
 * Checks that an image fits memory; writes nothing.
 *
 * @param entry where it starts, guest-physical
 * @param top where the memory that it may use ends
 * @param name for messages
 * @returns where its last segment ends
 * @throws SplitXError `image-too-large`, `image-outside-memory`, `image-bad-entry`
 */
export function checkSegments(
  segments: readonly Segment[],
  entry: number,
  memory: GuestMemory,
  top: number,
  name: string,
): number {
  const needed = segments.reduce((sum, segment) => sum + segment.memoryBytes, 0);
  if (BIOS_AREA_END + needed > top) {
    throw usageError(
      "image-too-large",
      `guest image ${name} needs ${needed} bytes, more than the guest's memory of ${memory.size} bytes holds`,
    );
  }
  for (const { address, memoryBytes } of segments) {
    if (address < BIOS_AREA_END || address + memoryBytes > top) {
      throw usageError(
        "image-outside-memory",
        `guest image ${name} has a segment at 0x${
          address.toString(16)
        } of ${memoryBytes} bytes, outside the guest's memory (0x${
          BIOS_AREA_END.toString(16)
        } to 0x${top.toString(16)})`,
      );
    }
  }
  if (!segments.some((at) => entry >= at.address && entry < at.address + at.memoryBytes)) {
    throw usageError(
      "image-bad-entry",
      `guest image ${name} has its entry at 0x${entry.toString(16)}, outside every segment`,
    );
  }
  return Math.max(...segments.map(({ address, memoryBytes }) => address + memoryBytes));
}

/** Puts segments that {@link checkSegments} accepted into memory. */
export function writeSegments(memory: GuestMemory, segments: readonly Segment[]): void {
  for (const { address, bytes } of segments) memory.write(address, bytes);
}
