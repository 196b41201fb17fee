/**
 * virtio block device on a raw file. The kernel moves the bytes straight between the file and the
 * guest's buffers. Source: virtio 1.2, 5.2.
 */
import type { GuestMemory } from "../../../cores/guest_memory.ts";
import type { Stub } from "../../../cores/stub.ts";
import type { Disk } from "../../../hypercalls/block.ts";
import type { Device } from "../device.ts";
import { Registers } from "../registers.ts";
import { PendingFlushes } from "./pending_flushes.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import { MOST_ENTRIES, SEGMENT_WORDS, type Virtqueue } from "./virtqueue.ts";

const SECTOR = 512, BLOCK = 4096;

/** Feature bits. */
const SEG_MAX = 1 << 2,
  READ_ONLY = 1 << 5,
  BLK_SIZE = 1 << 6,
  FLUSH = 1 << 9,
  MULTI_QUEUE = 1 << 12;

/** Configuration. */
const CAPACITY_AT = 0, SEG_MAX_AT = 12, BLK_SIZE_AT = 20, NUM_QUEUES_AT = 34, CONFIG_BYTES = 60;

/** A request: type, reserved, sector (64 bits), then data, then a byte of status. */
const HEADER_BYTES = 16;
const IN = 0, OUT = 1, FLUSH_CACHE = 4, GET_ID = 8;
const OK = 0, IO_ERROR = 1, UNSUPPORTED = 2;
const ID_BYTES = 20;
/** Of a request that is answered later. */
const LATER = -1;

/** The guest-physical address of a segment. */
function addressOf(segments: Int32Array, at: number): number {
  return (segments[at + 1]! >>> 0) * 2 ** 32 + (segments[at]! >>> 0);
}

/** What {@link VirtioBlock} is made of. */
export interface BlockOptions {
  readonly disk: Disk;
  /** At most 20 characters; what the guest sees as the serial number. */
  readonly serial: string;
  readonly queues: number;
}

/** See the head of this file. Serving allocates nothing. */
export class VirtioBlock implements VirtioDevice {
  readonly type = 2;
  readonly classCode = 0x010000;
  readonly features: number;
  readonly queues: number;
  readonly config: Device;
  readonly #stub: Stub;
  readonly #vm: number;
  readonly #memory: GuestMemory;
  readonly #disk: Disk;
  readonly #sectors: number;
  readonly #id: Uint8Array;
  /** The data segments of one request, as the stub takes them. */
  readonly #data = new Int32Array(MOST_ENTRIES * SEGMENT_WORDS);
  #segments = 0;
  #bytes = 0;
  readonly #flushes: PendingFlushes;
  #inOrder = false;
  readonly #header = new Int32Array(HEADER_BYTES / 4);
  readonly #headerBytes = new Uint8Array(this.#header.buffer);

