/** A port that ends the machine: how test guests say how they went. */
import type { Device, PowerSwitch } from "./device.ts";

/** How many ports it has. */
export const DEBUG_EXIT_PORTS = 4;

/** Nothing is there to read: the lines float high. */
const FLOATING = -1;

/** The exit code of a guest that wrote `code`, as QEMU's isa-debug-exit has it: never zero. */
function exitCode(code: number): number {
  return (code << 1 | 1) & 0xff;
}

/** See the head of this file. */
export class DebugExit implements Device {
  readonly #power: PowerSwitch;

  constructor(power: PowerSwitch) {
    this.#power = power;
  }

  read(): number {
    return FLOATING;
  }

  write(_offset: number, _size: number, value: number): number {
    return this.#power.off(exitCode(value));
  }
}
