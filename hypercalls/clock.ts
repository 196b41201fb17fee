/** Clock service: nanoseconds since the Unix epoch. */
import { OK } from "../cores/abi.ts";
import { DONE, STATUS, VALUE_HI, VALUE_LO } from "../cores/outcome.ts";
import type { Stub } from "../cores/stub.ts";

/** Serves `CALL_CLOCK`. */
export class ClockService {
  readonly #stub: Stub;
  readonly #now = new Uint32Array(2);

  constructor(stub: Stub) {
    this.#stub = stub;
  }

  read(reply: Int32Array): number {
    this.#stub.sx_clock_realtime(this.#now, this.#now.byteLength);
    reply[STATUS] = OK;
    reply[VALUE_LO] = this.#now[0]!;
    reply[VALUE_HI] = this.#now[1]!;
    return DONE;
  }
}
