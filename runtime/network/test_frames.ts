/** Frames in plain memory, for the tests of networks. */
import { GuestMemory } from "../../cores/guest_memory.ts";
import { SegmentList } from "../devices/virtio/segment_list.ts";

const BYTES = 4096, OUT = 0, IN = 2048;

/** What sends frames and takes them, with memory of its own for one of each. */
export class TestFrames {
  readonly #bytes = new Uint8Array(BYTES);
  readonly #memory = new GuestMemory(
    Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.#bytes)),
    BYTES,
  );

  #segments(at: number, length: number): SegmentList {
    const list = new SegmentList(this.#memory);
    list.take(Int32Array.of(at, 0, length), 0, 1, 0);
    return list;
  }

  /** A frame of these bytes; the next one takes its place. */
  frame(bytes: readonly number[]): SegmentList {
    this.#bytes.set(bytes, OUT);
    return this.#segments(OUT, bytes.length);
  }

  /** Room for a frame of so many bytes. */
  room(length: number): SegmentList {
    return this.#segments(IN, length);
  }

  /** The first bytes of the room. */
  got(length: number): number[] {
    return [...this.#bytes.subarray(IN, IN + length)];
  }
}
