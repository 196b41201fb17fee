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
  /** Poll exit rings and run handlers; one that is named twice is two that share a host core. */
  hypervisor: z.array(cpu),
  /** Poll device queues. */
  sidecore: z.array(cpu).default([]),
  /** One vCPU each: entry i runs vCPU i. */
  guest: z.array(cpu).min(1),
});

/** The assignment of host cores to roles for one machine. */
export type CorePlan = z.infer<typeof corePlanSchema>;
/** A plan as it is written down. */
export type CorePlanInput = z.input<typeof corePlanSchema>;

/** Where the handler of an exit runs. */
export type Placement = "same-core" | "split";

/** What a plan is for. */
export interface PlanRequest {
  readonly vcpus: number;
  readonly placement: Placement;
  /** Several vCPUs may share a guest core, and several hypervisor cores a host core. */
  readonly overcommit: boolean;
  /** Hypervisor cores, one when absent; machines with one plan take turns on them. */
  readonly hypervisors?: number;
}

/** The hypervisor core of a plan that serves a machine. */
export interface ServingCore {
  /** Its place in the plan. */
  readonly at: number;
  /** Host core. */
  readonly cpu: number;
  /** The same for each plan that means the same core: the host core, and which one on it. */
  readonly key: string;
}

/**
 * Which core of its plan serves a machine: they take turns by its number. Under same-core placement
 * there is none.
 *
 * @param id of the machine
 */
export function servingCore(
  { hypervisor }: CorePlan,
  id: number,
  { placement }: Pick<PlanRequest, "placement">,
): ServingCore | undefined {
  if (placement === "same-core") return undefined;
  const at = id % hypervisor.length, cpu = hypervisor[at]!;
  const before = hypervisor.slice(0, at).filter((core) => core === cpu).length;
  return { at, cpu, key: `${cpu}.${before}` };
}

/** Cores that machines use which run already. */
export type CoresInUse = Pick<CorePlan, "hypervisor" | "guest">;

const NO_CORES: CoresInUse = { hypervisor: [], guest: [] };

/** How near a core is to another, 0 the nearest; an SMT sibling disturbs, so it comes last. */
function distance(from: HostCore, to: HostCore): number {
  if (from.siblings.includes(to.cpu)) return 8;
  return (from.cacheGroup.includes(to.cpu) ? 0 : 1) + (from.package === to.package ? 0 : 2) +
    (from.node === to.node ? 0 : 4);
}

/** First those without a guest, then those that no polling core disturbs, the isolated, the nearest. */
function preference(
  core: HostCore,
  near: HostCore,
  polling: readonly number[],
  inUse: CoresInUse,
): number[] {
  const taken = inUse.guest.includes(core.cpu);
  const disturbed = core.siblings.some((sibling) => polling.includes(sibling));
  return [
    taken ? 1 : 0,
    disturbed ? 1 : 0,
    core.isolated ? 0 : 1,
    distance(near, core),
    core.cpu,
  ];
}

/**
 * Orders cores for a role, the best first.
 *
 * @param near what it works with
 * @param polling cores that poll, whose SMT siblings are disturbed
 */
export function byPreference(
  near: HostCore,
  polling: readonly number[],
  inUse: CoresInUse,
): (a: HostCore, b: HostCore) => number {
  return (a: HostCore, b: HostCore) => {
    const left = preference(a, near, polling, inUse);
    const right = preference(b, near, polling, inUse);
    for (let i = 0; i < left.length; i++) {
      if (left[i] !== right[i]) return left[i]! - right[i]!;
    }
    return 0;
  };
}

/**
 * Proposes a plan. Housekeeping takes the first core that is not isolated. Hypervisor cores are those
 * that poll already, else cores of their own when the guests leave some, else housekeeping's. Guests
 * take the rest, nearest to the first hypervisor core first and away from SMT siblings of those that
 * poll.
 *
 * @throws SplitXError `plan-impossible` when the roles do not fit the cores
 */
