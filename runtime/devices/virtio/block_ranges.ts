/**
 * Discard and write-zeroes requests of the virtio block device. Every range of a request is checked
 * before the first one is served. Source: virtio 1.2, 5.2.6.
 */
import { byteArea } from "../../../cores/byte_copy.ts";
import type { Stub } from "../../../cores/stub.ts";
import type { Disk } from "../../../hypercalls/block.ts";
import { MOST_RANGE_SECTORS, MOST_RANGES, SECTOR, STATUS } from "./block_layout.ts";
import type { SegmentList } from "./segment_list.ts";

/** A range: sector (64 bits), number of sectors, flags. */
const RANGE_WORDS = 4, RANGE_BYTES = 16;
const SECTOR_LO = 0, SECTOR_HI = 1, SECTORS = 2, FLAGS = 3;
const UNMAP = 1;

/** The host's file system cannot take space back. */
const EOPNOTSUPP = -95;

/** See the head of this file. Serving allocates nothing. */
export class BlockRanges {
  readonly #stub: Stub;
  readonly #disk: Disk;
  readonly #sectors: number;
  readonly #area = byteArea(MOST_RANGES * RANGE_BYTES);
  readonly #words = this.#area.words;

  /** @param sectors the capacity */
  constructor(stub: Stub, disk: Disk, sectors: number) {
    this.#stub = stub;
    this.#disk = disk;
    this.#sectors = sectors;
  }

  /**
   * Serves one request.
   *
   * @param discard whether the contents may become anything; else they become zeros
   * @param ranges where they lie
   * @returns the request's status
   */
  serve(discard: boolean, ranges: SegmentList): number {
    const { bytes } = ranges;
    if (!this.#disk.writable) return STATUS.ioError;
    if (bytes === 0 || bytes % RANGE_BYTES !== 0 || bytes > this.#area.bytes.length) {
      return STATUS.ioError;
    }
    ranges.copyOut(bytes, this.#area, 0);
    const end = bytes / 4;
    const allowed = discard ? 0 : UNMAP;
    for (let at = 0; at < end; at += RANGE_WORDS) {
      if ((this.#words[at + FLAGS]! & ~allowed) !== 0) return STATUS.unsupported;
    }
    for (let at = 0; at < end; at += RANGE_WORDS) {
      const sectors = this.#words[at + SECTORS]! >>> 0;
      if (sectors > MOST_RANGE_SECTORS) return STATUS.ioError;
      if (this.#first(at) + sectors > this.#sectors) return STATUS.ioError;
    }
    for (let at = 0; at < end; at += RANGE_WORDS) {
      if (!(discard ? this.#discard(at) : this.#zero(at))) return STATUS.ioError;
    }
    return STATUS.ok;
  }

  #first(at: number): number {
    return (this.#words[at + SECTOR_HI]! >>> 0) * 2 ** 32 + (this.#words[at + SECTOR_LO]! >>> 0);
  }

  #discard(at: number): boolean {
    const result = this.#call(at, 1);
    return result === 0 || result === EOPNOTSUPP; // it is a hint
  }

  #zero(at: number): boolean {
    if ((this.#words[at + FLAGS]! & UNMAP) !== 0 && this.#call(at, 1) === 0) return true;
    return this.#call(at, 0) === 0;
  }

  #call(at: number, punch: number): number {
    const offset = this.#first(at) * SECTOR, bytes = this.#words[at + SECTORS]! * SECTOR;
    const hi = Math.floor(offset / 2 ** 32);
    return this.#stub.sx_file_zero(this.#disk.file, offset | 0, hi, bytes, punch);
  }
}
