import { deepStrictEqual } from "node:assert";
import { rolesByCore } from "./tried_plan.ts";

Deno.test("rolesByCore() tells every role of a core once, guests first", () => {
  const plan = { housekeeping: [0], hypervisor: [0, 0, 1], sidecore: [], guest: [2, 3, 2] };
  deepStrictEqual(
    [...rolesByCore(plan)].map(([cpu, roles]) => [cpu, roles.map(({ words }) => words)]),
    [
      [2, ["vCPU 0", "vCPU 2"]],
      [3, ["vCPU 1"]],
      [0, ["hypervisor", "housekeeping"]],
      [1, ["hypervisor"]],
    ],
  );
});
