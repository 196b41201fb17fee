/**
 * Guest memory as TypeScript sees it: the one checked door to it.
 *
 * A guest-physical address crosses as two 32-bit halves. RAM lies in two ranges, from 0 and, beyond
 * the hole for a PC's devices, from 4 GiB; the host maps both in one piece without the hole. Memory
 * is looked at through windows of 2 GiB of guest-physical addresses, because V8 is slow on larger
 * typed arrays: bit 31 and the bits above it number the window, the 31 below are the place in it.
 */
import { HIGH_MEMORY_START, LOW_MEMORY_MAX } from "./abi.ts";
import { type ByteArea, copyBytes } from "./byte_copy.ts";

const WINDOW_BYTES = 2 ** 31;
const PLACE_MASK = WINDOW_BYTES - 1;

/** The number of the window that holds an address, which is below 2^62: no machine has more. */
function windowOf(address: number): number {
  return address / WINDOW_BYTES | 0;
}

/** Index of an address in the words of its {@link GuestMemory.window}; it is a multiple of 4. */
export function wordIndex(lo: number): number {
  return (lo & PLACE_MASK) >> 2;
}

function bytesAt(address: bigint, bytes: number): Uint8Array {
  const pointer = Deno.UnsafePointer.create(address);
  if (pointer === null) throw new TypeError("guest memory at a null address");
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, bytes));
}

/** A machine's memory. */
export class GuestMemory {
  /** Bytes of RAM. */
  readonly size: number;
  /** Bytes of RAM from guest-physical address 0. */
  readonly lowBytes: number;
  /** Bytes of RAM from 4 GiB. */
  readonly highBytes: number;
  /** By number; a window ends where its RAM does, and has no bytes where there is none. */
  readonly #windows: Uint8Array[] = [];
  /** The same windows as 32-bit words. */
  readonly #words: Int32Array[] = [];
  /** The same windows as both. */
  readonly #areas: ByteArea[] = [];

  /**
   * @param address where the stub mapped it
   * @param size in bytes
   */
  constructor(address: bigint, size: number) {
    this.size = size;
    this.lowBytes = Math.min(size, LOW_MEMORY_MAX);
    this.highBytes = size - this.lowBytes;
    const map = (start: number, bytes: number, base: bigint) => {
      for (let at = 0; at < bytes; at += WINDOW_BYTES) {
        const window = bytesAt(base + BigInt(at), Math.min(WINDOW_BYTES, bytes - at));
        const index = (start + at) / WINDOW_BYTES, words = new Int32Array(window.buffer);
        this.#windows[index] = window;
        this.#words[index] = words;
        this.#areas[index] = { bytes: window, words };
      }
    };
    map(0, this.lowBytes, address);
    map(HIGH_MEMORY_START, this.highBytes, address + BigInt(this.lowBytes));
  }

  /**
   * Whether `length` bytes from an address all lie in one range of RAM.
   *
   * @param lo low half of the address
   * @param hi high half
   * @param length in bytes, not negative
   */
  contains(lo: number, hi: number, length: number): boolean {
    if (hi === 0) return (lo >>> 0) + length <= this.lowBytes;
    const high = this.highBytes;
    return hi > 0 && high > 0 && (hi - 1) * 2 ** 32 + (lo >>> 0) + length <= high;
  }

  /**
   * One byte. The caller has asked {@link contains}; outside memory it is 0.
   *
   * @param address guest-physical
   */
  byte(address: number): number {
    const window = this.#windows[windowOf(address)];
    return window === undefined ? 0 : window[address & PLACE_MASK] ?? 0;
  }

  /**
   * Four bytes, little-endian, at any alignment. The caller has asked {@link contains}.
   *
   * @param address guest-physical
   */
  word(address: number): number {
    const place = address & PLACE_MASK;
    if ((place & 3) === 0) {
      const window = this.#words[windowOf(address)];
      return window === undefined ? 0 : window[place >> 2] ?? 0;
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
    const window = this.#windows[windowOf(address)];
    if (window !== undefined) window[address & PLACE_MASK] = value;
  }

  /**
   * Copies out of memory. The caller has asked {@link contains}; what is outside is not copied.
   *
   * @param address guest-physical
   */
  copyOut(address: number, length: number, to: ByteArea, toAt: number): void {
    for (let done = 0; done < length;) {
      const area = this.#areas[windowOf(address + done)];
      if (area === undefined) return;
      const at = address + done & PLACE_MASK;
      const part = Math.min(length - done, area.bytes.length - at);
      if (part <= 0) return;
      copyBytes(area, at, to, toAt + done, part);
      done += part;
    }
  }

  /**
   * Copies into memory. The caller has asked {@link contains}; what is outside is not copied.
   *
   * @param address guest-physical
   */
  copyIn(address: number, length: number, from: ByteArea, fromAt: number): void {
    for (let done = 0; done < length;) {
      const area = this.#areas[windowOf(address + done)];
      if (area === undefined) return;
      const at = address + done & PLACE_MASK;
      const part = Math.min(length - done, area.bytes.length - at);
      if (part <= 0) return;
      copyBytes(from, fromAt + done, area, at, part);
      done += part;
    }
  }

  /**
   * The words of the window in which `length` bytes from an address lie, where they do lie in one and
   * begin at a word. The first of them is at {@link wordIndex}.
   *
   * @param lo low half of the address
   * @param hi high half
   */
  window(lo: number, hi: number, length: number): Int32Array | undefined {
    const words = this.#words[hi * 2 + (lo >>> 31)], place = lo & PLACE_MASK;
    if (words === undefined || (place & 3) !== 0) return undefined;
    return place + length <= 4 * words.length ? words : undefined;
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
    const index = Math.floor(address / WINDOW_BYTES);
    const window = this.#windows[index];
    const at = address - index * WINDOW_BYTES;
    if (!window || at + bytes > window.length) {
      throw new RangeError(`no view of ${bytes} bytes at ${address}`);
    }
    return new Int32Array(window.buffer, window.byteOffset + at, bytes / 4);
  }

  /**
   * A live view of 16-bit words, as a device queue is made of; made once, when it is set up.
   *
   * @param lo low half of the address
   * @param hi high half
   * @param count words
   * @returns undefined when not all of it lies in one window, or its address is odd
   */
  view16(lo: number, hi: number, count: number): Uint16Array | undefined {
    const window = this.#windowOf(lo, hi, count, 2);
    return window && new Uint16Array(window.buffer, window.byteOffset + (lo & PLACE_MASK), count);
  }

  /**
   * A live view of 32-bit words; see {@link view16}.
   *
   * @returns undefined when not all of it lies in one window, or its address is no multiple of 4
   */
  view32(lo: number, hi: number, count: number): Int32Array | undefined {
    const window = this.#windowOf(lo, hi, count, 4);
    return window && new Int32Array(window.buffer, window.byteOffset + (lo & PLACE_MASK), count);
  }

  /** The window that holds `count` aligned words of `width` bytes. */
  #windowOf(lo: number, hi: number, count: number, width: number): Uint8Array | undefined {
    const window = this.#windows[(hi >>> 0) * 2 + (lo >>> 31)];
    const at = lo & PLACE_MASK;
    if (!window || at % width !== 0 || !Number.isInteger(count) || count < 0) return undefined;
    return at + count * width <= window.length ? window : undefined;
  }
}
