import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { SplitXError } from "../errors.ts";
import {
  checkPlan,
  type CorePlan,
  corePlanSchema,
  planCores,
  type PlanRequest,
} from "./core_plan.ts";
import { type HostCore, type Topology, usableCores } from "./topology.ts";

function topologyOf(count: number, change: (cpu: number) => Partial<HostCore> = () => ({})) {
  const all = Array.from({ length: count }, (_, cpu) => cpu);
  const cores = all.map((cpu): HostCore => ({
    cpu,
    siblings: [cpu],
    package: 0,
    node: 0,
    cacheGroup: all,
    cacheBytes: 2 ** 20,
    online: true,
    isolated: false,
    allowed: true,
    ...change(cpu),
  }));
  return { cores, simulated: true } satisfies Topology;
}

/** CPUs 2n and 2n+1 are threads of one physical core. */
function smt(cpu: number): Partial<HostCore> {
  return { siblings: [cpu & ~1, cpu | 1] };
}

function requestOf(change: Partial<PlanRequest> = {}): PlanRequest {
  return { vcpus: 1, placement: "split", overcommit: false, ...change };
}

function impossible(reason = /./) {
  return (error: unknown) => {
    ok(error instanceof SplitXError);
    strictEqual(error.code, "plan-impossible");
    strictEqual(error.exitCode, 2);
    ok(!error.message.includes("\n"));
    ok(reason.test(error.message), error.message);
    return true;
  };
}

function plan(housekeeping: number[], hypervisor: number[], guest: number[]): CorePlan {
  return { housekeeping, hypervisor, sidecore: [], guest };
}

Deno.test("planCores() lets hypervisor and housekeeping share core 0 of two", () => {
  deepStrictEqual(planCores(topologyOf(2), requestOf()), plan([0], [0], [1]));
});

Deno.test("planCores() refuses a split on a single core", () => {
  throws(() => planCores(topologyOf(1), requestOf()), impossible(/1 usable \(0\)/));
});

Deno.test("planCores() runs same-core on a single core", () => {
  const request = requestOf({ placement: "same-core" });
  deepStrictEqual(planCores(topologyOf(1), request), plan([0], [], [0]));
});

Deno.test("planCores() keeps a same-core guest away from housekeeping where it can", () => {
  const request = requestOf({ placement: "same-core" });
  deepStrictEqual(planCores(topologyOf(2), request), plan([0], [], [1]));
});

Deno.test("planCores() gives the hypervisor a core of its own among four", () => {
  deepStrictEqual(planCores(topologyOf(4), requestOf()), plan([0], [1], [2]));
  deepStrictEqual(planCores(topologyOf(4), requestOf({ vcpus: 2 })), plan([0], [1], [2, 3]));
});

Deno.test("planCores() gives the hypervisor's core to a guest that needs it", () => {
  deepStrictEqual(planCores(topologyOf(4), requestOf({ vcpus: 3 })), plan([0], [0], [1, 2, 3]));
  throws(() => planCores(topologyOf(4), requestOf({ vcpus: 4 })), impossible(/--overcommit/));
});

Deno.test("planCores() deals vCPUs over the guest cores when overcommitted", () => {
  const request = requestOf({ vcpus: 5, overcommit: true });
  deepStrictEqual(planCores(topologyOf(4), request), plan([0], [1], [2, 3, 2, 3, 2]));
  deepStrictEqual(planCores(topologyOf(2), request), plan([0], [0], [1, 1, 1, 1, 1]));
});

Deno.test("planCores() keeps the guest off the hypervisor's SMT sibling while another is free", () => {
  deepStrictEqual(planCores(topologyOf(6, smt), requestOf()), plan([0], [2], [4]));
  deepStrictEqual(planCores(topologyOf(4, smt), requestOf()), plan([0], [2], [1]));
  deepStrictEqual(planCores(topologyOf(4, smt), requestOf({ vcpus: 2 })), plan([0], [2], [1, 3]));
  const mirrored = topologyOf(4, (cpu) => ({ siblings: [cpu, 3 - cpu] }));
  deepStrictEqual(planCores(mirrored, requestOf()), plan([0], [1], [3]));
});

Deno.test("planCores() leaves isolated cores to hypervisor and guest", () => {
  const topology = topologyOf(4, (cpu) => ({ isolated: cpu === 0 || cpu === 3 }));
  deepStrictEqual(planCores(topology, requestOf()), plan([1], [0], [3]));
});

