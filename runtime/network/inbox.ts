/**
 * Frames that wait for one port of a switch, in memory that the cores of its network share: a lane
 * for each port that may send. A lane has one writer, the core that serves the sender, and one reader,
 * the core that serves the receiver. Lanes are served in turn, a frame each: who floods fills his own
 * lane, and nobody's frame waits for more than one of each other sender.
 *
 * A lane is a ring of records: a word with the frame's length, then its bytes in whole words. A record
 * lies in one piece: where the end is too near, the rest is left out.
 *
 * A writer stores a record, then how far its lane is written, then that there is something new; the
 * reader looks the other way round. x86 keeps the stores of a core in order, and its loads. A writer
 * that dies in between has published nothing, and the next one of that lane begins where it did.
 */
import type { ByteArea } from "../../cores/byte_copy.ts";
import type { SegmentList } from "../devices/virtio/segment_list.ts";
import { LOST } from "./frame_port.ts";
import { Addresses, ADDRESSES_WORDS } from "./addresses.ts";

/** The most ports of a switch. */
export const MOST_PORTS = 64;
/** Words of a lane; a power of two. */
export const LANE_WORDS = 128 * 1024;
/** Instead of a length: the next record is at the lane's start. */
const LEFT_OUT = -1;

/** Words in a pair of cache lines; what different cores write lies as far apart. */
const LINE = 32;
/** How many frames were put in, by all writers; whether the reader listens; addresses of the port. */
const ANNOUNCED = 0, UP = LINE, ADDRESSES = 2 * LINE;
/** Of each lane: how many words were written and how many read, modulo 2^32. */
const COUNTS = 4 * LINE, WRITTEN = 0, READ = LINE, COUNTS_WORDS = 2 * LINE;
/** Where the records of the first lane lie. */
const RECORDS = COUNTS + MOST_PORTS * COUNTS_WORDS;

/**
 * Shared memory for one port. Only what is used of it becomes resident: malloc maps what is larger than
 * 32 MiB anew each time, and does not clear it (mallopt(3), M_MMAP_THRESHOLD).
 */
export function createInbox(): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * (RECORDS + MOST_PORTS * LANE_WORDS));
}

/** Words of a frame's record. */
function recordWords(length: number): number {
  return 1 + (length + 3 >> 2);
}

/** See the head of this file. Nothing here allocates. */
export class Inbox {
  /** Addresses that were seen as senders at this port. */
  readonly addresses: Addresses;
  readonly #area: ByteArea;
  readonly #words: Int32Array;
  /** How many lanes the reader looks at. */
  #lanes = 0;
  /** Lane that the reader looks at next. */
  #next = 0;
  /** How many frames had been announced when every lane was found empty. */
  #seen = 0;

  /** @param memory from {@link createInbox} */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#area = { bytes: new Uint8Array(memory), words: this.#words };
    this.addresses = new Addresses(new Int32Array(memory, 4 * ADDRESSES, ADDRESSES_WORDS));
  }

  /**
   * For a writer: puts in a copy of a frame.
   *
   * @param lane number of the port that sends it
   * @returns false when its lane is full; what nobody listens for is nobody's loss
   */
  put(frame: SegmentList, lane: number): boolean {
    const words = this.#words, counts = COUNTS + lane * COUNTS_WORDS;
    if (words[UP] === 0) return true;
    const length = frame.bytes, size = recordWords(length);
    const written = words[counts + WRITTEN]!, waiting = written - words[counts + READ]! | 0;
    const place = written & LANE_WORDS - 1;
    const leftOut = place + size > LANE_WORDS ? LANE_WORDS - place : 0;
    if (waiting + leftOut + size > LANE_WORDS) return false;
    const start = RECORDS + lane * LANE_WORDS;
    if (leftOut > 0) words[start + place] = LEFT_OUT;
    const at = leftOut > 0 ? start : start + place;
    words[at] = length;
    frame.copyOut(length, this.#area, 4 * (at + 1));
    words[counts + WRITTEN] = written + leftOut + size | 0;
    Atomics.add(words, ANNOUNCED, 1);
    return true;
  }

  /** For the reader: looks at so many lanes at least, from now on. */
  open(lanes: number): void {
    this.#lanes = Math.max(this.#lanes, lanes);
    this.#seen = this.#words[ANNOUNCED]! - 1 | 0;
  }

  /** For the reader: whether it listens. It begins with nothing. */
  set up(listens: boolean) {
    const words = this.#words;
    words[UP] = 0;
    for (let lane = 0; lane < MOST_PORTS; lane++) {
      const counts = COUNTS + lane * COUNTS_WORDS;
      words[counts + READ] = words[counts + WRITTEN]!;
    }
    words[UP] = listens ? 1 : 0;
  }

  /** For the reader: whether a frame may wait. */
  get pending(): boolean {
    return this.#words[ANNOUNCED] !== this.#seen;
  }

  /**
   * For the reader: takes out the next frame.
   *
   * @returns its bytes, 0 when there is none, or `LOST` when it has no room
   */
  take(room: SegmentList): number {
    const words = this.#words, announced = words[ANNOUNCED]!;
    for (let looked = 0; looked < this.#lanes; looked++) {
      const lane = this.#next, counts = COUNTS + lane * COUNTS_WORDS;
      this.#next = lane + 1 < this.#lanes ? lane + 1 : 0;
      const read = words[counts + READ]!;
      if (words[counts + WRITTEN] !== read) return this.#takeFrom(lane, read, room);
    }
    this.#seen = announced;
    return 0;
  }

  #takeFrom(lane: number, read: number, room: SegmentList): number {
    const words = this.#words, start = RECORDS + lane * LANE_WORDS;
    const place = read & LANE_WORDS - 1, leftOut = words[start + place] === LEFT_OUT;
    if (leftOut) read += LANE_WORDS - place;
    const at = leftOut ? start : start + place;
    const length = words[at]!, fits = length <= room.bytes;
    if (fits) room.copyIn(length, this.#area, 4 * (at + 1));
    words[COUNTS + lane * COUNTS_WORDS + READ] = read + recordWords(length) | 0;
    return fits ? length : LOST;
  }
}
