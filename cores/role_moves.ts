/**
 * From one core plan to another while the machine runs: which roles move, and in which order, so
 * that no two roles that must not share a core ever do.
 */
import type { CorePlan, Placement } from "./core_plan.ts";

/** A role that changes its cores. */
export interface RoleMove {
  /** What the cores are for. */
  readonly role: "housekeeping" | "hypervisor" | "guest";
  /** Number of the vCPU, of a guest core. */
  readonly vcpu?: number;
  /** The cores that it leaves. */
  readonly from: readonly number[];
  /** The cores that it has then. */
  readonly to: readonly number[];
}

/** One step on the way. A held vCPU uses no core; its own move ends the hold. */
export type Step = { readonly hold: number } | RoleMove;

/** Where the roles of one machine are. */
export interface RolePlaces {
  readonly housekeeping: readonly number[];
  /** The core that serves the machine; none under same-core placement. */
  readonly hypervisor: readonly number[];
  /** One for each vCPU. */
  readonly guest: readonly number[];
}

/** What may share a core. */
export interface Sharing {
  readonly placement: Placement;
  /** Several vCPUs may share a guest core. */
  readonly overcommit: boolean;
}

/** The roles of a machine's plan. `served` is the core of its plan that serves it. */
export function rolePlaces(plan: CorePlan, vcpus: number, served: number | undefined): RolePlaces {
  return {
    housekeeping: plan.housekeeping,
    hypervisor: served === undefined ? [] : [served],
    guest: plan.guest.slice(0, vcpus),
  };
}

/** Whether both have the same cores, however often a plan names one. */
function same(left: readonly number[], right: readonly number[]): boolean {
  return left.every((cpu) => right.includes(cpu)) && right.every((cpu) => left.includes(cpu));
}

function changed(move: RoleMove): boolean {
  return !same(move.from, move.to);
}

function rolesOf(from: RolePlaces, to: RolePlaces): RoleMove[] {
  return [
    { role: "hypervisor", from: from.hypervisor, to: to.hypervisor },
    { role: "housekeeping", from: from.housekeeping, to: to.housekeeping },
    ...from.guest.map((cpu, vcpu): RoleMove => ({
      role: "guest",
      vcpu,
      from: [cpu],
      to: [to.guest[vcpu]!],
    })),
  ];
}

/** Whether two roles of a machine must not share a core. */
function excludes({ placement, overcommit }: Sharing, one: RoleMove, other: RoleMove): boolean {
  if (one.role === "guest" && other.role === "guest") return !overcommit;
  if (one.role !== "guest" && other.role !== "guest") return false;
  return placement === "split";
}

/**
 * The steps from one plan to another. A role moves when its new cores are free of what it must not
 * share them with; where all wait for each other, as in a swap, a vCPU is held, which frees its core.
 *
 * @param from where the roles are; no two share a core that must not
 * @param to where they will be; likewise
 * @returns nothing when nothing moves
 */
export function moveSteps(from: RolePlaces, to: RolePlaces, sharing: Sharing): Step[] {
  const roles = rolesOf(from, to);
  const waiting = new Set(roles.filter(changed)), held = new Set<RoleMove>();
  const cores = (role: RoleMove) => held.has(role) ? [] : waiting.has(role) ? role.from : role.to;
  const free = (move: RoleMove) =>
    roles.every((other) =>
      other === move || !excludes(sharing, move, other) ||
      !cores(other).some((cpu) => move.to.includes(cpu))
    );
  const steps: Step[] = [];
  while (waiting.size > 0) {
    const next = [...waiting].find(free);
    if (next) {
      waiting.delete(next);
      held.delete(next);
      steps.push(next);
      continue;
    }
    const stuck = [...waiting].find((move) => move.role === "guest" && !held.has(move));
    if (!stuck) throw new TypeError("two roles share a core in a plan that was checked");
    held.add(stuck);
    steps.push({ hold: stuck.vcpu! });
  }
  return steps;
}
