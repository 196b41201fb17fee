/**
 * What a guest can ask for by name. The same numbers come through the synchronous cell, through the
 * posted ring and through an exit. A guest may change a request while it is read, so each word is
 * read once, here, and services get numbers.
 */
import {
  CALL_BLOCK_FLUSH,
  CALL_BLOCK_READ,
  CALL_BLOCK_SIZE,
  CALL_BLOCK_WRITE,
  CALL_CLOCK,
  CALL_CONSOLE_PUT,
  CALL_CONSOLE_WRITE,
  CALL_NOP,
  CALL_PARK,
  CALL_POWER_OFF,
  ENOSYS,
  OK,
  REQUEST_A0_HI,
  REQUEST_A0_LO,
  REQUEST_A1_HI,
  REQUEST_A1_LO,
  REQUEST_A2_LO,
  REQUEST_NUMBER,
} from "../cores/abi.ts";
import { DONE, PARK, POWER_OFF, STATUS, VALUE_HI, VALUE_LO } from "../cores/outcome.ts";
import type { CallHandler } from "../cores/vcpu_channel.ts";
import type { BlockService } from "./block.ts";
import type { ClockService } from "./clock.ts";
import type { ConsoleService } from "./console.ts";

// V8 folds a constant of this module into optimised code, but loads an imported one at every use.
const NUMBER = REQUEST_NUMBER, ARGUMENT = REQUEST_A0_LO;
const NOP = CALL_NOP, CONSOLE_PUT = CALL_CONSOLE_PUT;
const SUCCESS = OK, SERVED = DONE;
const REPLY_STATUS = STATUS, REPLY_LO = VALUE_LO, REPLY_HI = VALUE_HI;

/** Indexes of the counters that {@link Hypercalls} keeps. */
export const CALL_COUNTER = { unknown: 0, count: 1 } as const;

/** The services of one machine. */
export class Hypercalls implements CallHandler {
  readonly #console: ConsoleService;
  readonly #clock: ClockService;
  readonly #block: BlockService;
  readonly #counters: Float64Array;

  constructor(
    console: ConsoleService,
    clock: ClockService,
    block: BlockService,
    counters: Float64Array,
  ) {
    this.#console = console;
    this.#clock = clock;
    this.#block = block;
    this.#counters = counters;
  }

  /** Small, so that V8 puts it into the polling loop. */
  call(words: Int32Array, at: number, reply: Int32Array): number {
    const number = words[at + NUMBER]!;
    if (number === NOP) return this.#done(reply, SUCCESS);
    if (number === CONSOLE_PUT) return this.#console.put(words[at + ARGUMENT]!, reply);
    return this.#others(number, words, at, reply);
  }

  #others(number: number, words: Int32Array, at: number, reply: Int32Array): number {
    switch (number) {
      case CALL_CONSOLE_WRITE:
        return this.#console.write(
          words[at + REQUEST_A0_LO]!,
          words[at + REQUEST_A0_HI]!,
          words[at + REQUEST_A1_LO]!,
          reply,
        );
      case CALL_CLOCK:
        return this.#clock.read(reply);
      case CALL_BLOCK_SIZE:
        return this.#block.size(reply);
      case CALL_BLOCK_READ:
        return this.#block.read(
          words[at + REQUEST_A0_LO]!,
          words[at + REQUEST_A0_HI]!,
          words[at + REQUEST_A1_LO]!,
          words[at + REQUEST_A1_HI]!,
          words[at + REQUEST_A2_LO]!,
          reply,
        );
      case CALL_BLOCK_WRITE:
        return this.#block.write(
          words[at + REQUEST_A0_LO]!,
          words[at + REQUEST_A0_HI]!,
          words[at + REQUEST_A1_LO]!,
          words[at + REQUEST_A1_HI]!,
          words[at + REQUEST_A2_LO]!,
          reply,
        );
      case CALL_BLOCK_FLUSH:
        return this.#block.flush(reply);
      case CALL_POWER_OFF:
        reply[VALUE_LO] = words[at + REQUEST_A0_LO]! & 0xff;
        return POWER_OFF;
      case CALL_PARK:
        reply[STATUS] = OK;
        reply[VALUE_LO] = words[at + REQUEST_A0_LO]!;
        reply[VALUE_HI] = words[at + REQUEST_A0_HI]!;
        return PARK;
      default:
        this.#counters[CALL_COUNTER.unknown]!++;
        return this.#done(reply, ENOSYS);
    }
  }

  #done(reply: Int32Array, status: number): number {
    reply[REPLY_STATUS] = status;
    reply[REPLY_LO] = 0;
    reply[REPLY_HI] = 0;
    return SERVED;
  }
}