export function planCores(
  topology: Topology,
  request: PlanRequest,
  inUse: CoresInUse = NO_CORES,
): CorePlan {
  const usable = usableCores(topology);
  const quiet = usable.filter((core) => !inUse.guest.includes(core.cpu));
  const house = quiet.find((core) => !core.isolated) ?? quiet[0] ?? usable[0];
  if (!house) throw usageError("plan-impossible", "no online core is inside this process's mask");
  const split = request.placement === "split";
  const needed = request.overcommit ? 1 : request.vcpus;
  let left = (request.overcommit ? usable : quiet)
    .filter((core) => core !== house && !inUse.hypervisor.includes(core.cpu))
    .sort(byPreference(house, [house.cpu], inUse));
  const wanted = split ? request.hypervisors ?? 1 : 0;
  const hypervisors = usable.filter((core) => inUse.hypervisor.includes(core.cpu)).slice(0, wanted);
  while (hypervisors.length < wanted && left.length > needed) {
    const next = left.find((core) => quiet.includes(core));
    if (!next) break;
    hypervisors.push(next);
    left = left.filter((core) => core !== next);
  }
  if (split && hypervisors.length === 0) hypervisors.push(house);
  if (hypervisors.length < wanted && !request.overcommit) {
    throw usageError("plan-impossible", tooFew(usable, request, inUse));
  }
  if (split) {
    const polling = [house, ...hypervisors].map((core) => core.cpu);
    left.sort(byPreference(hypervisors[0]!, polling, inUse));
  }
  // With a single core only the classical placement is possible, beside housekeeping.
  if (usable.length === 1 && !split && (request.overcommit || quiet.length === 1)) left = [house];
  const guest = left.length === 0
    ? []
    : Array.from({ length: request.vcpus }, (_, i) => left[i % left.length]!.cpu);
  if (left.length < needed || guest.length === 0) {
    throw usageError("plan-impossible", tooFew(usable, request, inUse));
  }
  return {
    housekeeping: [house.cpu],
    hypervisor: Array.from(
      { length: wanted },
      (_, i) => hypervisors[i % hypervisors.length]!.cpu,
    ),
    sidecore: [],
    guest,
  };
}

function tooFew(usable: readonly HostCore[], request: PlanRequest, inUse: CoresInUse): string {
  const wanted = request.placement === "split"
    ? `${request.vcpus} guest and ${request.hypervisors ?? 1} hypervisor`
    : `${request.vcpus} guest`;
  const cpus = usable.map((core) => core.cpu);
  const busy = cpus.filter((cpu) => inUse.guest.includes(cpu));
  const taken = busy.length > 0 ? `, ${formatCpuList(busy)} taken by machines that run` : "";
  return `more roles than cores: ${wanted} core(s) wanted, ${usable.length} usable (${
    formatCpuList(cpus)
  }${taken}); ask for fewer vCPUs or give --overcommit`;
}

/**
 * Refuses a plan that cannot be on this host, or not beside the machines that run.
 *
 * @throws SplitXError `plan-impossible` with the reason
 */
export function checkPlan(
  plan: CorePlan,
  topology: Topology,
  request: PlanRequest,
  inUse: CoresInUse = NO_CORES,
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
  const polling = guests.find((cpu) => inUse.hypervisor.includes(cpu));
  if (polling !== undefined) refuse(`core ${polling} is another machine's hypervisor core`);
  if (request.placement === "split") {
    const hypervisors = [...plan.hypervisor, ...plan.sidecore];
    if (plan.hypervisor.length === 0) refuse("split placement needs a hypervisor core");
    const both = guests.find((cpu) => hypervisors.includes(cpu));
    if (both !== undefined) refuse(`core ${both} is both a guest and a hypervisor core`);
    const house = guests.find((cpu) => plan.housekeeping.includes(cpu));
    if (house !== undefined) refuse(`core ${house} is both a guest and a housekeeping core`);
    const theirs = [...hypervisors, ...plan.housekeeping].find((cpu) => inUse.guest.includes(cpu));
    if (theirs !== undefined) refuse(`core ${theirs} is another machine's guest core`);
  }
  if (!request.overcommit) {
    const twice = plan.hypervisor.find((cpu, i) => plan.hypervisor.indexOf(cpu) !== i);
    if (twice !== undefined) refuse(`two hypervisor cores on core ${twice} need --overcommit`);
    const seen = new Set(inUse.guest);
    for (const cpu of guests) {
      if (seen.has(cpu)) refuse(`two vCPUs on guest core ${cpu} need --overcommit`);
      seen.add(cpu);
    }
  }
}
