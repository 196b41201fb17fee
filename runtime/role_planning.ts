/**
 * One host core more or less for the hypervisor: which plans that takes.
 *
 * A machine's devices live in the hypervisor core that serves it, so machines never change theirs.
 * What changes is where hypervisor cores poll: several of them can share a host core. One more takes a
 * hypervisor core out of such company, to a host core that is free; one less sends those of a host core
 * into the company of others.
 */
import { byPreference, type CorePlan } from "../cores/core_plan.ts";
import { type HostCore, type Topology, usableCores } from "../cores/topology.ts";
import { SplitXError } from "../errors.ts";
import { type Planned, replanned, servedBy, servedFrom } from "./replanning.ts";

/** A host core on which hypervisor cores poll. */
export interface PollingCore {
  /** Host core. */
  readonly cpu: number;
  /** Share of its time spent serving, 0 to 1. */
  readonly busy: number;
}

/** A plan that a machine is to get. */
export interface PlanChange {
  readonly machine: Planned;
  readonly plan: CorePlan;
}

/** What is to be done, one after the other, or why nothing can be. */
export type RolePlan = { readonly changes: readonly PlanChange[] } | { readonly refused: string };

/** What each hypervisor core spends serving, 0 to 1, by what {@link Planned} calls it. */
export type CoreLoads = ReadonlyMap<string, number>;

/** A hypervisor core that serves machines. */
interface ServingWorker {
  readonly core: string;
  readonly cpu: number;
  readonly busy: number;
  /** One of those that it serves; the others follow it. */
  readonly lead: Planned;
}

function workersOf(machines: readonly Planned[], loads: CoreLoads): ServingWorker[] {
  const workers = new Map<string, ServingWorker>();
  for (const lead of machines) {
    const serving = servedBy(lead);
    const { core } = lead;
    if (!serving || core === undefined || workers.has(core)) continue;
    workers.set(core, { core, cpu: serving.cpu, busy: loads.get(core) ?? 0, lead });
  }
  return [...workers.values()];
}

function byHostCore(workers: readonly ServingWorker[]): Map<number, ServingWorker[]> {
  return Map.groupBy(workers.toSorted((one, other) => one.cpu - other.cpu), ({ cpu }) => cpu);
}

function busyOf(workers: readonly ServingWorker[]): number {
  return Math.min(1, workers.reduce((sum, { busy }) => sum + busy, 0));
}

/** The host cores that poll for machines that run, by their numbers. */
export function pollingCores(machines: readonly Planned[], loads: CoreLoads): PollingCore[] {
  return [...byHostCore(workersOf(machines, loads))]
    .map(([cpu, workers]) => ({ cpu, busy: busyOf(workers) }));
}

/** The plans of all machines after a change; throws what is against it. */
function after(
  topology: Topology,
  machines: readonly Planned[],
  { machine, plan }: PlanChange,
): Planned[] {
  const others = machines.filter(({ id }) => id !== machine.id);
  const plans = replanned(topology, machine, plan, others);
  return machines.map((one) => ({ ...one, plan: plans.get(one.id)! }));
}

/** What makes a change impossible, in words. */
function reasonOf(error: unknown): string {
  if (error instanceof SplitXError) return error.message;
  throw error;
}

/** Cores on which no machine has a role, the best for a hypervisor core first. */
function freeCores(topology: Topology, machines: readonly Planned[], near: number): HostCore[] {
  const polling = machines.flatMap((machine) => {
    const { housekeeping, sidecore } = machine.plan, serving = servedBy(machine);
    return [...housekeeping, ...sidecore, ...serving ? [serving.cpu] : []];
  });
  const guest = machines.flatMap(({ plan, request }) => plan.guest.slice(0, request.vcpus));
  const inUse = { hypervisor: polling, guest };
  return usableCores(topology)
    .filter(({ cpu }) => !polling.includes(cpu) && !guest.includes(cpu))
    .sort(byPreference(topology.cores.find((core) => core.cpu === near)!, polling, inUse));
}

/**
 * One host core more: of the busiest host core that several hypervisor cores share, the busiest of
 * them moves to a free host core, near the guests that it serves.
 */
export function planAddition(
  topology: Topology,
  machines: readonly Planned[],
  loads: CoreLoads,
): RolePlan {
  const [crowd] = [...byHostCore(workersOf(machines, loads)).values()]
    .filter((workers) => workers.length > 1)
    .sort((one, other) => busyOf(other) - busyOf(one));
  if (!crowd) {
    return {
      refused: "no host core has several hypervisor cores, and machines stay with the one that " +
        "serves them",
    };
  }
  const { lead } = crowd.toSorted((one, other) => other.busy - one.busy)[0]!;
  const [free] = freeCores(topology, machines, lead.plan.guest[0]!);
  if (!free) return { refused: "every usable host core has a role already" };
  const change = { machine: lead, plan: servedFrom(lead, free.cpu) };
  try {
    after(topology, machines, change);
    return { changes: [change] };
  } catch (error) {
    return { refused: reasonOf(error) };
  }
}

/**
 * One host core less: the hypervisor cores of one move to another that polls, the least busy where
 * they can be.
 *
 * @param cpu the host core that is to poll no more
 */
export function planRemoval(
  topology: Topology,
  machines: readonly Planned[],
  loads: CoreLoads,
  cpu: number,
): RolePlan {
  const hosts = byHostCore(workersOf(machines, loads));
  const leaving = hosts.get(cpu) ?? [];
  const targets = [...hosts].filter(([target]) => target !== cpu)
    .sort(([, one], [, other]) => busyOf(one) - busyOf(other));
  let refused = "no other host core polls";
  for (const [at, [target]] of targets.entries()) {
    const changes: PlanChange[] = [];
    let now = machines;
    try {
      for (const { lead } of leaving) {
        const machine = now.find(({ id }) => id === lead.id)!;
        const change = { machine, plan: servedFrom(machine, target) };
        now = after(topology, now, change);
        changes.push(change);
      }
      return { changes };
    } catch (error) {
      const reason = reasonOf(error);
      if (at === 0) refused = reason;
    }
  }
  return { refused };
}
