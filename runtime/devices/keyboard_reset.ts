/**
 * The command port of a PC's keyboard controller, without a keyboard: of its commands only the one
 * that resets the machine is left. A driver that looks for a controller reads a status with every
 * bit set, takes it for an output buffer that never empties, and finds none.
 */
import { DONE } from "../../cores/outcome.ts";
import { ByteDevice } from "./byte_device.ts";
import type { PowerSwitch } from "./device.ts";

/** How many ports it has. */
export const KEYBOARD_RESET_PORTS = 1;

/** Pulses the line that resets the processor. */
const PULSE_RESET = 0xfe;
const NO_CONTROLLER = 0xff;

/** See the head of this file. */
export class KeyboardReset extends ByteDevice {
  readonly #power: PowerSwitch;

  constructor(power: PowerSwitch) {
    super(KEYBOARD_RESET_PORTS);
    this.#power = power;
  }

  protected override readByte(): number {
    return NO_CONTROLLER;
  }

  protected override writeByte(_register: number, value: number): number {
    return value === PULSE_RESET ? this.#power.reset() : DONE;
  }
}
