/**
 * Exit events to what answers them: the devices on the platform's buses. What nobody answers is what hardware would do: a read of all ones, a
 * write that goes nowhere, counted.
 */
import {
  EVENT_ADDR_HI,
  EVENT_ADDR_LO,
  EVENT_DATA_HI,
  EVENT_DATA_LO,
  EVENT_FLAGS,
  EVENT_REASON,
  EVENT_SIZE_SHIFT,
  EVENT_WRITE,
  EXIT_EOI,
  EXIT_EPT_VIOLATION,
  EXIT_HLT,
  EXIT_IO,
  EXIT_POLL,
  PORT_COM1,
  PORT_DOORBELL,
  PORT_POST,
} from "../cores/abi.ts";
import { DONE, FAIL, PARK, POWER_OFF, VALUE_HI, VALUE_LO } from "../cores/outcome.ts";
import type { ExitHandler } from "../cores/vcpu_channel.ts";
import { MACHINE_COUNTER } from "./counters.ts";
import type { Bus } from "./devices/bus.ts";

/**
 * Ports whose writes let the vCPU go on at once. Posted writes of two vCPUs have no order between
 * them, and what they print must keep that in which they took their lock: several wait for it.
 */
export function postedPorts(vcpus: number): readonly number[] {
  return vcpus === 1 ? [PORT_COM1, PORT_DOORBELL] : [PORT_DOORBELL];
}

/** What an access may reach. */
export interface Buses {
  readonly ports: Bus;
  readonly memory: Bus;
  /** A level-triggered interrupt has ended. */
  endOfInterrupt(vector: number): void;
  /** Looks at everything that is polled until nothing is left. */
  settle(): void;
  /** Holds the exit code when a device answers `POWER_OFF`. */
  readonly power: { readonly code: number };
}

/** See the head of this file. */
export class ExitRouter implements ExitHandler {
  readonly #buses: Buses;
  readonly #counters: Float64Array;

  /** @param counters of the machine, by `MACHINE_COUNTER` */
  constructor(buses: Buses, counters: Float64Array) {
    this.#buses = buses;
    this.#counters = counters;
  }

  exit(words: Int32Array, at: number, reply: Int32Array): number {
    const flags = words[at + EVENT_FLAGS]!;
    const size = flags >> EVENT_SIZE_SHIFT & 0xff;
    const write = (flags & EVENT_WRITE) !== 0;
    switch (words[at + EVENT_REASON]!) {
      case EXIT_IO: {
        const port = words[at + EVENT_ADDR_LO]!;
        return write
          ? this.#out(port, size, words[at + EVENT_DATA_LO]!, reply)
          : this.#in(port, size, reply);
      }
      case EXIT_EPT_VIOLATION: {
        const address = (words[at + EVENT_ADDR_HI]! >>> 0) * 2 ** 32 +
          (words[at + EVENT_ADDR_LO]! >>> 0);
        return write
          ? this.#ended(this.#store(address, size, words, at), reply)
          : this.#load(address, size, reply);
      }
      case EXIT_EOI:
        this.#buses.endOfInterrupt(words[at + EVENT_ADDR_LO]!);
        return DONE;
      case EXIT_POLL:
        this.#buses.settle();
        return DONE;
      case EXIT_HLT:
        reply[VALUE_LO] = 0;
        reply[VALUE_HI] = 0;
        return PARK;
      default:
        return FAIL;
    }
  }

  #out(port: number, size: number, data: number, reply: Int32Array): number {
    // The exit itself makes the rings be looked at, or tells how far a guest has come.
    if (port === PORT_DOORBELL || port === PORT_POST) return DONE;
    const found = this.#buses.ports.find(port, size);
    if (found) return this.#ended(found.device.write(port - found.base!, size, data), reply);
    this.#counters[MACHINE_COUNTER.wildPorts]!++;
    return DONE;
  }

  #in(port: number, size: number, reply: Int32Array): number {
    const found = this.#buses.ports.find(port, size);
    if (found) return this.#value(reply, found.device.read(port - found.base!, size), 0);
    this.#counters[MACHINE_COUNTER.wildPorts]!++;
    return this.#value(reply, -1, -1);
  }

  /** Devices take 4 bytes at most: an access of 8 is two. */
  #store(address: number, size: number, words: Int32Array, at: number): number {
    const lo = words[at + EVENT_DATA_LO]!, hi = words[at + EVENT_DATA_HI]!;
    const found = this.#buses.memory.find(address, size);
    if (!found) {
      this.#counters[MACHINE_COUNTER.unmappedMemory]!++;
      return DONE;
    }
    const offset = address - found.base!;
    if (size !== 8) return found.device.write(offset, size, lo);
    const outcome = found.device.write(offset, 4, lo);
    return outcome === DONE ? found.device.write(offset + 4, 4, hi) : outcome;
  }

  #load(address: number, size: number, reply: Int32Array): number {
    const found = this.#buses.memory.find(address, size);
    if (!found) {
      this.#counters[MACHINE_COUNTER.unmappedMemory]!++;
      return this.#value(reply, -1, -1);
    }
    const offset = address - found.base!;
    if (size !== 8) return this.#value(reply, found.device.read(offset, size), 0);
    const lo = found.device.read(offset, 4);
    return this.#value(reply, lo, found.device.read(offset + 4, 4));
  }

  /** Puts the exit code of a guest that powered off into the reply. */
  #ended(outcome: number, reply: Int32Array): number {
    if (outcome === POWER_OFF) reply[VALUE_LO] = this.#buses.power.code;
    return outcome;
  }

  #value(reply: Int32Array, lo: number, hi: number): number {
    reply[VALUE_LO] = lo;
    reply[VALUE_HI] = hi;
    return DONE;
  }
}
