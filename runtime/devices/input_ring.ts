/**
 * What comes to a guest's terminal or port, between the housekeeping core, which writes, and the
 * hypervisor core, which reads: a byte ring in shared memory.
 */

/** Words before the bytes: bytes written, bytes read, on lines of their own. */
const WRITTEN = 0;
const READ = 32;
/** Size of the terminal, beside what is written: columns above 16 bits of rows. */
const SIZE = 1;
/** Whether somebody is at the port: 1 or 0. */
const OPEN = 2;
const HEADER_BYTES = 256;
/** Capacity in bytes; a power of two. */
const INPUT_BYTES = 4096;

/** Shared memory for one ring. */
export function createInputBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + INPUT_BYTES);
}

/** The housekeeping core's end. */
export class InputWriter {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  /** @param buffer from {@link createInputBuffer} */
  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    this.#bytes = new Uint8Array(buffer, HEADER_BYTES);
  }

  /** Tells the size of the terminal, each at most 65,535. */
  resize(columns: number, rows: number): void {
    Atomics.store(this.#words, SIZE, columns << 16 | rows & 0xffff);
  }

  /** Tells whether somebody is there. */
  set open(open: boolean) {
    Atomics.store(this.#words, OPEN, open ? 1 : 0);
  }

  /** Puts in what fits: how many bytes were taken. */
  write(bytes: Uint8Array): number {
    const written = this.#words[WRITTEN]!;
    const room = INPUT_BYTES - (written - Atomics.load(this.#words, READ) | 0);
    const count = Math.min(room, bytes.length);
    for (let i = 0; i < count; i++) this.#bytes[written + i & INPUT_BYTES - 1] = bytes[i]!;
    Atomics.store(this.#words, WRITTEN, written + count | 0);
    return count;
  }
}

/** The hypervisor core's end. Allocates nothing. */
export class InputReader {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  #read = 0;

  /** @param buffer from {@link createInputBuffer} */
  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    this.#bytes = new Uint8Array(buffer, HEADER_BYTES);
  }

  /** The next byte, which stays; -1 when there is none. */
  peek(): number {
    if (this.#words[WRITTEN] === this.#read) return -1;
    return this.#bytes[this.#read & INPUT_BYTES - 1]!;
  }

  /** Columns of the terminal above 16 bits of rows; 0 when nobody told. */
  get size(): number {
    return this.#words[SIZE]!;
  }

  /** Whether somebody is there. */
  get open(): boolean {
    return this.#words[OPEN] === 1;
  }

  /** Takes it away. */
  skip(): void {
    this.#read = this.#read + 1 | 0;
    this.#words[READ] = this.#read;
  }
}
