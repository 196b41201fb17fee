/**
 * Block service: a file read and written by byte ranges. The kernel moves the bytes straight
 * between the file and guest memory.
 */
import { CALL_MAX_BYTES, EFAULT, EINVAL, EIO, ENOSPC, ENXIO, EROFS, OK } from "../cores/abi.ts";
import type { GuestMemory } from "../cores/guest_memory.ts";
import { DONE, STATUS, VALUE_HI, VALUE_LO } from "../cores/outcome.ts";
import type { Stub } from "../cores/stub.ts";

/** The machine's disk: a file that the stub opened. */
export interface Disk {
  /** The stub's handle. */
  readonly file: number;
  readonly writable: boolean;
  /** Size in bytes when the machine was created: a write past it is refused. */
  readonly bytes: number;
}

/** Host errors that mean the same to a guest; every other one is an I/O error. */
function statusOf(errno: number): number {
  return errno === ENOSPC ? ENOSPC : EIO;
}

/** Serves `CALL_BLOCK_*`. */
export class BlockService {
  readonly #stub: Stub;
  readonly #vm: number;
  readonly #memory: GuestMemory;
  readonly #disk: Disk | null;

  /**
   * @param vm the stub's handle of the machine
   * @param disk null for a machine without one: every call fails with ENXIO
   */
  constructor(stub: Stub, vm: number, memory: GuestMemory, disk: Disk | null) {
    this.#stub = stub;
    this.#vm = vm;
    this.#memory = memory;
    this.#disk = disk;
  }

  size(reply: Int32Array): number {
    const disk = this.#disk;
    if (disk === null) return this.#answer(reply, ENXIO, 0);
    this.#answer(reply, OK, disk.bytes);
    reply[VALUE_HI] = disk.bytes / 2 ** 32;
    return DONE;
  }

  /** The reply holds the bytes read: fewer than asked at the end of the file. */
  read(
    offsetLo: number,
    offsetHi: number,
    lo: number,
    hi: number,
    length: number,
    reply: Int32Array,
  ): number {
    const disk = this.#disk;
    if (disk === null) return this.#answer(reply, ENXIO, 0);
    const problem = this.#problem(offsetHi, lo, hi, length);
    if (problem !== OK) return this.#answer(reply, problem, 0);
    const { sx_file_read } = this.#stub;
    const moved = sx_file_read(disk.file, this.#vm, lo, hi, length, offsetLo, offsetHi);
    return this.#answerMoved(reply, moved);
  }

  /** The reply holds the bytes written. */
  write(
    offsetLo: number,
    offsetHi: number,
    lo: number,
    hi: number,
    length: number,
    reply: Int32Array,
  ): number {
    const disk = this.#disk;
    if (disk === null) return this.#answer(reply, ENXIO, 0);
    if (!disk.writable) return this.#answer(reply, EROFS, 0);
    const problem = this.#problem(offsetHi, lo, hi, length);
    if (problem !== OK) return this.#answer(reply, problem, 0);
    const offset = (offsetHi >>> 0) * 2 ** 32 + (offsetLo >>> 0);
    if (offset + length > disk.bytes) return this.#answer(reply, ENOSPC, 0);
    const { sx_file_write } = this.#stub;
    const moved = sx_file_write(disk.file, this.#vm, lo, hi, length, offsetLo, offsetHi);
    return this.#answerMoved(reply, moved);
  }

  flush(reply: Int32Array): number {
    const disk = this.#disk;
    if (disk === null) return this.#answer(reply, ENXIO, 0);
    const result = this.#stub.sx_file_flush(disk.file);
    return this.#answer(reply, result < 0 ? statusOf(result) : OK, 0);
  }

  #problem(offsetHi: number, lo: number, hi: number, length: number): number {
    if (length < 0 || length > CALL_MAX_BYTES || offsetHi < 0) return EINVAL;
    return this.#memory.contains(lo, hi, length) ? OK : EFAULT;
  }

  #answerMoved(reply: Int32Array, moved: number): number {
    return moved < 0 ? this.#answer(reply, statusOf(moved), 0) : this.#answer(reply, OK, moved);
  }

  #answer(reply: Int32Array, status: number, value: number): number {
    reply[STATUS] = status;
    reply[VALUE_LO] = value;
    reply[VALUE_HI] = 0;
    return DONE;
  }
}
