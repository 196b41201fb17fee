/**
 * The device's side of a split virtqueue (virtio 1.2, 2.7): takes chains of descriptors, gives them
 * back, and says when the driver wants to hear of it.
 *
 * The driver may write anything at any time: each word is read once, a chain is walked for at most
 * as many steps as the queue has entries, and every segment is checked against guest memory. What
 * is wrong breaks the queue, which the transport turns into DEVICE_NEEDS_RESET.
 */
import { byteArea } from "../../../cores/byte_copy.ts";
import { type GuestMemory, wordIndex } from "../../../cores/guest_memory.ts";

/** Descriptor: address low and high, length, flags and next. Flags: 1 next, 2 write, 4 indirect. */
const DESCRIPTOR_WORDS = 4, DESCRIPTOR_BYTES = 16;
const NEXT = 1, WRITE = 2, INDIRECT = 4;
/** Rings: flags and idx, then the entries, then the other side's event word. */
const FLAGS = 0, INDEX = 1, RING = 2;
const NO_INTERRUPT = 1, NO_NOTIFY = 1;
/** Words of a used element, and of a segment: address low and high, length. */
const USED_WORDS = 2;
export const SEGMENT_WORDS = 3;
/** The longest queue that is offered, a power of two. */
export const MOST_ENTRIES = 256;
/** How far the avail event is put ahead so that no notification comes, and how often. */
const FAR = 0x7fff, RENEW_MASK = 0x1fff;

/** Answers of {@link Virtqueue.take} that are no descriptor. */
export const EMPTY = -1, BROKEN = -2;

/** What the driver tells about a queue before it enables it. */
export interface QueueAddresses {
  readonly size: number;
  /** Low and high halves of the three areas' guest-physical addresses. */
  readonly descriptors: readonly [number, number];
  readonly driver: readonly [number, number];
  readonly device: readonly [number, number];
}

const NO_WORDS = new Int32Array(0), NO_HALVES = new Uint16Array(0);

/** See the head of this file. Taking and giving back allocate nothing. */
export class Virtqueue {
  /** Segments of the chain taken last: first what the device reads, then what it writes. */
  readonly segments = new Int32Array(MOST_ENTRIES * SEGMENT_WORDS);
  /** How many segments the device reads. */
  readable = 0;
  /** How many segments the device writes. */
  writable = 0;
  readonly #memory: GuestMemory;
  #enabled = false;
  #broken = false;
  #size = 0;
  #descriptors: Int32Array = NO_WORDS;
  #available: Uint16Array = NO_HALVES;
  #used: Int32Array = NO_WORDS;
  #usedHalves: Uint16Array = NO_HALVES;
  #eventIndex = false;
  #taken = 0;
  #given = 0;
  /** `#given` when the driver was last asked whether it wants to hear. */
  #announced = 0;
  #notifications = true;
  /** An indirect table that lies across words or windows. */
  readonly #tableCopy = byteArea(MOST_ENTRIES * DESCRIPTOR_BYTES);

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  /** Whether the driver has set it up and nothing was wrong since. */
  get enabled(): boolean {
    return this.#enabled && !this.#broken;
  }

  /** Whether the driver did something that the specification forbids. */
  get broken(): boolean {
    return this.#broken;
  }

  /** How many chains wait, by the driver's word. One look at memory. */
  get backlog(): number {
    return this.enabled ? this.#available[INDEX]! - this.#taken & 0xffff : 0;
  }

  /** Whether chains wait. One look at memory. */
  get pending(): boolean {
    return this.#enabled && !this.#broken && this.#available[INDEX] !== this.#taken;
  }

  /**
   * Starts it.
   *
   * @param eventIndex whether VIRTIO_F_EVENT_IDX was negotiated
   * @returns false when an area is not in memory or not aligned
   */
  enable(addresses: QueueAddresses, eventIndex: boolean): boolean {
    const { size, descriptors, driver, device } = addresses;
    if (size < 1 || size > MOST_ENTRIES || (size & size - 1) !== 0) return false;
    if ((descriptors[0] & DESCRIPTOR_BYTES - 1) !== 0) return false;
    const table = this.#memory.view32(...descriptors, size * DESCRIPTOR_WORDS);
    const available = this.#memory.view16(...driver, RING + size + 1);
    const used = this.#memory.view32(...device, 1 + size * USED_WORDS);
    const usedHalves = this.#memory.view16(...device, RING + 2 * size * USED_WORDS + 1);
    if (!table || !available || !used || !usedHalves) return false;
    this.#size = size;
    this.#descriptors = table;
    this.#available = available;
    this.#used = used;
    this.#usedHalves = usedHalves;
    this.#eventIndex = eventIndex;
    this.#taken = this.#given = this.#announced = 0;
    this.#broken = false;
    this.#enabled = true;
    this.notifications = true;
    return true;
  }

  /** Back to the state before {@link enable}. */
  reset(): void {
    this.#enabled = this.#broken = false;
    this.#descriptors = this.#used = NO_WORDS;
    this.#available = this.#usedHalves = NO_HALVES;
  }