  /** @param vm the stub's handle of the machine */
  constructor(stub: Stub, vm: number, memory: GuestMemory, options: BlockOptions) {
    this.#stub = stub;
    this.#vm = vm;
    this.#memory = memory;
    this.#disk = options.disk;
    this.#sectors = Math.floor(options.disk.bytes / SECTOR);
    this.queues = options.queues;
    this.#flushes = new PendingFlushes(stub, options.disk.file, options.queues);
    this.features = SEG_MAX | BLK_SIZE | FLUSH | MULTI_QUEUE |
      (options.disk.writable ? 0 : READ_ONLY);
    this.#id = new Uint8Array(ID_BYTES);
    new TextEncoder().encodeInto(options.serial, this.#id);
    const config = new Registers(CONFIG_BYTES);
    config.set(CAPACITY_AT, 4, this.#sectors | 0);
    config.set(CAPACITY_AT + 4, 4, Math.floor(this.#sectors / 2 ** 32));
    config.set(SEG_MAX_AT, 4, MOST_ENTRIES - 2);
    config.set(BLK_SIZE_AT, 4, options.disk.bytes % BLOCK === 0 ? BLOCK : SECTOR);
    config.set(NUM_QUEUES_AT, 2, options.queues);
    this.config = config;
  }

  /** Flushes that the host has not finished. */
  get outstanding(): number {
    return this.#flushes.count;
  }

  start(_features: number, inOrder: boolean): void {
    this.#inOrder = inOrder;
  }

  reset(): void {
    this.#flushes.clear();
  }

  serve(index: number, queue: Virtqueue, most: number): number {
    const flushes = this.#flushes;
    while (flushes.isDone(index)) {
      queue.give(flushes.head, this.#answer(flushes.status, flushes.failed ? IO_ERROR : OK, 0));
      flushes.shift();
    }
    let served = 0;
    while (served < most && !(this.#inOrder && flushes.count > 0)) {
      const head = queue.take();
      if (head < 0) break;
      served++;
      const written = this.#request(index, queue, head);
      if (written !== LATER) queue.give(head, written);
    }
    return served;
  }

  /** Serves the chain taken last: how many bytes were written into it, or `LATER`. */
  #request(index: number, queue: Virtqueue, head: number): number {
    const { segments, readable, writable } = queue;
    if (writable === 0) return 0; // nowhere for a status
    const last = (readable + writable - 1) * SEGMENT_WORDS;
    const status = addressOf(segments, last) + segments[last + 2]! - 1;
    if (!this.#readHeader(segments, readable)) return this.#answer(status, IO_ERROR, 0);
    const header = this.#header;
    switch (header[0]) {
      case IN:
        this.#gather(segments, readable, writable, 0, 1);
        return this.#moved(status, this.#transfer(header[2]!, header[3]!, false), this.#bytes);
      case OUT:
        if (!this.#disk.writable) return this.#answer(status, IO_ERROR, 0);
        this.#gather(segments, 0, readable, HEADER_BYTES, 0);
        return this.#moved(status, this.#transfer(header[2]!, header[3]!, true), 0);
      case FLUSH_CACHE:
        if (!this.#disk.writable) return this.#answer(status, OK, 0); // nothing was written
        return this.#flushes.push(index, head, status) ? LATER : this.#answer(status, IO_ERROR, 0);
      case GET_ID:
        this.#gather(segments, readable, writable, 0, 1);
        return this.#answer(status, OK, this.#identify());
      default:
        return this.#answer(status, UNSUPPORTED, 0);
    }
  }

  /** Copies the header, however it is cut in segments. False when the chain is too short. */
  #readHeader(segments: Int32Array, readable: number): boolean {
    const memory = this.#memory, header = this.#header;
    if (readable > 0 && segments[2]! >= HEADER_BYTES) {
      const at = addressOf(segments, 0);
      header[0] = memory.word(at);
      header[2] = memory.word(at + 8);
      header[3] = memory.word(at + 12);
      return true;
    }
    let filled = 0;
    for (let i = 0; i < readable && filled < HEADER_BYTES; i++) {
      const at = addressOf(segments, i * SEGMENT_WORDS), length = segments[i * SEGMENT_WORDS + 2]!;
      for (let j = 0; j < length && filled < HEADER_BYTES; j++) {
        this.#headerBytes[filled++] = memory.byte(at + j);
      }
    }
    return filled === HEADER_BYTES;
  }

  /**
   * Puts the data of a request into {@link #data}.
   *
   * @param skip bytes that are no data at the beginning
   * @param trim bytes that are no data at the end, at most the last segment
   */
  #gather(segments: Int32Array, first: number, count: number, skip: number, trim: number): void {
    const data = this.#data;
    let at = 0, bytes = 0;
    for (let i = first; i < first + count; i++) {
      const from = i * SEGMENT_WORDS, length = segments[from + 2]!;
      if (skip >= length) {
        skip -= length;
        continue;
      }
      const start = addressOf(segments, from) + skip;
      data[at] = start | 0;
      data[at + 1] = Math.floor(start / 2 ** 32);
      data[at + 2] = length - skip;
      bytes += length - skip;
      skip = 0;
      at += SEGMENT_WORDS;
    }
    if (trim > 0) {
      bytes -= trim;
      data[at - 1]! -= trim;
      if (data[at - 1] === 0) at -= SEGMENT_WORDS;
    }
    this.#segments = at / SEGMENT_WORDS;
    this.#bytes = bytes;
  }

  /** Whether all of the data was moved between guest memory and the disk. */
  #transfer(sectorLo: number, sectorHi: number, write: boolean): boolean {
    const bytes = this.#bytes, disk = this.#disk;
    const sector = (sectorHi >>> 0) * 2 ** 32 + (sectorLo >>> 0);
    if (bytes % SECTOR !== 0 || sector + bytes / SECTOR > this.#sectors) return false;
    if (bytes === 0) return true;
    const offset = sector * SECTOR;
    const lo = offset | 0, hi = Math.floor(offset / 2 ** 32);
    const { sx_file_read_segments, sx_file_write_segments } = this.#stub;
    const moved = write
      ? sx_file_write_segments(disk.file, this.#vm, this.#data, this.#segments, lo, hi)
      : sx_file_read_segments(disk.file, this.#vm, this.#data, this.#segments, lo, hi);
    return moved === bytes;
  }

  /** Writes the serial number: how many bytes of it had room. */
  #identify(): number {
    let done = 0;
    for (let i = 0; i < this.#segments && done < ID_BYTES; i++) {
      const at = addressOf(this.#data, i * SEGMENT_WORDS);
      const length = this.#data[i * SEGMENT_WORDS + 2]!;
      for (let j = 0; j < length && done < ID_BYTES; j++) {
        this.#memory.setByte(at + j, this.#id[done++]!);
      }
    }
    return done;
  }

  #moved(status: number, ok: boolean, written: number): number {
    return this.#answer(status, ok ? OK : IO_ERROR, ok ? written : 0);
  }

  #answer(status: number, code: number, written: number): number {
    this.#memory.setByte(status, code);
    return written + 1;
  }
}
