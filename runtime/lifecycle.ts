/** A machine's life: its states and the steps between them, in one place. */
import { runError } from "../errors.ts";

/** The steps that are allowed from each state. */
export const STEPS = Object.freeze(
  {
    created: ["running", "stopped", "failed"],
    running: ["paused", "stopped", "failed"],
    paused: ["running", "stopped", "failed"],
    stopped: [],
    failed: [],
  } as const,
);

/** A machine's state. */
export type VmState = keyof typeof STEPS;

/**
 * Takes a step.
 *
 * @throws SplitXError `bad-state` when the step is not allowed
 *
 * @example
 * ```ts
 * import { step } from "./lifecycle.ts";
 * import { strictEqual, throws } from "node:assert";
 * strictEqual(step("created", "running"), "running");
 * throws(() => step("stopped", "running"), /a stopped machine cannot become running/);
 * ```
 */
export function step(from: VmState, to: VmState): VmState {
  if ((STEPS[from] as readonly string[]).includes(to)) return to;
  throw runError("bad-state", `a ${from} machine cannot become ${to}`);
}
