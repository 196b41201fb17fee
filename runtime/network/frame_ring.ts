/**
 * Frames that wait for one port of a switch, in the order in which they came. Several ports put
 * frames in. One may hold at most as many places as it leaves free (the dynamic threshold of
 * Choudhury and Hahne, IEEE/ACM Transactions on Networking 6, 1998): a port that floods finds its
 * share full while the others still find room, and alone it has half of the ring.
 */
import { byteArea } from "../../cores/byte_copy.ts";
import type { SegmentList } from "../devices/virtio/segment_list.ts";
import { FRAME_MAX, LOST } from "./frame_port.ts";

/** Places for frames; a power of two. */
export const RING_FRAMES = 512;
/** Bytes of a place: a frame in whole words. */
const PLACE_BYTES = FRAME_MAX + 3 & ~3;

/** See the head of this file. */
export class FrameRing {
  readonly #area = byteArea(RING_FRAMES * PLACE_BYTES);
  readonly #lengths = new Int32Array(RING_FRAMES);
  readonly #sources = new Int32Array(RING_FRAMES);
  /** How many of the frames that wait came from each port. */
  readonly #held: Int32Array;
  #first = 0;
  #count = 0;

  /** @param sources ports that put frames in, numbered from 0 */
  constructor(sources: number) {
    this.#held = new Int32Array(sources);
  }

  /** How many frames wait. */
  get count(): number {
    return this.#count;
  }

  /**
   * Puts in a copy of a frame.
   *
   * @param source number of the port that sends it
   * @returns false when its share is full
   */
  put(frame: SegmentList, source: number): boolean {
    if (this.#held[source]! >= RING_FRAMES - this.#count) return false;
    const place = this.#first + this.#count & RING_FRAMES - 1;
    frame.copyOut(frame.bytes, this.#area, place * PLACE_BYTES);
    this.#lengths[place] = frame.bytes;
    this.#sources[place] = source;
    this.#held[source]!++;
    this.#count++;
    return true;
  }

  /**
   * Takes the first frame out.
   *
   * @returns its bytes, 0 when there is none, or `LOST` when it has no room
   */
  take(room: SegmentList): number {
    if (this.#count === 0) return 0;
    const place = this.#first, length = this.#lengths[place]!;
    const fits = length <= room.bytes;
    if (fits) room.copyIn(length, this.#area, place * PLACE_BYTES);
    this.#held[this.#sources[place]!]!--;
    this.#first = place + 1 & RING_FRAMES - 1;
    this.#count--;
    return fits ? length : LOST;
  }

  /** Forgets every frame. */
  clear(): void {
    this.#held.fill(0);
    this.#count = 0;
  }
}