  /**
   * Takes the next chain; its segments are then in {@link segments}.
   *
   * @returns the head to give back, `EMPTY`, or `BROKEN`
   */
  take(): number {
    const waiting = this.#available[INDEX]! - this.#taken & 0xffff;
    if (waiting === 0) return EMPTY;
    if (waiting > this.#size) return this.#break();
    const head = this.#available[RING + (this.#taken & this.#size - 1)]!;
    this.#taken = this.#taken + 1 & 0xffff;
    if (!this.#notifications && (this.#taken & RENEW_MASK) === 0) this.#postpone();
    return this.#walk(head) ? head : this.#break();
  }

  /** Lets the chain taken last be the next one again. */
  putBack(): void {
    this.#taken = this.#taken - 1 & 0xffff;
  }

  /**
   * Gives a chain back. The driver sees it at once.
   *
   * @param written bytes that the device wrote into it
   */
  give(head: number, written: number): void {
    const at = 1 + (this.#given & this.#size - 1) * USED_WORDS;
    this.#used[at] = head;
    this.#used[at + 1] = written;
    this.#given = this.#given + 1 & 0xffff;
    this.#usedHalves[INDEX] = this.#given;
  }

  /** Whether the driver wants an interrupt for what was given since the last time this was asked. */
  get interruptWanted(): boolean {
    if (this.#given === this.#announced || !this.#enabled) return false;
    const before = this.#announced;
    this.#announced = this.#given;
    // A full barrier: the index must be visible before the driver's wish is read.
    Atomics.store(this.#usedHalves, INDEX, this.#given);
    if (!this.#eventIndex) return (this.#available[FLAGS]! & NO_INTERRUPT) === 0;
    const event = this.#available[RING + this.#size]!;
    return (this.#given - event - 1 & 0xffff) < (this.#given - before & 0xffff);
  }

  /**
   * Whether the driver shall notify at the next chain. Set anew whenever chains were taken; after
   * switching it on {@link pending} must be looked at.
   */
  set notifications(wanted: boolean) {
    this.#notifications = wanted;
    if (!this.#enabled) return;
    if (!wanted) {
      this.#postpone();
    } else if (this.#eventIndex) {
      Atomics.store(this.#usedHalves, RING + 2 * this.#size * USED_WORDS, this.#taken);
    } else {
      Atomics.store(this.#usedHalves, FLAGS, 0);
    }
  }

  get notifications(): boolean {
    return this.#notifications;
  }

  #postpone(): void {
    if (this.#eventIndex) {
      this.#usedHalves[RING + 2 * this.#size * USED_WORDS] = this.#taken + FAR & 0xffff;
    } else {
      this.#usedHalves[FLAGS] = NO_NOTIFY;
    }
  }

  #break(): number {
    this.#broken = true;
    return BROKEN;
  }

  #walk(head: number): boolean {
    let table = this.#descriptors, first = 0, entries = this.#size, index = head;
    let direct = true;
    this.readable = this.writable = 0;
    // One step more than there are entries: the one that leads to an indirect table is no segment.
    for (let steps = 0; steps <= this.#size; steps++) {
      if (index >= entries) return false;
      const at = first + index * DESCRIPTOR_WORDS;
      const lo = table[at]!, hi = table[at + 1]!, length = table[at + 2]!;
      const flagsAndNext = table[at + 3]!;
      if ((flagsAndNext & INDIRECT) !== 0) {
        // It ends its chain, and nothing nests (2.7.5.3.1).
        if (!direct || (flagsAndNext & NEXT) !== 0) return false;
        if (length <= 0 || (length & DESCRIPTOR_BYTES - 1) !== 0) return false;
        entries = length / DESCRIPTOR_BYTES;
        if (entries > this.#size || !this.#memory.contains(lo, hi, length)) return false;
        const window = this.#memory.window(lo, hi, length);
        table = window ?? this.#copyTable(lo, hi, length);
        first = window === undefined ? 0 : wordIndex(lo);
        index = 0;
        direct = false;
        continue;
      }
      if (!this.#append(lo, hi, length, (flagsAndNext & WRITE) !== 0)) return false;
      if ((flagsAndNext & NEXT) === 0) return true;
      index = flagsAndNext >>> 16;
    }
    return false;
  }

  #copyTable(lo: number, hi: number, length: number): Int32Array {
    this.#memory.copyOut((hi >>> 0) * 2 ** 32 + (lo >>> 0), length, this.#tableCopy, 0);
    return this.#tableCopy.words;
  }

  #append(lo: number, hi: number, length: number, write: boolean): boolean {
    if (length <= 0 || !this.#memory.contains(lo, hi, length)) return false;
    if (this.readable + this.writable === MOST_ENTRIES) return false;
    if (write) this.writable++;
    else if (this.writable > 0) return false; // what is read comes first (2.7.4.2)
    else this.readable++;
    const at = (this.readable + this.writable - 1) * SEGMENT_WORDS;
    this.segments[at] = lo;
    this.segments[at + 1] = hi;
    this.segments[at + 2] = length;
    return true;
  }
}
