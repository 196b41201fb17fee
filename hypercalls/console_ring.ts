/**
 * A guest's console between the hypervisor core, which writes, and the housekeeping core, which
 * reads: a byte ring in shared memory. When it is full the writer says so and comes again; no byte
 * is dropped.
 */

/** Words before the bytes: bytes written, bytes read, on lines of their own. */
const WRITTEN = 0;
const READ = 32;
const HEADER_BYTES = 256;

/** Capacity in bytes; a power of two. */
export const CONSOLE_BYTES = 256 * 1024;

/** Shared memory for one console. */
export function createConsoleBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + CONSOLE_BYTES);
}

/** The hypervisor core's end. Allocates nothing. */
export class ConsoleWriter {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  #written = 0;

  /** @param buffer from {@link createConsoleBuffer} */
  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    this.#bytes = new Uint8Array(buffer, HEADER_BYTES);
  }

  /** Bytes that fit now. */
  get room(): number {
    return CONSOLE_BYTES - (this.#written - this.#words[READ]! | 0);
  }

  /** Stores one byte that is not visible before {@link publish}; the caller has seen room for it. */
  store(byte: number): void {
    this.#bytes[this.#written & (CONSOLE_BYTES - 1)] = byte;
    this.#written = this.#written + 1 | 0;
  }

  /** Makes the stored bytes visible. */
  publish(): void {
    this.#words[WRITTEN] = this.#written;
  }

  /** Stores one byte and makes it visible: false when there is no room. */
  put(byte: number): boolean {
    if (this.room === 0) return false;
    this.store(byte);
    this.publish();
    return true;
  }
}

/** The housekeeping core's end. */
export class ConsoleReader {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  /** @param buffer from {@link createConsoleBuffer} */
  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    this.#bytes = new Uint8Array(buffer, HEADER_BYTES);
  }

  /** Takes everything that has been published; empty when there is nothing. */
  take(): Uint8Array<ArrayBuffer> {
    const written = Atomics.load(this.#words, WRITTEN), read = Atomics.load(this.#words, READ);
    const count = written - read | 0;
    const taken = new Uint8Array(count);
    const start = read & (CONSOLE_BYTES - 1);
    const first = Math.min(count, CONSOLE_BYTES - start);
    taken.set(this.#bytes.subarray(start, start + first));
    taken.set(this.#bytes.subarray(0, count - first), first);
    Atomics.store(this.#words, READ, written);
    return taken;
  }
}
