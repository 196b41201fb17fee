import { ok, strictEqual, throws } from "node:assert";
import { SplitXError } from "../errors.ts";
import { step, STEPS, type VmState } from "./lifecycle.ts";

const states = Object.keys(STEPS) as VmState[];

/** Written once more on purpose: a step that is added or lost shows here. */
const allowed = new Set([
  "created running",
  "created stopped",
  "created failed",
  "running paused",
  "running stopped",
  "running failed",
  "paused running",
  "paused stopped",
  "paused failed",
]);

Deno.test("step() takes the steps of a machine's life and refuses every other one", () => {
  for (const from of states) {
    for (const to of states) {
      if (allowed.has(`${from} ${to}`)) {
        strictEqual(step(from, to), to);
      } else {
        throws(() => step(from, to), (error: unknown) => {
          ok(error instanceof SplitXError);
          strictEqual(error.code, "bad-state");
          strictEqual(error.exitCode, 1);
          strictEqual(error.message, `a ${from} machine cannot become ${to}`);
          return true;
        });
      }
    }
  }
});

Deno.test("STEPS lead from every state to an end, and nowhere from an end", () => {
  for (const state of states) {
    const next = STEPS[state];
    if (state === "stopped" || state === "failed") strictEqual(next.length, 0);
    else ok(["stopped", "failed"].every((end) => (next as readonly string[]).includes(end)));
  }
});
