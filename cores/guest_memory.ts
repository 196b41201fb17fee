/**
 * Guest memory as TypeScript sees it: the one checked door to it.
 *
 * A guest-physical address crosses as two 32-bit halves. Memory is one range from address 0, below
 * 4 GiB; it is looked at through windows of 2 GiB, because V8 is slow on larger typed arrays.
 */
const WINDOW_SHIFT = 31;
const WINDOW_BYTES = 2 ** WINDOW_SHIFT;

/** A machine's memory. */
export class GuestMemory {
  /** Bytes, from guest-physical address 0. */
  readonly size: number;
  readonly #windows: Uint8Array[] = [];
  /** The same windows as 32-bit words. */
  readonly #words: Int32Array[] = [];

  /**
   * @param address where the stub mapped it
   * @param size in bytes
   */
  constructor(address: bigint, size: number) {
    this.size = size;
    for (let at = 0; at < size; at += WINDOW_BYTES) {
      const pointer = Deno.UnsafePointer.create(address + BigInt(at));
      if (pointer === null) throw new TypeError("guest memory at a null address");
      const bytes = Math.min(WINDOW_BYTES, size - at);
      const buffer = Deno.UnsafePointerView.getArrayBuffer(pointer, bytes);
      this.#windows.push(new Uint8Array(buffer));
      this.#words.push(new Int32Array(buffer));
    }
  }

  /**
   * Whether `length` bytes from an address all lie in memory.
   *
   * @param lo low half of the address
   * @param hi high half
   * @param length in bytes, not negative
   */
  contains(lo: number, hi: number, length: number): boolean {
    return hi === 0 && (lo >>> 0) + length <= this.size; // memory ends below 4 GiB
  }

  /**
   * One byte. The caller has asked {@link contains}; outside memory it is 0.
   *
   * @param address guest-physical
   */
  byte(address: number): number {
    const window = this.#windows[address >= WINDOW_BYTES ? 1 : 0]!;
    return window[address % WINDOW_BYTES] ?? 0;
  }

  /**
   * Four bytes, little-endian, at any alignment. The caller has asked {@link contains}.
   *
   * @param address guest-physical
   */
  word(address: number): number {
    if (address % 4 === 0) {
      return this.#words[address >= WINDOW_BYTES ? 1 : 0]![address % WINDOW_BYTES / 4] ?? 0;
    }
    return this.byte(address) | this.byte(address + 1) << 8 | this.byte(address + 2) << 16 |
      this.byte(address + 3) << 24;
  }

  /**
   * Stores one byte. The caller has asked {@link contains}; outside memory nothing happens.
   *
   * @param address guest-physical
   */
  setByte(address: number, value: number): void {
    const window = this.#windows[address >= WINDOW_BYTES ? 1 : 0]!;
    window[address % WINDOW_BYTES] = value;
  }

  /**
   * A live view of 16-bit words, made once for what is polled later.
   *
   * @returns undefined when it is not aligned or not inside one window of memory
   */
  view16(lo: number, hi: number, count: number): Uint16Array | undefined {
    const bytes = this.#viewBytes(lo, hi, 2 * count, 2);
    return bytes && new Uint16Array(bytes.buffer, bytes.byteOffset, count);
  }

  /** As {@link view16}, of 32-bit words. */
  view32(lo: number, hi: number, count: number): Int32Array | undefined {
    const bytes = this.#viewBytes(lo, hi, 4 * count, 4);
    return bytes && new Int32Array(bytes.buffer, bytes.byteOffset, count);
  }

  #viewBytes(lo: number, hi: number, bytes: number, alignment: number): Uint8Array | undefined {
    const address = lo >>> 0;
    if (!this.contains(lo, hi, bytes) || address % alignment !== 0) return undefined;
    const window = this.#windows[Math.floor(address / WINDOW_BYTES)]!;
    const at = address % WINDOW_BYTES;
    return at + bytes <= window.length ? window.subarray(at, at + bytes) : undefined;
  }

  /**
   * Copies into memory; not for hot paths.
   *
   * @throws RangeError when the bytes do not fit
   */
  write(address: number, bytes: Uint8Array): void {
    if (!this.contains(address | 0, Math.floor(address / 2 ** 32), bytes.length)) {
      throw new RangeError(`${bytes.length} bytes at ${address} do not fit guest memory`);
    }
    for (let done = 0; done < bytes.length;) {
      const at = address + done;
      const window = this.#windows[Math.floor(at / WINDOW_BYTES)]!;
      const part = bytes.subarray(done, done + window.length - at % WINDOW_BYTES);
      window.set(part, at % WINDOW_BYTES);
      done += part.length;
    }
  }

  /**
   * A live view of memory inside one window; not for hot paths.
   *
   * @throws RangeError when it is not inside one window
   */
  words(address: number, bytes: number): Int32Array {
    const window = this.#windows[Math.floor(address / WINDOW_BYTES)];
    const at = address % WINDOW_BYTES;
    if (!window || at + bytes > window.length) {
      throw new RangeError(`no view of ${bytes} bytes at ${address}`);
    }
    return new Int32Array(window.buffer, window.byteOffset + at, bytes / 4);
  }
}
