/**
 * virtio block device on a raw file. The kernel moves the bytes straight between the file and the
 * guest's buffers. Source: virtio 1.2, 5.2.
 */
import { byteArea } from "../../../cores/byte_copy.ts";
import type { GuestMemory } from "../../../cores/guest_memory.ts";
import type { Stub } from "../../../cores/stub.ts";
import type { Disk } from "../../../hypercalls/block.ts";
import type { Device } from "../device.ts";
import { blockConfig, blockFeatures, FEATURE, REQUEST, SECTOR, STATUS } from "./block_layout.ts";
import { BlockRanges } from "./block_ranges.ts";
import { PendingFlushes } from "./pending_flushes.ts";
import { segmentAddress, SegmentList } from "./segment_list.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import { SEGMENT_WORDS, type Virtqueue } from "./virtqueue.ts";

/** A request: type, reserved, sector (64 bits), then data, then a byte of status. */
const HEADER_BYTES = 16, SECTOR_LO = 2, SECTOR_HI = 3;
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
  readonly #id = byteArea(ID_BYTES);
  readonly #ranges: BlockRanges;
  /** A write that is done is stable: the driver will not ask for a flush (5.2.6.2). */
  #writeThrough = false;
  /** The data of one request. */
  readonly #data: SegmentList;
  readonly #flushes: PendingFlushes;
  #inOrder = false;
  readonly #header = byteArea(HEADER_BYTES);

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
    this.#ranges = new BlockRanges(stub, options.disk, this.#sectors);
    this.#data = new SegmentList(memory);
    new TextEncoder().encodeInto(options.serial, this.#id.bytes);
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
    const data = this.#data, type = this.#header.words[0]!;
    if (type === REQUEST.in || type === REQUEST.getId) {
      data.take(segments, readable, writable, 0);
      data.dropLast(); // the status
    } else {
      data.take(segments, 0, readable, HEADER_BYTES);
    }
    switch (type) {
      case REQUEST.in: {
        const ok = this.#transfer(false);
        return this.#answer(status, ok ? STATUS.ok : STATUS.ioError, ok ? data.bytes : 0);
      }
      case REQUEST.out: {
        const ok = this.#disk.writable && this.#transfer(true);
        return ok ? this.#settle(index, head, status) : this.#answer(status, STATUS.ioError, 0);
      }
      case REQUEST.discard:
      case REQUEST.writeZeroes: {
        const result = this.#ranges.serve(type === REQUEST.discard, data);
        return result === STATUS.ok
          ? this.#settle(index, head, status)
          : this.#answer(status, result, 0);
      }
      case REQUEST.flush:
        return this.#flush(index, head, status);
      case REQUEST.getId: {
        const length = Math.min(ID_BYTES, data.bytes);
        data.copyIn(length, this.#id, 0);
        return this.#answer(status, STATUS.ok, length);
      }
      default:
        return this.#answer(status, STATUS.unsupported, 0);
    }
  }

  /** Copies the header, however it is cut in segments. False when the chain is too short. */
  #readHeader(segments: Int32Array, readable: number): boolean {
    const { words } = this.#header, memory = this.#memory;
    if (readable > 0 && segments[2]! >= HEADER_BYTES) { // as drivers lay it out
      const at = segmentAddress(segments, 0);
      words[0] = memory.word(at);
      words[SECTOR_LO] = memory.word(at + 4 * SECTOR_LO);
      words[SECTOR_HI] = memory.word(at + 4 * SECTOR_HI);
      return true;
    }
    const data = this.#data;
    data.take(segments, 0, readable, 0);
    data.copyOut(HEADER_BYTES, this.#header, 0);
    return data.bytes >= HEADER_BYTES;
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

  /** Whether all of the data was moved between guest memory and the sectors of the header. */
  #transfer(write: boolean): boolean {
    const { bytes, words, count } = this.#data, header = this.#header.words, disk = this.#disk;
    const sector = (header[SECTOR_HI]! >>> 0) * 2 ** 32 + (header[SECTOR_LO]! >>> 0);
    if (bytes % SECTOR !== 0 || sector + bytes / SECTOR > this.#sectors) return false;
    if (bytes === 0) return true;
    const offset = sector * SECTOR;
    const lo = offset | 0, hi = Math.floor(offset / 2 ** 32);
    const { sx_file_read_segments, sx_file_write_segments } = this.#stub;
    const moved = write
      ? sx_file_write_segments(disk.file, this.#vm, words, count, lo, hi)
      : sx_file_read_segments(disk.file, this.#vm, words, count, lo, hi);
    return moved === bytes;
  }

  #answer(status: number, code: number, written: number): number {
    this.#memory.setByte(status, code);
    return written + 1;
  }
}
