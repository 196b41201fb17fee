/**
 * ACPI's fixed hardware (ACPI 6.5, 4.8.3): events, control, timer; no general-purpose events.
 *
 * Fixed hardware rather than the hardware-reduced kind: a Linux on hardware-reduced ACPI takes the
 * machine for one without PIT and 8259, and then has nothing to calibrate its timers with. The
 * registers here are about as many, and bring the power button and a timer along. The machine has
 * no other mode than ACPI, so there is no SMI to leave one (4.8.2.5).
 */
import { DONE } from "../../cores/outcome.ts";
import type { Device, InterruptLine, PowerSwitch } from "./device.ts";

/** Time for intervals. */
export interface SteadyClock {
  /** Nanoseconds since a moment of its own; never goes back. */
  nanoseconds(): number;
}

/** How many ports it has. */
export const PM_PORTS = 12;

/** PM1 status and, in the upper half, PM1 enable (4.8.3.1). */
export const PM1_EVENTS = 0;
/** PM1 control (4.8.3.2), in the lower half. */
export const PM1_CONTROL = 4;
/** The timer, 32 bits wide (4.8.3.3). */
export const PM_TIMER = 8;

/** Of an enable bit, above its status bit. */
const ENABLE_SHIFT = 16;
/** 4.8.3.1.1: pressed; each status bit is cleared by writing a one. */
const POWER_BUTTON = 1 << 8;
/** 4.8.3.1.2: timer carry, global lock, power button, sleep button, RTC; the button alone occurs. */
const ENABLE_BITS = (1 << 0 | 1 << 5 | POWER_BUTTON | 1 << 9 | 1 << 10) << ENABLE_SHIFT;

/** 4.8.3.2.1: the machine is in ACPI mode; always. */
const SCI_ENABLED = 1 << 0;
/** The bus master requests bit: kept, means nothing here. */
const BUS_MASTER = 1 << 1;
/** Which sleep state to enter; the DSDT says what the values mean. */
const SLEEP_TYPE_SHIFT = 10;
const SLEEP_TYPE = 7 << SLEEP_TYPE_SHIFT;
/** Enters it; reads as zero. */
const SLEEP = 1 << 13;
/** Sleep type of S5, soft off: for the DSDT. */
export const SLEEP_TYPE_S5 = 5;

/** 4.8.3.3: 3.579545 MHz. */
const TICKS_PER_NANOSECOND = 3.579545e-3;

/** A value's place in its word of 32 bits, for an access at an offset: in bits. */
function shiftOf(offset: number): number {
  return 8 * (offset & 3);
}

/** The bits of a word that an access covers; it ends with the word. */
function lanesOf(offset: number, size: number): number {
  return (size === 4 ? -1 : (1 << 8 * size) - 1) << shiftOf(offset);
}

/** See the head of this file. */
export class AcpiPm implements Device {
  readonly #power: PowerSwitch;
  readonly #sci: InterruptLine;
  readonly #clock: SteadyClock;
  #status = 0;
  /** Shifted up, as in its word. */
  #enable = 0;
  #control = 0;

  /** @param sci the system control interrupt, level-triggered */
  constructor(power: PowerSwitch, sci: InterruptLine, clock: SteadyClock) {
    this.#power = power;
    this.#sci = sci;
    this.#clock = clock;
  }

  /** Somebody pressed the power button: asks the guest to shut down. */
  pressPowerButton(): void {
    this.#status |= POWER_BUTTON;
    this.#signal();
  }

  /** @returns the value as a signed word */
  read(offset: number, _size: number): number {
    return this.#word(offset & ~3) >> shiftOf(offset);
  }

  write(offset: number, size: number, value: number): number {
    const lanes = lanesOf(offset, size);
    const bits = (value << shiftOf(offset)) & lanes;
    switch (offset & ~3) {
      case PM1_EVENTS:
        this.#status &= ~bits;
        this.#enable = (this.#enable & ~lanes | bits) & ENABLE_BITS;
        this.#signal();
        return DONE;
      case PM1_CONTROL:
        this.#control = (this.#control & ~lanes | bits) & (BUS_MASTER | SLEEP_TYPE);
        return (bits & SLEEP) !== 0 ? this.#sleep() : DONE;
      default:
        return DONE;
    }
  }

  #word(offset: number): number {
    switch (offset) {
      case PM1_EVENTS:
        return this.#status | this.#enable;
      case PM1_CONTROL:
        return this.#control | SCI_ENABLED;
      case PM_TIMER:
        return this.#clock.nanoseconds() * TICKS_PER_NANOSECOND | 0;
      default:
        return -1;
    }
  }

  /** The other states are not in the DSDT: nothing happens. */
  #sleep(): number {
    const type = (this.#control & SLEEP_TYPE) >>> SLEEP_TYPE_SHIFT;
    return type === SLEEP_TYPE_S5 ? this.#power.off(0) : DONE;
  }

  #signal(): void {
    this.#sci.set((this.#enable >>> ENABLE_SHIFT & this.#status) !== 0);
  }
}