Deno.test("planCores() prefers a guest core near the hypervisor's", () => {
  const topology = topologyOf(6, (cpu) => ({
    package: cpu % 2,
    node: cpu % 2,
    cacheGroup: [cpu % 2, cpu % 2 + 2, cpu % 2 + 4],
  }));
  deepStrictEqual(planCores(topology, requestOf()), plan([0], [2], [4]));
});

Deno.test("planCores() refuses a host of which nothing is usable", () => {
  const none = topologyOf(2, () => ({ allowed: false }));
  throws(() => planCores(none, requestOf()), impossible(/no online core/));
});

const request = fc.record<PlanRequest>({
  vcpus: fc.integer({ min: 1, max: 8 }),
  placement: fc.constantFrom("split", "same-core"),
  overcommit: fc.boolean(),
});
const flags = fc.record({
  online: fc.boolean(),
  allowed: fc.boolean(),
  isolated: fc.boolean(),
  package: fc.nat(1),
  node: fc.nat(3),
});
const topology = fc.record({
  flags: fc.array(flags, { minLength: 1, maxLength: 64 }),
  smt: fc.boolean(),
}).map((given) =>
  topologyOf(given.flags.length, (cpu) => ({
    ...(given.smt ? smt(cpu) : {}),
    cacheGroup: [cpu & ~3, cpu & ~3 | 1, cpu & ~3 | 2, cpu | 3],
    ...given.flags[cpu]!,
  }))
);

