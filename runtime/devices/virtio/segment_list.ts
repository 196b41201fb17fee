/** A part of a chain: segments of guest memory that the queue has checked. One is used for ever. */
import type { ByteArea } from "../../../cores/byte_copy.ts";
import type { GuestMemory } from "../../../cores/guest_memory.ts";
import { MOST_ENTRIES, SEGMENT_WORDS } from "./virtqueue.ts";

/** The guest-physical address of the segment whose words begin at `at`. */
export function segmentAddress(words: Int32Array, at: number): number {
  return (words[at + 1]! >>> 0) * 2 ** 32 + (words[at]! >>> 0);
}

/** See the head of this file. Nothing here allocates. */
export class SegmentList {
  /** As the stub takes them: address low and high, length. */
  readonly words = new Int32Array(MOST_ENTRIES * SEGMENT_WORDS);
  /** How many segments. */
  count = 0;
  /** Their bytes together; more than 32 bits where a chain says so. */
  bytes = 0;
  readonly #memory: GuestMemory;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  /**
   * Takes over segments of a chain.
   *
   * @param first segment
   * @param count segments
   * @param skip bytes at their beginning that do not belong to it
   */
  take(segments: Int32Array, first: number, count: number, skip: number): void {
    const words = this.words;
    let at = 0, bytes = 0;
    for (let i = first; i < first + count; i++) {
      const from = i * SEGMENT_WORDS, length = segments[from + 2]!;
      if (skip >= length) {
        skip -= length;
        continue;
      }
      if (skip === 0) {
        words[at] = segments[from]!;
        words[at + 1] = segments[from + 1]!;
      } else {
        const start = segmentAddress(segments, from) + skip;
        words[at] = start | 0;
        words[at + 1] = Math.floor(start / 2 ** 32);
      }
      words[at + 2] = length - skip;
      bytes += length - skip;
      skip = 0;
      at += SEGMENT_WORDS;
    }
    this.count = at / SEGMENT_WORDS;
    this.bytes = bytes;
  }

  /** Leaves out its last byte; it has one. */
  dropLast(): void {
    const last = this.count * SEGMENT_WORDS - 1;
    this.bytes--;
    this.words[last]!--;
    if (this.words[last] === 0) this.count--;
  }

  /** Copies its first `length` bytes, at most its own, to somewhere else. */
  copyOut(length: number, to: ByteArea, toAt: number): void {
    const words = this.words;
    for (let i = 0; i < this.count && length > 0; i++) {
      const at = i * SEGMENT_WORDS, part = Math.min(length, words[at + 2]!);
      this.#memory.copyOut(segmentAddress(words, at), part, to, toAt);
      toAt += part;
      length -= part;
    }
  }

  /** Fills its first `length` bytes, at most its own, from somewhere else. */
  copyIn(length: number, from: ByteArea, fromAt: number): void {
    const words = this.words;
    for (let i = 0; i < this.count && length > 0; i++) {
      const at = i * SEGMENT_WORDS, part = Math.min(length, words[at + 2]!);
      this.#memory.copyIn(segmentAddress(words, at), part, from, fromAt);
      fromAt += part;
      length -= part;
    }
  }
}
