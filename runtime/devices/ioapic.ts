/**
 * The interrupt controller for lines: a line becomes a message to a local APIC. Source: Intel 82093AA,
 * chapter 3; version 0x20 with the EOI register is that of ICH2 and later (ICH9, 13.5).
 */
import { DONE } from "../../cores/outcome.ts";
import { LOCAL_APIC } from "../acpi/platform.ts";
import type { Device, InterruptLine, MessageSink } from "./device.ts";

/** Bytes of memory in which it answers. */
export const IOAPIC_BYTES = 0x1000;
/** Its inputs. */
export const IOAPIC_PINS = 24;

/** Memory-mapped registers (3.1): which register, its value; the vector of an interrupt that ended. */
const SELECT = 0x00, WINDOW = 0x10, EOI = 0x40;
/** Registers behind the window (3.2). */
const ID = 0x00, VERSION = 0x01, ARBITRATION = 0x02, TABLE = 0x10;
const VERSION_VALUE = 0x20 | IOAPIC_PINS - 1 << 16;
const ID_BITS = 0x0f000000;

/** Redirection table entry, low word (3.2.4). */
const VECTOR = 0xff, DELIVERY_MODE = 0x700, LOGICAL = 1 << 11;
const REMOTE_IRR = 1 << 14, LEVEL = 1 << 15, MASKED = 1 << 16;
/** Bits that software writes; delivery status (bit 12) is always idle here. */
const LOW_WRITABLE = 0x1afff, HIGH_WRITABLE = 0xff000000 | 0;
const EXT_INT = 0x700;

/** Message address (SDM volume 3, 11.11.1): destination, logical mode. */
const DESTINATION_SHIFT = 12, MESSAGE_LOGICAL = 1 << 2;
/** Message data (11.11.2): asserted, level-triggered; vector and delivery mode lie as in an entry. */
const MESSAGE_ASSERT = 1 << 14, MESSAGE_LEVEL = 1 << 15;

/** What a pin sends. */
export interface IoapicRoute {
  readonly pin: number;
  readonly address: number;
  readonly data: number;
}

/** See the head of this file. */
export class Ioapic implements Device {
  readonly #sink: MessageSink;
  readonly #routed: (levelTriggered: readonly IoapicRoute[]) => void;
  readonly #low = new Int32Array(IOAPIC_PINS).fill(MASKED);
  readonly #high = new Int32Array(IOAPIC_PINS);
  /** Levels of the inputs, a bit each. */
  #lines = 0;
  #select = 0;
  #id = 0;

  /**
   * @param sink takes its messages
   * @param routed told what its level-triggered pins send, whenever the guest has changed a pin that
   *   was or is one: the end of such an interrupt must be told by {@link endOfInterrupt}
   */
  constructor(
    sink: MessageSink,
    routed: (levelTriggered: readonly IoapicRoute[]) => void = () => {},
  ) {
    this.#sink = sink;
    this.#routed = routed;
  }

  /** One of its inputs. */
  line(pin: number): InterruptLine {
    const bit = 1 << pin;
    return {
      set: (level) => {
        const before = this.#lines;
        this.#lines = level ? before | bit : before & ~bit;
        if (this.#lines === before || !level) return;
        // An edge that comes while the pin is masked is lost (3.4.2); a level is seen later.
        this.#deliver(pin);
      },
    };
  }

  /** A local APIC says that a level-triggered interrupt has ended; it comes again if the line is up. */
  endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < IOAPIC_PINS; pin++) {
      const low = this.#low[pin]!;
      if ((low & LEVEL) === 0 || (low & REMOTE_IRR) === 0 || (low & VECTOR) !== vector) continue;
      this.#low[pin] = low & ~REMOTE_IRR;
      this.#deliverLevel(pin);
    }
  }

  read(offset: number, size: number): number {
    if (offset === SELECT) return this.#select;
    return offset === WINDOW && size === 4 ? this.#readRegister() : 0;
  }

  write(offset: number, size: number, value: number): number {
    if (offset === SELECT) this.#select = value & 0xff;
    else if (offset === WINDOW && size === 4) this.#writeRegister(value);
    else if (offset === EOI && size === 4) this.endOfInterrupt(value & VECTOR);
    return DONE;
  }

  #readRegister(): number {
    const pin = this.#select - TABLE >> 1;
    switch (this.#select) {
      case ID:
      case ARBITRATION:
        return this.#id;
      case VERSION:
        return VERSION_VALUE;
    }
    if (pin < 0 || pin >= IOAPIC_PINS) return 0;
    return (this.#select & 1) === 0 ? this.#low[pin]! : this.#high[pin]!;
  }

  #writeRegister(value: number): void {
    if (this.#select === ID) {
      this.#id = value & ID_BITS;
      return;
    }
    const pin = this.#select - TABLE >> 1;
    if (pin < 0 || pin >= IOAPIC_PINS) return;
    const before = this.#low[pin]!, highBefore = this.#high[pin]!;
    if ((this.#select & 1) === 0) {
      // An edge-triggered pin has no remote IRR; making a pin one is how old kernels clear it.
      const remote = (value & LEVEL) === 0 ? 0 : before & REMOTE_IRR;
      this.#low[pin] = value & LOW_WRITABLE | remote;
    } else {
      this.#high[pin] = value & HIGH_WRITABLE;
    }
    const changed = before !== this.#low[pin] || highBefore !== this.#high[pin];
    if (changed && ((before | this.#low[pin]!) & LEVEL) !== 0) this.#routed(this.#levelRoutes());
    this.#deliverLevel(pin);
  }

  #levelRoutes(): IoapicRoute[] {
    const routes: IoapicRoute[] = [];
    for (let pin = 0; pin < IOAPIC_PINS; pin++) {
      if ((this.#low[pin]! & LEVEL) === 0) continue;
      routes.push({ pin, address: this.#address(pin), data: this.#data(pin) });
    }
    return routes;
  }

  /** Sends again what a level that stands asks for. */
  #deliverLevel(pin: number): void {
    if ((this.#low[pin]! & LEVEL) !== 0 && (this.#lines & 1 << pin) !== 0) this.#deliver(pin);
  }

  #deliver(pin: number): void {
    const low = this.#low[pin]!;
    if ((low & (MASKED | REMOTE_IRR)) !== 0) return;
    if ((low & DELIVERY_MODE) === EXT_INT) return; // asks an 8259 for the vector, and there is none
    if ((low & LEVEL) !== 0) this.#low[pin] = low | REMOTE_IRR;
    this.#sink.send(this.#address(pin), 0, this.#data(pin));
  }

  #address(pin: number): number {
    const destination = this.#high[pin]! >>> 24 << DESTINATION_SHIFT;
    const logical = (this.#low[pin]! & LOGICAL) === 0 ? 0 : MESSAGE_LOGICAL;
    return LOCAL_APIC | destination | logical;
  }

  #data(pin: number): number {
    const low = this.#low[pin]!;
    const trigger = (low & LEVEL) === 0 ? 0 : MESSAGE_ASSERT | MESSAGE_LEVEL;
    return low & (VECTOR | DELIVERY_MODE) | trigger;
  }
}
