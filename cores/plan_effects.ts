/** What a core plan brings with it on a host: who gets in whose way, and how far things travel. */
import type { CorePlan, CoresInUse, PlanRequest } from "./core_plan.ts";
import { formatCpuList } from "./cpu_list.ts";
import type { HostCore, Topology } from "./topology.ts";

/** One thing that a plan brings with it. */
export interface PlanEffect {
  /** Whether it is for the better. */
  readonly good: boolean;
  /** For people, one line. */
  readonly text: string;
}

/** What stands around a plan. */
export interface PlanSurroundings {
  /** The plan that it replaces, of a machine that has memory already. */
  readonly before?: CorePlan;
  /** The hypervisor core of the plan that serves the machine; its first when absent. */
  readonly served?: number;
  /** Cores that other machines use. */
  readonly inUse?: CoresInUse;
  /** Names of machines that follow their hypervisor core. */
  readonly followers?: readonly string[];
  /** Names of machines whose own hypervisor cores poll on the same host core. */
  readonly beside?: readonly string[];
}

function cpusOf(cores: readonly HostCore[]): string {
  const cpus = [...new Set(cores.map(({ cpu }) => cpu))].sort((a, b) => a - b);
  return `${cpus.length === 1 ? "core" : "cores"} ${formatCpuList(cpus)}`;
}

function nodesOf(cores: readonly HostCore[]): number[] {
  return [...new Set(cores.map(({ node }) => node))].sort((a, b) => a - b);
}

function nodeWords(nodes: readonly number[]): string {
  return `${nodes.length === 1 ? "node" : "nodes"} ${nodes.join(", ")}`;
}

/** Those of `cores` that have an SMT sibling among `others`. */
function besideAny(cores: readonly HostCore[], others: readonly number[]): HostCore[] {
  return cores.filter(({ cpu, siblings }) =>
    siblings.some((sibling) => sibling !== cpu && others.includes(sibling))
  );
}

function repeated(cpus: readonly number[]): number[] {
  return [...new Set(cpus.filter((cpu, i) => cpus.indexOf(cpu) !== i))];
}

/**
 * What a plan brings with it.
 *
 * @param plan one that can be: see `checkPlan`
 * @returns the disadvantages first
 */
export function planEffects(
  topology: Topology,
  request: Pick<PlanRequest, "vcpus" | "placement">,
  plan: CorePlan,
  surroundings: PlanSurroundings = {},
): PlanEffect[] {
  const { before, inUse = { hypervisor: [], guest: [] }, followers = [], beside = [] } =
    surroundings;
  const byCpu = new Map(topology.cores.map((core) => [core.cpu, core]));
  const coresOf = (cpus: readonly number[]) => cpus.flatMap((cpu) => byCpu.get(cpu) ?? []);
  const guestCpus = plan.guest.slice(0, request.vcpus), guests = coresOf(guestCpus);
  const pollers = request.placement === "split" ? [...plan.hypervisor, ...plan.sidecore] : [];
  const costs: string[] = [], gains: string[] = [];

  const disturbed = besideAny(guests, [...pollers, ...inUse.hypervisor]);
  if (disturbed.length > 0) {
    costs.push(
      `guest ${cpusOf(disturbed)}: an SMT sibling polls, and takes execution units from the guest`,
    );
  }
  const paired = besideAny(guests, [...guestCpus, ...inUse.guest]);
  if (paired.length > 0) {
    costs.push(`guest ${cpusOf(paired)}: an SMT sibling runs another vCPU`);
  }
  const crowded = coresOf([
    ...repeated(guestCpus),
    ...guestCpus.filter((cpu) => inUse.guest.includes(cpu)),
  ]);
  if (crowded.length > 0) costs.push(`guest ${cpusOf(crowded)}: several vCPUs take turns`);

  const [hypervisor] = coresOf([surroundings.served ?? plan.hypervisor[0] ?? -1]);
  if (hypervisor && pollers.length > 0) {
    addDistances(hypervisor, guests, costs, gains);
    const house = coresOf(pollers.filter((cpu) => plan.housekeeping.includes(cpu)));
    if (house.length > 0) {
      costs.push(`hypervisor ${cpusOf(house)}: shared with housekeeping, so requests may wait`);
    }
    const shared = coresOf(repeated(plan.hypervisor));
    if (shared.length > 0) {
      costs.push(`hypervisor ${cpusOf(shared)}: several hypervisor cores take turns`);
    }
    if (beside.length > 0) {
      costs.push(
        `hypervisor core ${hypervisor.cpu}: takes turns with the hypervisor core of ${
          beside.join(", ")
        }`,
      );
    }
  }
  if (before) addMemory(coresOf(before.guest.slice(0, request.vcpus)), guests, costs);
  else if (nodesOf(guests).length > 1) {
    costs.push(`vCPUs lie on ${nodeWords(nodesOf(guests))}: part of the memory is far from each`);
  }
  if (followers.length > 0) {
    costs.push(
      `${followers.join(", ")}: served by the same hypervisor core, which takes them along`,
    );
  }
  const isolated = guests.filter((core) => core.isolated);
  if (isolated.length > 0) {
    gains.push(`guest ${cpusOf(isolated)}: isolated from the host's other work`);
  }
  return [
    ...costs.map((text) => ({ good: false, text })),
    ...gains.map((text) => ({ good: true, text })),
  ];
}

/** How far a request travels between guest cores and the hypervisor core that serves them. */
function addDistances(
  hypervisor: HostCore,
  guests: readonly HostCore[],
  costs: string[],
  gains: string[],
): void {
  const from = `hypervisor core ${hypervisor.cpu}`;
  const far = guests.filter(({ node }) => node !== hypervisor.node);
  const near = guests.filter(({ cpu }) => hypervisor.cacheGroup.includes(cpu));
  const between = guests.filter((core) => !far.includes(core) && !near.includes(core));
  if (far.length > 0) {
    costs.push(
      `guest ${cpusOf(far)}: on another NUMA node than ${from}; each request crosses over`,
    );
  }
  if (between.length > 0) {
    costs.push(`guest ${cpusOf(between)}: no cache in common with ${from}`);
  }
  if (near.length > 0) {
    gains.push(`guest ${cpusOf(near)}: last-level cache in common with ${from}`);
  }
}

/** Memory lies where it was touched first. */
function addMemory(
  before: readonly HostCore[],
  guests: readonly HostCore[],
  costs: string[],
): void {
  const there = nodesOf(before);
  const away = guests.filter(({ node }) => !there.includes(node));
  if (away.length > 0) {
    costs.push(`guest ${cpusOf(away)}: the memory in use stays on ${nodeWords(there)}, far away`);
  }
}
