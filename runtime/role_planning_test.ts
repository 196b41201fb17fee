import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { checkPlan, type CorePlan, planCores, type PlanRequest } from "../cores/core_plan.ts";
import { simulatedTopologySchema, simulateTopology } from "../cores/simulated_topology.ts";
import { type Topology, usableCores } from "../cores/topology.ts";
import { SplitXError } from "../errors.ts";
import { type Planned, replanned, servedBy } from "./replanning.ts";
import { planAddition, planRemoval, pollingCores, type RolePlan } from "./role_planning.ts";

/** A host of so many CPUs; with SMT the halves are siblings, and each package is a node. */
function hostOf(cores: number, packages = 1, smt = false): Topology {
  const physical = smt ? Math.ceil(cores / 2) : cores;
  return simulateTopology(simulatedTopologySchema.parse({
    cores: Array.from({ length: cores }, (_, cpu) => {
      const core = cpu % physical, at = Math.floor(core * packages / physical);
      return { cpu, core, package: at, node: at, cache: core >> 3 };
    }),
  }));
}

function machine(id: number, core: string, hypervisor: number[], guest: number[]): Planned {
  return {
    id,
    name: `machine ${id}`,
    request: { vcpus: guest.length, placement: "split", overcommit: true },
    plan: { housekeeping: [0], hypervisor, sidecore: [], guest },
    core,
  };
}

/** What the machines have after a plan was carried out. */
function carriedOut(topology: Topology, machines: readonly Planned[], plan: RolePlan): Planned[] {
  if ("refused" in plan) return [...machines];
  let now = [...machines];
  for (const { machine: { id }, plan: next } of plan.changes) {
    const one = now.find((machine) => machine.id === id)!;
    const plans = replanned(topology, one, next, now.filter((other) => other !== one));
    now = now.map((machine) => ({ ...machine, plan: plans.get(machine.id)! }));
  }
  return now;
}

function reason(plan: RolePlan): string {
  return "refused" in plan ? plan.refused : "";
}

Deno.test("planAddition() takes the busiest hypervisor core out of the busiest company", () => {
  const topology = hostOf(8);
  const machines = [
    machine(2, "1.0", [1, 1], [2]),
    machine(3, "1.1", [1, 1], [3]),
    machine(5, "1.1", [1, 1], [4]),
  ];
  const loads = new Map([["1.0", 0.3], ["1.1", 0.6]]);
  const after = carriedOut(topology, machines, planAddition(topology, machines, loads));
  deepStrictEqual(after.map(({ plan }) => plan.hypervisor), [[1, 1], [1, 5], [1, 5]]);
  deepStrictEqual(pollingCores(after, loads), [{ cpu: 1, busy: 0.3 }, { cpu: 5, busy: 0.6 }]);
});

Deno.test("planAddition() says why it cannot be", () => {
  const alone = [machine(1, "1.0", [1], [2])];
  match(reason(planAddition(hostOf(8), alone, new Map())), /^no host core has several/);
  const together = [machine(2, "0.0", [0, 0], [1]), machine(3, "0.1", [0, 0], [1])];
  match(reason(planAddition(hostOf(2), together, new Map())), /^every usable host core has a role/);
});

Deno.test("planRemoval() sends hypervisor cores to the least busy host core that takes them", () => {
  const topology = hostOf(16);
  const machines = [
    machine(1, "1.0", [1], [6]),
    machine(2, "2.0", [2], [7]),
    machine(3, "3.0", [3], [8]),
    machine(4, "3.1", [3, 3], [9]),
  ];
  const loads = new Map([["1.0", 0.5], ["2.0", 0.2], ["3.0", 0.1], ["3.1", 0.05]]);
  const plan = planRemoval(topology, machines, loads, 3);
  const after = carriedOut(topology, machines, plan);
  deepStrictEqual(after.map((one) => servedBy(one)!.cpu), [1, 2, 2, 2]);
  const strict = machines.map((one) =>
    one.id === 2 ? { ...one, request: { ...one.request, overcommit: false } } : one
  );
  const other = planRemoval(topology, strict, loads, 3);
  deepStrictEqual(
    carriedOut(topology, strict, other).map((one) => servedBy(one)!.cpu),
    [1, 2, 1, 1],
  );
});

Deno.test("planRemoval() leaves machines alone that were not made to share", () => {
  const machines = [machine(1, "1.0", [1], [6]), machine(2, "2.0", [2], [7])]
    .map((one) => ({ ...one, request: { ...one.request, overcommit: false } }));
  match(
    reason(planRemoval(hostOf(8), machines, new Map(), 2)),
    /core 1 is the hypervisor core of machine 1 already, .*need --overcommit/,
  );
});