Deno.test("planCores() proposes what checkPlan() takes, and refuses only what does not fit", () => {
  fc.assert(
    fc.property(topology, request, (topology, request) => {
      const usable = usableCores(topology).length;
      const needed = request.overcommit ? 1 : request.vcpus;
      const alone = request.placement === "same-core" && usable === 1 && needed === 1;
      if (usable - 1 >= needed || alone) {
        const proposed = planCores(topology, request);
        checkPlan(proposed, topology, request);
        strictEqual(proposed.guest.length, request.vcpus);
        deepStrictEqual(corePlanSchema.parse(proposed), proposed);
      } else {
        throws(() => planCores(topology, request), impossible());
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("checkPlan() takes a plan by hand with more guest cores than vCPUs", () => {
  checkPlan(plan([0], [1], [2, 3]), topologyOf(4), requestOf());
});

Deno.test("checkPlan() refuses a core that cannot be used, whatever its role", () => {
  const host = topologyOf(5, (cpu) => ({ online: cpu !== 3, allowed: cpu !== 4 }));
  for (
    const [cpu, reason] of [
      [9, /core 9 does not exist/],
      [3, /core 3 is offline/],
      [4, /core 4 is outside this process's CPU mask/],
    ] as const
  ) {
    for (
      const wrong of [
        plan([cpu], [1], [2]),
        plan([0], [cpu], [2]),
        plan([0], [1], [cpu]),
        { ...plan([0], [1], [2]), sidecore: [cpu] },
      ]
    ) throws(() => checkPlan(wrong, host, requestOf()), impossible(reason));
  }
});

Deno.test("checkPlan() refuses roles that may not share a core when split", () => {
  const host = topologyOf(4);
  const refused = (wrong: CorePlan, reason: RegExp) =>
    throws(() => checkPlan(wrong, host, requestOf()), impossible(reason));
  refused(plan([0], [2], [2]), /core 2 is both a guest and a hypervisor core/);
  refused({ ...plan([0], [1], [2]), sidecore: [2] }, /core 2 is both a guest and a hypervisor/);
  refused(plan([0], [1], [0]), /core 0 is both a guest and a housekeeping core/);
  refused(plan([0], [], [1]), /split placement needs a hypervisor core/);
  refused(plan([0], [1, 1], [2]), /two hypervisor cores on core 1 need --overcommit/);
  checkPlan(plan([0], [], [0]), host, requestOf({ placement: "same-core" }));
});

Deno.test("checkPlan() refuses fewer guest cores than vCPUs", () => {
  const wanted = requestOf({ vcpus: 3, overcommit: true });
  throws(
    () => checkPlan(plan([0], [1], [2, 3]), topologyOf(4), wanted),
    impossible(/3 vCPUs but 2 guest core\(s\)/),
  );
});

Deno.test("checkPlan() lets vCPUs share a guest core only when overcommitted", () => {
  const shared = plan([0], [1], [2, 2]);
  throws(
    () => checkPlan(shared, topologyOf(3), requestOf({ vcpus: 2 })),
    impossible(/two vCPUs on guest core 2/),
  );
  checkPlan(shared, topologyOf(3), requestOf({ vcpus: 2, overcommit: true }));
});

Deno.test("checkPlan() refuses a guest core that another machine uses", () => {
  const wanted = plan([0], [1], [2]);
  throws(
    () => checkPlan(wanted, topologyOf(4), requestOf(), { hypervisor: [1], guest: [2] }),
    impossible(/two vCPUs on guest core 2 need --overcommit/),
  );
  checkPlan(wanted, topologyOf(4), requestOf(), { hypervisor: [1], guest: [3] });
  const overcommitted = requestOf({ overcommit: true });
  checkPlan(wanted, topologyOf(4), overcommitted, { hypervisor: [1], guest: [2] });
});

Deno.test("checkPlan() refuses roles of two machines that may not share a core", () => {
  const overcommitted = requestOf({ overcommit: true });
  for (
    const [inUse, reason] of [
      [{ hypervisor: [2], guest: [] }, /core 2 is another machine's hypervisor core/],
      [{ hypervisor: [], guest: [1] }, /core 1 is another machine's guest core/],
      [{ hypervisor: [], guest: [0] }, /core 0 is another machine's guest core/],
    ] as const
  ) {
    const there = { hypervisor: [...inUse.hypervisor], guest: [...inUse.guest] };
    throws(
      () => checkPlan(plan([0], [1], [2]), topologyOf(4), overcommitted, there),
      impossible(reason),
    );
  }
  throws(
    () =>
      checkPlan(plan([0], [], [1]), topologyOf(4), requestOf({ placement: "same-core" }), {
        hypervisor: [1],
        guest: [],
      }),
    impossible(/core 1 is another machine's hypervisor core/),
  );
});

Deno.test("planCores() lets machines that run keep their cores and shares their hypervisor", () => {
  const topology = topologyOf(4);
  const one = { hypervisor: [1], guest: [2] };
  deepStrictEqual(planCores(topology, requestOf(), one), plan([0], [1], [3]));
  const sameCore = requestOf({ placement: "same-core" });
  deepStrictEqual(planCores(topology, sameCore, one), plan([0], [], [3]));
  const both = { hypervisor: [1], guest: [2, 3] };
  throws(() => planCores(topology, requestOf(), both), impossible(/2-3 taken/));
  const small = { hypervisor: [0], guest: [1] };
  for (const request of [requestOf(), sameCore]) {
    throws(() => planCores(topologyOf(2), request, small), impossible(/1 taken/));
    const guest = planCores(topologyOf(2), { ...request, overcommit: true }, small).guest;
    deepStrictEqual(guest, [1]);
  }
});

Deno.test("planCores() finds several hypervisor cores, those that poll already first", () => {
  const two = requestOf({ hypervisors: 2 });
  deepStrictEqual(planCores(topologyOf(4), two), plan([0], [1, 2], [3]));
  const inUse = { hypervisor: [2], guest: [3] };
  deepStrictEqual(planCores(topologyOf(5), two, inUse), plan([0], [2, 1], [4]));
  throws(() => planCores(topologyOf(3), two), impossible(/1 guest and 2 hypervisor/));
  const shared = requestOf({ hypervisors: 2, overcommit: true });
  deepStrictEqual(planCores(topologyOf(2), shared), plan([0], [0, 0], [1]));
});

Deno.test("planCores() puts no polling core on a same-core machine's", () => {
  const one = { hypervisor: [], guest: [1] };
  deepStrictEqual(
    planCores(topologyOf(4), requestOf({ overcommit: true }), one),
    plan([0], [2], [3]),
  );
});

Deno.test("planCores() beside other machines proposes what checkPlan() takes", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 8 }),
    fc.array(
      fc.record({
        vcpus: fc.integer({ min: 1, max: 3 }),
        placement: fc.constantFrom("split", "same-core"),
        overcommit: fc.boolean(),
      }),
      { maxLength: 4 },
    ),
    (cores, requests) => {
      const topology = topologyOf(cores);
      const inUse = { hypervisor: [] as number[], guest: [] as number[] };
      for (const request of requests as PlanRequest[]) {
        let proposed: CorePlan;
        try {
          proposed = planCores(topology, request, inUse);
        } catch (error) {
          impossible()(error);
          continue;
        }
        checkPlan(proposed, topology, request, inUse);
        inUse.hypervisor.push(...proposed.hypervisor);
        inUse.guest.push(...proposed.guest);
      }
    },
  ));
});
