import { deepStrictEqual } from "node:assert";
import fc from "fast-check";
import { type CorePlan, planCores } from "./core_plan.ts";
import { planEffects, type PlanSurroundings } from "./plan_effects.ts";
import { simulatedTopologySchema, simulateTopology } from "./simulated_topology.ts";

/** Two nodes of four physical cores, each with two threads: core n and n + 8. A cache for each two. */
const HOST = simulateTopology(simulatedTopologySchema.parse({
  cores: Array.from({ length: 16 }, (_, cpu) => ({
    cpu,
    core: cpu % 8,
    package: (cpu % 8) >> 2,
    node: (cpu % 8) >> 2,
    cache: (cpu % 8) >> 1,
    isolated: cpu === 3,
  })),
}));

function plan(housekeeping: number[], hypervisor: number[], guest: number[]): CorePlan {
  return { housekeeping, hypervisor, sidecore: [], guest };
}

function effects(
  plan: CorePlan,
  around: PlanSurroundings = {},
  placement: "split" | "same-core" = "split",
): string[] {
  return planEffects(HOST, { vcpus: plan.guest.length, placement }, plan, around)
    .map(({ good, text }) => `${good ? "+" : "-"} ${text}`);
}

Deno.test("planEffects() of a plan in one cache has nothing against it", () => {
  deepStrictEqual(effects(plan([4], [0], [1])), [
    "+ guest core 1: last-level cache in common with hypervisor core 0",
  ]);
});

Deno.test("planEffects() tells SMT siblings that poll, and those that run vCPUs", () => {
  deepStrictEqual(effects(plan([4], [0], [8, 1, 9])), [
    "- guest core 8: an SMT sibling polls, and takes execution units from the guest",
    "- guest cores 1,9: an SMT sibling runs another vCPU",
    "+ guest cores 1,8-9: last-level cache in common with hypervisor core 0",
  ]);
  deepStrictEqual(
    effects(plan([4], [], [9]), { inUse: { hypervisor: [1], guest: [] } }, "same-core"),
    [
      "- guest core 9: an SMT sibling polls, and takes execution units from the guest",
    ],
  );
});

Deno.test("planEffects() tells how far the hypervisor core is", () => {
  deepStrictEqual(effects(plan([4], [0], [1, 2, 5])), [
    "- guest core 5: on another NUMA node than hypervisor core 0; each request crosses over",
    "- guest core 2: no cache in common with hypervisor core 0",
    "- vCPUs lie on nodes 0, 1: part of the memory is far from each",
    "+ guest core 1: last-level cache in common with hypervisor core 0",
  ]);
  deepStrictEqual(effects(plan([4], [7, 0], [1]), { served: 0 }), effects(plan([4], [0, 7], [1])));
});

Deno.test("planEffects() tells that memory stays when a vCPU leaves its node", () => {
  deepStrictEqual(effects(plan([4], [6], [7]), { before: plan([4], [0], [1]) }), [
    "- guest core 7: the memory in use stays on node 0, far away",
    "+ guest core 7: last-level cache in common with hypervisor core 6",
  ]);
});

Deno.test("planEffects() tells who takes turns, who goes along and what is isolated", () => {
  const around = {
    inUse: { hypervisor: [], guest: [3] },
    followers: ["two", "three"],
    beside: ["four"],
  };
  deepStrictEqual(effects(plan([2], [2, 2], [3, 3]), around), [
    "- guest core 3: several vCPUs take turns",
    "- hypervisor core 2: shared with housekeeping, so requests may wait",
    "- hypervisor core 2: several hypervisor cores take turns",
    "- hypervisor core 2: takes turns with the hypervisor core of four",
    "- two, three: served by the same hypervisor core, which takes them along",
    "+ guest core 3: last-level cache in common with hypervisor core 2",
    "+ guest core 3: isolated from the host's other work",
  ]);
});

Deno.test("planEffects() finds no disturbed vCPU in a plan that the planner made with room to spare", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 3 }),
    fc.constantFrom("split", "same-core"),
    (vcpus, placement) => {
      const plan = planCores(HOST, { vcpus, placement, overcommit: false });
      const bad = planEffects(HOST, { vcpus, placement }, plan)
        .filter(({ text }) => /polls|take turns|NUMA/.test(text));
      deepStrictEqual(bad, []);
    },
  ));
});
