/** How a guest ends its machine: what it asked for, until the exit that asked is answered. */
import { POWER_OFF } from "../../cores/outcome.ts";
import type { PowerSwitch } from "./device.ts";

/** See the head of this file. */
export class Power implements PowerSwitch {
  /** The exit code, once the guest has powered off. */
  code = 0;

  off(code: number): number {
    this.code = code;
    return POWER_OFF;
  }

  reset(): number {
    return this.off(0);
  }
}
