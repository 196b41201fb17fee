/** Console service: bytes from the guest into its console ring. */
import { CALL_MAX_BYTES, EFAULT, EINVAL, OK } from "../cores/abi.ts";
import type { GuestMemory } from "../cores/guest_memory.ts";
import { DONE, RETRY, STATUS, VALUE_HI, VALUE_LO } from "../cores/outcome.ts";
import { CONSOLE_BYTES, type ConsoleWriter } from "./console_ring.ts";

/** The longest write, so that one always fits an empty ring. */
const LONGEST_WRITE = Math.min(CALL_MAX_BYTES, CONSOLE_BYTES);

/** Serves `CALL_CONSOLE_PUT` and `CALL_CONSOLE_WRITE`. */
export class ConsoleService {
  readonly #memory: GuestMemory;
  readonly #ring: ConsoleWriter;

  constructor(memory: GuestMemory, ring: ConsoleWriter) {
    this.#memory = memory;
    this.#ring = ring;
  }

  /** @param byte only its low 8 bits count */
  put(byte: number, reply: Int32Array): number {
    if (!this.#ring.put(byte)) return RETRY;
    reply[STATUS] = OK;
    return DONE;
  }

  /** @returns outcome; the reply holds the number of bytes written */
  write(lo: number, hi: number, length: number, reply: Int32Array): number {
    reply[VALUE_LO] = 0;
    reply[VALUE_HI] = 0;
    if (length < 0 || length > LONGEST_WRITE) {
      reply[STATUS] = EINVAL;
      return DONE;
    }
    if (!this.#memory.contains(lo, hi, length)) {
      reply[STATUS] = EFAULT;
      return DONE;
    }
    if (this.#ring.room < length) return RETRY;
    const address = hi * 2 ** 32 + (lo >>> 0);
    for (let i = 0; i < length; i++) this.#ring.store(this.#memory.byte(address + i));
    this.#ring.publish();
    reply[STATUS] = OK;
    reply[VALUE_LO] = length;
    return DONE;
  }
}
