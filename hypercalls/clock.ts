/** Clock service: nanoseconds since the Unix epoch. */
import { OK } from "../cores/abi.ts";
import { DONE, STATUS, VALUE_HI, VALUE_LO } from "../cores/outcome.ts";

/** Where the time comes from. */
export interface RealtimeClock {
  /** Nanoseconds since the Unix epoch as two words, low first. */
  realtime(words: Uint32Array): void;
}

/** Serves `CALL_CLOCK`. */
export class ClockService {
  readonly #clock: RealtimeClock;
  readonly #now = new Uint32Array(2);

  constructor(clock: RealtimeClock) {
    this.#clock = clock;
  }

  read(reply: Int32Array): number {
    this.#clock.realtime(this.#now);
    reply[STATUS] = OK;
    reply[VALUE_LO] = this.#now[0]!;
    reply[VALUE_HI] = this.#now[1]!;
    return DONE;
  }
}
