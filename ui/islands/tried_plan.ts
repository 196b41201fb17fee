/** A plan that is only tried: the form sets it, the map shows it, nothing runs by it. */
import { signal } from "@preact/signals";
import type { Plan } from "./plan_edit.ts";

/** What is tried now. */
export const triedPlan = signal<Plan | undefined>(undefined);

/** A role that a core would have. */
export interface TriedRole {
  readonly role: "housekeeping" | "hypervisor" | "sidecore" | "guest";
  /** For people. */
  readonly words: string;
}

/** What each core of a plan would do, by its number. */
export function rolesByCore(plan: Plan): Map<number, TriedRole[]> {
  const roles = new Map<number, TriedRole[]>();
  const add = (cpu: number, role: TriedRole) => {
    const there = roles.get(cpu) ?? [];
    if (there.some(({ words }) => words === role.words)) return;
    roles.set(cpu, [...there, role]);
  };
  for (const [vcpu, cpu] of plan.guest.entries()) {
    add(cpu, { role: "guest", words: `vCPU ${vcpu}` });
  }
  for (const role of ["hypervisor", "sidecore", "housekeeping"] as const) {
    for (const cpu of plan[role] ?? []) add(cpu, { role, words: role });
  }
  return roles;
}
