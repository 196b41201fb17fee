/** What moving a role to another core makes of a machine's plan. */
import type { Schemas } from "../../runtime/api/client.ts";

export type Plan = Schemas["CorePlan"];

/** A role of one machine that a person can move. */
export interface MovableRole {
  readonly vm: number;
  readonly role: "guest" | "hypervisor" | "sidecore" | "housekeeping";
  /** The core where it is. */
  readonly cpu: number;
  /** Of a guest core. */
  readonly vcpu?: number;
}

const ROLES = ["guest", "hypervisor", "sidecore", "housekeeping"] as const;

/**
 * The plan after a move. Where the target core has a role of the same machine with which this one
 * must not share it, the two change places.
 */
export function planAfter(plan: Plan, moved: MovableRole, to: number): Plan {
  const from = moved.cpu;
  const changed = Object.fromEntries(
    ROLES.map((role) => [role, [...plan[role] ?? []]]),
  ) as Record<typeof ROLES[number], number[]>;
  const isGuest = moved.role === "guest";
  for (const role of ROLES) {
    const meets = isGuest !== (role === "guest");
    if (meets) changed[role] = changed[role].map((cpu) => cpu === to ? from : cpu);
  }
  if (isGuest) changed.guest[moved.vcpu!] = to;
  else changed[moved.role] = changed[moved.role].map((cpu) => cpu === from ? to : cpu);
  return changed;
}

/** What differs between two plans, in words: `vCPU 0: core 1 to 0`. */
export function planChanges(before: Plan, after: Plan): string[] {
  return ROLES.flatMap((role) =>
    (before[role] ?? []).flatMap((from, i) => {
      const to = after[role]![i]!;
      const name = role === "guest" ? `vCPU ${i}` : role;
      return from === to ? [] : [`${name}: core ${from} to ${to}`];
    })
  );
}
