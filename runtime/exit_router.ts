/**
 * Exit events to what answers them: the few ports of a PC that a micro guest uses. What nobody
 * answers is what hardware would do: a read of all ones, a write that goes nowhere, counted.
 */
import {
  EVENT_ADDR_LO,
  EVENT_DATA_LO,
  EVENT_FLAGS,
  EVENT_REASON,
  EVENT_WRITE,
  EXIT_EPT_VIOLATION,
  EXIT_HLT,
  EXIT_IO,
  PORT_COM1,
  PORT_COM1_STATUS,
  PORT_DEBUG_EXIT,
  PORT_DOORBELL,
  PORT_POST,
} from "../cores/abi.ts";
import { DONE, FAIL, PARK, POWER_OFF, VALUE_HI, VALUE_LO } from "../cores/outcome.ts";
import type { ExitHandler } from "../cores/vcpu_channel.ts";
import type { ConsoleService } from "../hypercalls/console.ts";
import { MACHINE_COUNTER } from "./counters.ts";

/** 16550 line status: transmitter holding register and shift register empty. */
const COM1_IDLE = 0x60;

/** Writes to these ports let the vCPU go on at once. */
export const POSTED_PORTS: readonly number[] = [PORT_COM1, PORT_DOORBELL];

/** See the head of this file. */
export class ExitRouter implements ExitHandler {
  readonly #console: ConsoleService;
  readonly #counters: Float64Array;

  /** @param counters of the machine, by `MACHINE_COUNTER` */
  constructor(console: ConsoleService, counters: Float64Array) {
    this.#console = console;
    this.#counters = counters;
  }

  exit(words: Int32Array, at: number, reply: Int32Array): number {
    const write = (words[at + EVENT_FLAGS]! & EVENT_WRITE) !== 0;
    switch (words[at + EVENT_REASON]!) {
      case EXIT_IO:
        return write
          ? this.#out(words[at + EVENT_ADDR_LO]!, words[at + EVENT_DATA_LO]!, reply)
          : this.#in(words[at + EVENT_ADDR_LO]!, reply);
      case EXIT_EPT_VIOLATION:
        this.#counters[MACHINE_COUNTER.unmappedMemory]!++;
        return this.#allOnes(reply);
      case EXIT_HLT:
        reply[VALUE_LO] = 0;
        reply[VALUE_HI] = 0;
        return PARK;
      default:
        return FAIL;
    }
  }

  #out(port: number, data: number, reply: Int32Array): number {
    switch (port) {
      case PORT_COM1:
        return this.#console.put(data, reply);
      case PORT_POST:
      case PORT_DOORBELL: // the exit itself makes the rings be looked at
        return DONE;
      case PORT_DEBUG_EXIT:
        reply[VALUE_LO] = (data << 1 | 1) & 0xff;
        return POWER_OFF;
      default:
        this.#counters[MACHINE_COUNTER.wildPorts]!++;
        return DONE;
    }
  }

  #in(port: number, reply: Int32Array): number {
    if (port === PORT_COM1_STATUS) {
      reply[VALUE_LO] = COM1_IDLE;
      reply[VALUE_HI] = 0;
      return DONE;
    }
    this.#counters[MACHINE_COUNTER.wildPorts]!++;
    return this.#allOnes(reply);
  }

  #allOnes(reply: Int32Array): number {
    reply[VALUE_LO] = -1;
    reply[VALUE_HI] = -1;
    return DONE;
  }
}
