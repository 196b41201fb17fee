/** Another plan for a machine that runs, and what it means for the machines beside it. */
import {
  checkPlan,
  type CorePlan,
  type PlanRequest,
  type ServingCore,
  servingCore,
} from "../cores/core_plan.ts";
import type { Topology } from "../cores/topology.ts";
import { usageError } from "../errors.ts";

/** A machine and its plan. */
export interface Planned {
  readonly id: number;
  readonly name: string;
  readonly request: PlanRequest;
  readonly plan: CorePlan;
  /** Which hypervisor core serves it, the same for all whom it serves; what its plan says when absent. */
  readonly core?: string;
}

/** The place in a machine's plan of the hypervisor core that serves it; none under same-core placement. */
export function servedBy({ id, plan, request }: Planned): ServingCore | undefined {
  return servingCore(plan, id, request);
}

/** Which hypervisor core serves a machine, or will. */
function coreOf(machine: Planned): string | undefined {
  return machine.core ?? servedBy(machine)?.key;
}

/**
 * A machine's plan with another host core for the hypervisor core that serves it. Without overcommitment
 * no host core stands twice in a plan: one that did not serve it changes places.
 */
export function servedFrom(machine: Planned, cpu: number): CorePlan {
  const { at, cpu: left } = servedBy(machine)!;
  const { plan, request } = machine, there = plan.hypervisor.indexOf(cpu);
  const others = there < 0 || request.overcommit
    ? plan.hypervisor
    : plan.hypervisor.with(there, left);
  return { ...plan, hypervisor: others.with(at, cpu) };
}

function guestsOf({ plan, request }: Planned): number[] {
  return plan.guest.slice(0, request.vcpus);
}

function refuse(why: string): never {
  throw usageError("plan-impossible", `core plan refused: ${why}`);
}

/** Refuses that two hypervisor cores share a host core, unless all whom they serve allow it. */
function checkSharing(cpu: number, arriving: readonly Planned[], there: readonly Planned[]): void {
  const against = [...arriving, ...there].find(({ request }) => !request.overcommit);
  if (there.length === 0 || !against) return;
  refuse(
    `core ${cpu} is the hypervisor core of ${there[0]!.name} already, and ${against.name} ` +
      `was not made to share one: two on it need --overcommit`,
  );
}

/**
 * The plans of all when one gets another. Housekeeping is one for all machines. A hypervisor core
 * takes the machines that it serves along, because their devices live in it; for the same reason it
 * never becomes one with another hypervisor core: the two share the host core then.
 *
 * @param machine the one that moves
 * @param plan its new plan
 * @param others machines that run or will
 * @returns every machine whose plan changes, by its id
 * @throws SplitXError `plan-impossible` with the reason
 */
export function replanned(
  topology: Topology,
  machine: Planned,
  plan: CorePlan,
  others: readonly Planned[],
): Map<number, CorePlan> {
  const from = servedBy(machine)?.cpu, to = servedBy({ ...machine, plan })?.cpu;
  const core = coreOf(machine);
  const goesAlong = (other: Planned) => from !== to && coreOf(other) === core;
  const after = others.map((other) => ({
    ...other,
    plan: {
      ...goesAlong(other) ? servedFrom(other, to!) : other.plan,
      housekeeping: plan.housekeeping,
    },
  }));
  checkPlan(plan, topology, machine.request, {
    hypervisor: after.flatMap((other) => other.plan.hypervisor),
    guest: after.flatMap(guestsOf),
  });
  for (const other of after) {
    const taken = other.request.placement === "split"
      ? guestsOf(other).find((cpu) => plan.housekeeping.includes(cpu))
      : undefined;
    if (taken !== undefined) refuse(`core ${taken} is a guest core of ${other.name}`);
  }
  if (from !== to) {
    const there = others.filter((other) => !goesAlong(other) && servedBy(other)?.cpu === to);
    checkSharing(to!, [machine, ...others.filter(goesAlong)], there);
  }
  return new Map([...after, { ...machine, plan }].map((one) => [one.id, one.plan]));
}