/** Machines that a planner puts on a host one after the other, as many as can be beside each other. */
function filled(topology: Topology, requests: readonly PlanRequest[]): Planned[] {
  const machines: Planned[] = [];
  for (const [i, request] of requests.entries()) {
    const id = i + 1;
    let plan: CorePlan;
    try {
      plan = planCores(topology, request, {
        hypervisor: machines.flatMap((one) => one.plan.hypervisor),
        guest: machines.flatMap((one) => one.plan.guest),
      });
    } catch (error) {
      ok(error instanceof SplitXError);
      continue;
    }
    const one = { id, name: `machine ${id}`, request, plan };
    const core = servedBy(one)?.key;
    machines.push({ ...one, ...core === undefined ? {} : { core } });
    // One that shares a guest core may have come to a machine that does not.
    if (!canBe(topology, machines)) machines.pop();
  }
  return machines;
}

function canBe(topology: Topology, machines: readonly Planned[]): boolean {
  try {
    checkAll(topology, machines);
    return true;
  } catch (error) {
    ok(error instanceof SplitXError);
    return false;
  }
}

/** Every plan can be beside the others, and whoever has one hypervisor core finds it in one place. */
function checkAll(topology: Topology, machines: readonly Planned[]): void {
  const places = new Map<string, number>();
  for (const one of machines) {
    const others = machines.filter((other) => other !== one);
    checkPlan(one.plan, topology, one.request, {
      hypervisor: others.flatMap(({ plan }) => plan.hypervisor),
      guest: others.flatMap(({ plan, request }) => plan.guest.slice(0, request.vcpus)),
    });
    if (one.core === undefined) continue;
    const { cpu } = servedBy(one)!;
    strictEqual(places.get(one.core) ?? cpu, cpu);
    places.set(one.core, cpu);
  }
}

const request = fc.record<PlanRequest>({
  vcpus: fc.integer({ min: 1, max: 8 }),
  placement: fc.constantFrom("split", "split", "split", "same-core"),
  overcommit: fc.boolean(),
  hypervisors: fc.integer({ min: 1, max: 6 }),
});

Deno.test("on up to 256 cores each decision changes the number of host cores by one, or says why not", () => {
  let additions = 0, removals = 0;
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 256 }),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      fc.array(request, { minLength: 1, maxLength: 24 }),
      fc.array(
        fc.record({
          add: fc.boolean(),
          loads: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        }),
        {
          maxLength: 12,
        },
      ),
      (cores, packages, smt, requests, decisions) => {
        const topology = hostOf(cores, packages, smt);
        let machines = filled(topology, requests);
        checkAll(topology, machines);
        for (const { add, loads: stream } of decisions) {
          const keys = new Set(machines.flatMap(({ core }) => core ?? []));
          const loads = new Map([...keys].map((key) => [key, stream.next().value!]));
          const before = pollingCores(machines, loads);
          if (before.length === 0 || !add && before.length === 1) continue;
          const leaving = before.toSorted((a, b) => a.busy - b.busy)[0]!.cpu;
          const plan = add
            ? planAddition(topology, machines, loads)
            : planRemoval(topology, machines, loads, leaving);
          const after = carriedOut(topology, machines, plan);
          checkAll(topology, after);
          for (const [i, one] of after.entries()) {
            deepStrictEqual(one.plan.guest, machines[i]!.plan.guest);
            deepStrictEqual(one.plan.housekeeping, machines[i]!.plan.housekeeping);
          }
          const now = pollingCores(after, loads);
          if ("refused" in plan) {
            ok(plan.refused.length > 0);
            const used = new Set(machines.flatMap((one) => [
              ...one.plan.housekeeping,
              ...one.plan.guest,
              ...one.core === undefined ? [] : [servedBy(one)!.cpu],
            ]));
            if (add) ok(keys.size === before.length || used.size === usableCores(topology).length);
            else ok(machines.some((one) => !one.request.overcommit));
          } else if (add) {
            additions++;
            strictEqual(now.length, before.length + 1);
          } else {
            removals++;
            strictEqual(now.length, before.length - 1);
            ok(now.every(({ cpu }) => cpu !== leaving));
          }
          machines = after;
        }
      },
    ),
    { numRuns: 300 },
  );
  ok(additions > 20 && removals > 20, `${additions} additions, ${removals} removals`);
});
