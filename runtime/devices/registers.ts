/** A little-endian block of register bytes in which some bits may be written by the guest. */
import { DONE } from "../../cores/outcome.ts";
import type { Device } from "./device.ts";

/** See the head of this file. */
export class Registers implements Device {
  readonly #bytes: Uint8Array;
  readonly #writable: Uint8Array;

  /** @param length in bytes; everything is 0 and read-only at first */
  constructor(length: number) {
    this.#bytes = new Uint8Array(length);
    this.#writable = new Uint8Array(length);
  }

  /** Bytes outside read as all ones. */
  read(offset: number, size: number): number {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value << 8 | (this.#bytes[offset + i] ?? 0xff);
    return value;
  }

  /** Takes the writable bits; the others keep their value. */
  write(offset: number, size: number, value: number): number {
    for (let i = 0; i < size && offset + i < this.#bytes.length; i++) {
      const mask = this.#writable[offset + i]!;
      const byte = value >> 8 * i;
      this.#bytes[offset + i] = this.#bytes[offset + i]! & ~mask | byte & mask;
    }
    return DONE;
  }

  /**
   * Sets a register from the device's side.
   *
   * @param writable which of its bits the guest may write; what it may today when absent
   */
  set(offset: number, size: number, value: number, writable?: number): void {
    for (let i = 0; i < size; i++) {
      this.#bytes[offset + i] = value >> 8 * i;
      if (writable !== undefined) this.#writable[offset + i] = writable >> 8 * i;
    }
  }
}
