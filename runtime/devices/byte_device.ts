/**
 * Devices whose registers are bytes. The ISA bus has eight data lines for them: a wider access is
 * one of each byte, the lowest first.
 */
import { DONE } from "../../cores/outcome.ts";
import type { Device } from "./device.ts";

/** Lines that nobody drives float high. */
const FLOATING = 0xff;

/** A device that is asked for one byte at a time. */
export abstract class ByteDevice implements Device {
  readonly #registers: number;

  /** @param registers how many bytes the device answers; those behind them float */
  constructor(registers: number) {
    this.#registers = registers;
  }

  /** @returns 0 to 255 */
  protected abstract readByte(register: number): number;

  /**
   * An answer other than `DONE` ends a wider access, so only a register that no other one precedes
   * in an access may answer `RETRY`.
   *
   * @param value 0 to 255
   */
  protected abstract writeByte(register: number, value: number): number;

  /** @returns the bytes as a signed word: one without a sign would have to be allocated */
  read(offset: number, size: number): number {
    let value = 0;
    for (let byte = 0; byte < size; byte++) {
      const register = offset + byte;
      value |= (register < this.#registers ? this.readByte(register) : FLOATING) << (8 * byte);
    }
    return value;
  }

  write(offset: number, size: number, value: number): number {
    for (let byte = 0; byte < size; byte++) {
      const register = offset + byte;
      if (register >= this.#registers) break;
      const outcome = this.writeByte(register, (value >>> (8 * byte)) & 0xff);
      if (outcome !== DONE) return outcome;
    }
    return DONE;
  }
}
