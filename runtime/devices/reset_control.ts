/**
 * The reset control register of Intel's south bridges (ICH9 data sheet 13.7.5), on one port. It
 * lies inside PCI's address port, which answers accesses of four bytes only.
 */
import { DONE } from "../../cores/outcome.ts";
import { ByteDevice } from "./byte_device.ts";
import type { PowerSwitch } from "./device.ts";

/** How many ports it has. */
export const RESET_CONTROL_PORTS = 1;

/** A reset is to reach the whole system, not the processor alone. */
const SYSTEM_RESET = 1 << 1;
/** Resets now. */
const RESET = 1 << 2;
/** A reset is to take the power away for some seconds. */
const FULL_RESET = 1 << 3;

/** What one write resets with: the reset value of ACPI's FADT. */
export const RESET_VALUE = SYSTEM_RESET | RESET;

/** See the head of this file. */
export class ResetControl extends ByteDevice {
  readonly #power: PowerSwitch;
  #kind = 0;

  constructor(power: PowerSwitch) {
    super(RESET_CONTROL_PORTS);
    this.#power = power;
  }

  protected override readByte(): number {
    return this.#kind;
  }

  protected override writeByte(_register: number, value: number): number {
    this.#kind = value & (SYSTEM_RESET | FULL_RESET);
    return (value & RESET) !== 0 ? this.#power.reset() : DONE;
  }
}
