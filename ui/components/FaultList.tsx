/** What went wrong in a machine: accesses and calls that nothing answers, and the exit that ended it. */
import type { Schemas } from "../../runtime/api/client.ts";
import { short } from "./format.ts";

const NAMES = {
  wildPorts: "wild ports",
  unmappedMemory: "unmapped memory",
  unknownCalls: "unknown calls",
  lostInterrupts: "lost interrupts",
} as const;

/** All kinds, those that did not happen included: nothing moves when one does. */
export function FaultList({ faults }: { readonly faults: Schemas["Faults"] }) {
  return (
    <ul class="faults" aria-label="Faults">
      {Object.entries(NAMES).map(([kind, name]) => {
        const count = faults[kind as keyof typeof NAMES];
        return <li key={kind} class={count > 0 ? "bad" : "quiet"}>{short(count)} {name}</li>;
      })}
    </ul>
  );
}

type Exit = NonNullable<NonNullable<Schemas["Vm"]["end"]>["lastExit"]>;

export function LastExit({ reason, address, rip, detail }: Exit) {
  return (
    <dl class="figures" aria-label="Last exit">
      <dt>last exit</dt>
      <dd>{reason}</dd>
      <dt>address</dt>
      <dd>{address}</dd>
      <dt>rip</dt>
      <dd>{rip}</dd>
      <dt>detail</dt>
      <dd>{detail}</dd>
    </dl>
  );
}
