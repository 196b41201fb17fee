/** Another plan for a machine that runs, and what it means for the machines beside it. */
import { checkPlan, type CorePlan, type PlanRequest, servingCore } from "../cores/core_plan.ts";
import type { Topology } from "../cores/topology.ts";
import { usageError } from "../errors.ts";

/** A machine and its plan. */
export interface Planned {
  readonly id: number;
  readonly name: string;
  readonly request: PlanRequest;
  readonly plan: CorePlan;
}

function servedBy({ id, plan, request }: Planned): number | undefined {
  return servingCore(plan, id, request)?.cpu;
}

/** Whether its plan names a host core for several hypervisor cores. */
function sharesCore({ plan }: Planned): boolean {
  return new Set(plan.hypervisor).size < plan.hypervisor.length;
}

function guestsOf({ plan, request }: Planned): number[] {
  return plan.guest.slice(0, request.vcpus);
}

function refuse(why: string): never {
  throw usageError("plan-impossible", `core plan refused: ${why}`);
}

/**
 * The plans of all when one gets another. Housekeeping is one for all machines. A hypervisor core
 * takes the machines that it serves along, because their devices live in it; for the same reason it
 * cannot become one with another hypervisor core that serves machines. Those that share a host core
 * stay where they are.
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
  const from = servedBy(machine), to = servedBy({ ...machine, plan });
  if (from !== to && [machine, { ...machine, plan }, ...others].some(sharesCore)) {
    refuse("hypervisor cores that share a host core stay on it");
  }
  const along = (other: Planned): CorePlan => ({
    ...other.plan,
    housekeeping: plan.housekeeping,
    ...(from !== undefined && servedBy(other) === from
      ? { hypervisor: other.plan.hypervisor.map((cpu) => cpu === from ? to! : cpu) }
      : {}),
  });
  const after = others.map((other) => ({ ...other, plan: along(other) }));
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
  const inTheWay = from === to ? undefined : others.find((other) => servedBy(other) === to);
  if (inTheWay) {
    refuse(
      `core ${to} is the hypervisor core of ${inTheWay.name} already, and a machine's devices ` +
        `stay with the hypervisor core that serves them`,
    );
  }
  return new Map([...after, { ...machine, plan }].map((one) => [one.id, one.plan]));
}
