/** The segments of a chain as bytes. */
import type { GuestMemory } from "../../../cores/guest_memory.ts";
import { SEGMENT_WORDS } from "./virtqueue.ts";

/**
 * The guest-physical address of a segment.
 *
 * @param at index of its first word
 */
export function segmentAddress(segments: Int32Array, at: number): number {
  return (segments[at + 1]! >>> 0) * 2 ** 32 + (segments[at]! >>> 0);
}

/**
 * Copies the first bytes of segments, wherever these are cut.
 *
 * @param count of segments
 * @returns how many bytes there were for `into`
 */
export function readSegments(
  memory: GuestMemory,
  segments: Int32Array,
  count: number,
  into: Uint8Array,
): number {
  let filled = 0;
  for (let i = 0; i < count && filled < into.length; i++) {
    const at = segmentAddress(segments, i * SEGMENT_WORDS);
    const length = segments[i * SEGMENT_WORDS + 2]!;
    for (let j = 0; j < length && filled < into.length; j++) into[filled++] = memory.byte(at + j);
  }
  return filled;
}
