/**
 * The core plan: which host core has which role. A planner that proposes one, and a check that
 * refuses what cannot be.
 */
import { z } from "zod";
import { usageError } from "../errors.ts";
import { formatCpuList } from "./cpu_list.ts";
import { type HostCore, type Topology, usableCores } from "./topology.ts";

const cpu = z.int().min(0).max(8191);

/** A plan as a file holds it. */
export const corePlanSchema = z.strictObject({
  /** Deno's main thread, V8's helpers, the API. */
  housekeeping: z.array(cpu).min(1),
  /** Poll exit rings and run handlers. */
  hypervisor: z.array(cpu),
  /** Poll device queues. */
  sidecore: z.array(cpu).default([]),
  /** One vCPU each: entry i runs vCPU i. */
  guest: z.array(cpu).min(1),
});

/** The assignment of host cores to roles for one machine. */
export type CorePlan = z.infer<typeof corePlanSchema>;

/** Where the handler of an exit runs. */
export type Placement = "same-core" | "split";

/** What a plan is for. */
export interface PlanRequest {
  readonly vcpus: number;
  readonly placement: Placement;
  /** Several vCPUs may share a guest core. */
  readonly overcommit: boolean;
}

/** How near a core is to another, 0 the nearest; an SMT sibling disturbs, so it comes last. */
function distance(from: HostCore, to: HostCore): number {
  if (from.siblings.includes(to.cpu)) return 8;
  return (from.cacheGroup.includes(to.cpu) ? 0 : 1) + (from.package === to.package ? 0 : 2) +
    (from.node === to.node ? 0 : 4);
}

/** First those that no core in use disturbs, then the isolated, then the nearest. */
function preference(core: HostCore, near: HostCore, used: readonly number[]): number[] {
  const disturbed = core.siblings.some((sibling) => used.includes(sibling));
  return [disturbed ? 1 : 0, core.isolated ? 0 : 1, distance(near, core), core.cpu];
}

function byPreference(near: HostCore, used: readonly number[]) {
  return (a: HostCore, b: HostCore) => {
    const left = preference(a, near, used), right = preference(b, near, used);
    for (let i = 0; i < left.length; i++) {
      if (left[i] !== right[i]) return left[i]! - right[i]!;
    }
    return 0;
  };
}

/**
 * Proposes a plan. Housekeeping takes the first core that is not isolated. The hypervisor has a core
 * of its own when the guests leave one; otherwise it shares housekeeping's. Guests take the rest, nearest to
 * their hypervisor core first and away from its SMT siblings.
 *
 * @param occupied guest cores of machines that run already
 * @throws SplitXError `plan-impossible` when the roles do not fit the cores
 */
export function planCores(
  topology: Topology,
  request: PlanRequest,
  occupied: readonly number[] = [],
): CorePlan {
  const taken = request.overcommit ? [] : occupied;
  const usable = usableCores(topology).filter((core) => !taken.includes(core.cpu));
  const house = usable.find((core) => !core.isolated) ?? usable[0];
  if (!house) throw usageError("plan-impossible", "no online core is inside this process's mask");
  const split = request.placement === "split";
  const needed = request.overcommit ? 1 : request.vcpus;
  let left = usable.filter((core) => core !== house).sort(byPreference(house, [house.cpu]));
  let hypervisor = house;
  if (split && left.length > needed) {
    hypervisor = left[0]!;
    left = left.slice(1).sort(byPreference(hypervisor, [house.cpu, hypervisor.cpu]));
  }
  // With a single core only the classical placement is possible, beside housekeeping.
  if (left.length === 0 && !split) left = [house];
  const guest = left.length === 0
    ? []
    : Array.from({ length: request.vcpus }, (_, i) => left[i % left.length]!.cpu);
  if (left.length < needed || guest.length === 0) {
    throw usageError("plan-impossible", tooFew(usable, request));
  }
  return {
    housekeeping: [house.cpu],
    hypervisor: split ? [hypervisor.cpu] : [],
    sidecore: [],
    guest,
  };
}

function tooFew(usable: readonly HostCore[], request: PlanRequest): string {
  const wanted = request.placement === "split"
    ? `${request.vcpus} guest and 1 hypervisor`
    : `${request.vcpus} guest`;
  return `more roles than cores: ${wanted} core(s) wanted, ${usable.length} usable (${
    formatCpuList(usable.map((core) => core.cpu))
  }); ask for fewer vCPUs or give --overcommit`;
}

/**
 * Refuses a plan that cannot be on this host.
 *
 * @param occupied guest cores of machines that run already
 * @throws SplitXError `plan-impossible` with the reason
 */
export function checkPlan(
  plan: CorePlan,
  topology: Topology,
  request: PlanRequest,
  occupied: readonly number[] = [],
): void {
  const refuse = (why: string) => {
    throw usageError("plan-impossible", `core plan refused: ${why}`);
  };
  const byCpu = new Map(topology.cores.map((core) => [core.cpu, core]));
  for (const role of ["housekeeping", "hypervisor", "sidecore", "guest"] as const) {
    for (const cpu of plan[role]) {
      const core = byCpu.get(cpu);
      if (!core) refuse(`${role} core ${cpu} does not exist on this host`);
      else if (!core.online) refuse(`${role} core ${cpu} is offline`);
      else if (!core.allowed) refuse(`${role} core ${cpu} is outside this process's CPU mask`);
    }
  }
  if (plan.guest.length < request.vcpus) {
    refuse(`${request.vcpus} vCPUs but ${plan.guest.length} guest core(s)`);
  }
  const guests = plan.guest.slice(0, request.vcpus);
  if (request.placement === "split") {
    const hypervisors = [...plan.hypervisor, ...plan.sidecore];
    if (plan.hypervisor.length === 0) refuse("split placement needs a hypervisor core");
    const both = guests.find((cpu) => hypervisors.includes(cpu));
    if (both !== undefined) refuse(`core ${both} is both a guest and a hypervisor core`);
    const house = guests.find((cpu) => plan.housekeeping.includes(cpu));
    if (house !== undefined) refuse(`core ${house} is both a guest and a housekeeping core`);
  }
  if (!request.overcommit) {
    const seen = new Set(occupied);
    for (const cpu of guests) {
      if (seen.has(cpu)) refuse(`two vCPUs on guest core ${cpu} need --overcommit`);
      seen.add(cpu);
    }
  }
}
