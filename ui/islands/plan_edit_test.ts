import { deepStrictEqual } from "node:assert";
import { type Plan, planAfter, planChanges } from "./plan_edit.ts";

const PLAN: Plan = { housekeeping: [0], hypervisor: [0], sidecore: [], guest: [1, 2] };

Deno.test("planAfter() moves a vCPU to a core that is free", () => {
  const moved = { vm: 1, role: "guest", cpu: 1, vcpu: 0 } as const;
  deepStrictEqual(planAfter(PLAN, moved, 3), { ...PLAN, guest: [3, 2] });
  deepStrictEqual(planChanges(PLAN, planAfter(PLAN, moved, 3)), ["vCPU 0: core 1 to 3"]);
});

Deno.test("planAfter() has a vCPU change places with the roles that it must not meet", () => {
  const moved = { vm: 1, role: "guest", cpu: 2, vcpu: 1 } as const;
  deepStrictEqual(planAfter(PLAN, moved, 0), {
    housekeeping: [2],
    hypervisor: [2],
    sidecore: [],
    guest: [1, 0],
  });
});

Deno.test("planAfter() has a hypervisor core change places with a vCPU, and leaves housekeeping", () => {
  const moved = { vm: 1, role: "hypervisor", cpu: 0 } as const;
  const after = planAfter(PLAN, moved, 1);
  deepStrictEqual(after, { housekeeping: [0], hypervisor: [1], sidecore: [], guest: [0, 2] });
  deepStrictEqual(planChanges(PLAN, after), ["vCPU 0: core 1 to 0", "hypervisor: core 0 to 1"]);
});

Deno.test("planAfter() leaves the plan that it is given as it is", () => {
  const before = structuredClone(PLAN);
  planAfter(PLAN, { vm: 1, role: "guest", cpu: 1, vcpu: 0 }, 0);
  deepStrictEqual(PLAN, before);
});
