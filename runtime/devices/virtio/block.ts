/**
 * virtio block device on a raw file. The kernel moves the bytes straight between the file and the
 * guest's buffers. Source: virtio 1.2, 5.2.
 */
import type { GuestMemory } from "../../../cores/guest_memory.ts";
import type { Stub } from "../../../cores/stub.ts";
import type { Disk } from "../../../hypercalls/block.ts";
import type { Device } from "../device.ts";
import { blockConfig, blockFeatures, FEATURE, REQUEST, SECTOR, STATUS } from "./block_layout.ts";
import { BlockRanges } from "./block_ranges.ts";
import { PendingFlushes } from "./pending_flushes.ts";
import { readSegments, segmentAddress } from "./segments.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import { MOST_ENTRIES, SEGMENT_WORDS, type Virtqueue } from "./virtqueue.ts";

/** A request: type, reserved, sector (64 bits), then data, then a byte of status. */
const HEADER_BYTES = 16;
const ID_BYTES = 20;
/** Of a request that is answered later. */
const LATER = -1;

/** What {@link VirtioBlock} is made of. */
export interface BlockOptions {
  readonly disk: Disk;
  /** At most 20 bytes; what the guest sees as the serial number. */
  readonly serial: string;
  /** How many queues it has, from 1. */
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
  readonly #ranges: BlockRanges;
  /** A write that is done is stable: the driver will not ask for a flush (5.2.6.2). */
  #writeThrough = false;
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
    this.features = blockFeatures(options.disk);
    this.config = blockConfig(this.#sectors, options.queues);
    this.#flushes = new PendingFlushes(stub, options.disk.file, options.queues);
    this.#ranges = new BlockRanges(stub, memory, options.disk, this.#sectors);
    this.#id = new Uint8Array(ID_BYTES);
    new TextEncoder().encodeInto(options.serial, this.#id);
  }

  /** Requests that wait for the host to have flushed. */
  get outstanding(): number {
    return this.#flushes.count;
  }

  start(features: number, inOrder: boolean): void {
    this.#writeThrough = (features & FEATURE.flush) === 0;
    this.#inOrder = inOrder;
  }

  reset(): void {
    this.#flushes.clear();
  }

  serve(index: number, queue: Virtqueue, most: number): number {
    const flushes = this.#flushes;
    while (flushes.isDone(index)) {
      const result = flushes.failed ? STATUS.ioError : STATUS.ok;
      queue.give(flushes.head, this.#answer(flushes.status, result, 0));
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
    const status = segmentAddress(segments, last) + segments[last + 2]! - 1;
    if (!this.#readHeader(segments, readable)) return this.#answer(status, STATUS.ioError, 0);
    const header = this.#header, type = header[0]!;
    switch (type) {
      case REQUEST.in: {
        this.#gather(segments, readable, writable, 0, 1);
        const ok = this.#transfer(header[2]!, header[3]!, false);
        return this.#answer(status, ok ? STATUS.ok : STATUS.ioError, ok ? this.#bytes : 0);
      }
      case REQUEST.out: {
        this.#gather(segments, 0, readable, HEADER_BYTES, 0);
        const ok = this.#disk.writable && this.#transfer(header[2]!, header[3]!, true);
        return ok ? this.#settle(index, head, status) : this.#answer(status, STATUS.ioError, 0);
      }
      case REQUEST.discard:
      case REQUEST.writeZeroes: {
        this.#gather(segments, 0, readable, HEADER_BYTES, 0);
        const discard = type === REQUEST.discard;
        const result = this.#ranges.serve(discard, this.#data, this.#segments, this.#bytes);
        return result === STATUS.ok
          ? this.#settle(index, head, status)
          : this.#answer(status, result, 0);
      }
      case REQUEST.flush:
        return this.#flush(index, head, status);
      case REQUEST.getId:
        this.#gather(segments, readable, writable, 0, 1);
        return this.#answer(status, STATUS.ok, this.#identify());
      default:
        return this.#answer(status, STATUS.unsupported, 0);
    }
  }

  /** Answers a write that has been made: without a write cache once it is on the disk (5.2.6.2). */
  #settle(index: number, head: number, status: number): number {
    return this.#writeThrough
      ? this.#flush(index, head, status)
      : this.#answer(status, STATUS.ok, 0);
  }

  #flush(index: number, head: number, status: number): number {
    if (!this.#disk.writable) return this.#answer(status, STATUS.ok, 0); // nothing was written
    return this.#flushes.push(index, head, status)
      ? LATER
      : this.#answer(status, STATUS.ioError, 0);
  }

  /** Copies the header, however it is cut in segments. False when the chain is too short. */
  #readHeader(segments: Int32Array, readable: number): boolean {
    const memory = this.#memory, header = this.#header;
    if (readable > 0 && segments[2]! >= HEADER_BYTES) {
      const at = segmentAddress(segments, 0);
      header[0] = memory.word(at);
      header[2] = memory.word(at + 8);
      header[3] = memory.word(at + 12);
      return true;
    }
    return readSegments(memory, segments, readable, this.#headerBytes) === HEADER_BYTES;
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
      const start = segmentAddress(segments, from) + skip;
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
      const at = segmentAddress(this.#data, i * SEGMENT_WORDS);
      const length = this.#data[i * SEGMENT_WORDS + 2]!;
      for (let j = 0; j < length && done < ID_BYTES; j++) {
        this.#memory.setByte(at + j, this.#id[done++]!);
      }
    }
    return done;
  }

  #answer(status: number, code: number, written: number): number {
    this.#memory.setByte(status, code);
    return written + 1;
  }
}
