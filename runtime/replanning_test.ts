import { deepStrictEqual, throws } from "node:assert";
import type { CorePlan, PlanRequest } from "../cores/core_plan.ts";
import { type HostCore, type Topology } from "../cores/topology.ts";
import { type Planned, replanned } from "./replanning.ts";

function topologyOf(count: number): Topology {
  const all = Array.from({ length: count }, (_, cpu) => cpu);
  const cores = all.map((cpu): HostCore => ({
    cpu,
    siblings: [cpu],
    package: 0,
    node: 0,
    cacheGroup: all,
    cacheBytes: 0,
    online: true,
    isolated: false,
    allowed: true,
  }));
  return { cores, simulated: true };
}

function plan(housekeeping: number[], hypervisor: number[], guest: number[]): CorePlan {
  return { housekeeping, hypervisor, sidecore: [], guest };
}

function machine(id: number, plan: CorePlan, change: Partial<PlanRequest> = {}): Planned {
  const request = { vcpus: 1, placement: "split", overcommit: false, ...change } as const;
  return { id, name: `machine ${id}`, request, plan };
}

const EIGHT = topologyOf(8);

Deno.test("replanned() leaves machines alone that another core serves", () => {
  const one = machine(1, plan([0], [1], [2])), two = machine(2, plan([0], [3], [4]));
  deepStrictEqual(
    replanned(EIGHT, one, plan([0], [5], [6]), [two]),
    new Map([[2, two.plan], [1, plan([0], [5], [6])]]),
  );
});

Deno.test("replanned() takes along the machines that the same hypervisor core serves", () => {
  const one = machine(1, plan([0], [1], [2])), two = machine(2, plan([0], [1], [3]));
  deepStrictEqual(
    replanned(EIGHT, one, plan([0], [5], [2]), [two]).get(2),
    plan([0], [5], [3]),
  );
});

Deno.test("replanned() names no host core twice for a machine that goes along", () => {
  const one = machine(1, plan([0], [1], [2])), two = machine(2, plan([0], [1, 5], [3]));
  deepStrictEqual(
    replanned(EIGHT, one, plan([0], [5], [2]), [two]).get(2),
    plan([0], [5, 1], [3]),
  );
});

Deno.test("replanned() has one housekeeping for all machines", () => {
  const one = machine(1, plan([0], [1], [2])), two = machine(2, plan([0], [3], [4]));
  const same = machine(3, plan([0], [], [5]), { placement: "same-core" });
  const plans = replanned(EIGHT, one, plan([7], [1], [2]), [two, same]);
  deepStrictEqual(plans.get(2), plan([7], [3], [4]));
  deepStrictEqual(plans.get(3), plan([7], [], [5]));
});

Deno.test("replanned() counts the cores that the machine leaves as free", () => {
  const one = machine(1, plan([0], [0], [1]));
  deepStrictEqual(
    replanned(topologyOf(2), one, plan([1], [1], [0]), []).get(1),
    plan([1], [1], [0]),
  );
});

Deno.test("replanned() has two hypervisor cores share a host core where all whom they serve allow it", () => {
  const sharing = { overcommit: true };
  const one = machine(1, plan([0], [1], [3]), sharing);
  const two = machine(2, plan([0], [2], [4]), sharing);
  const along = { ...machine(3, plan([0], [5, 2], [6]), sharing), core: "2.0" };
  const plans = replanned(EIGHT, { ...two, core: "2.0" }, plan([0], [1], [4]), [one, along]);
  deepStrictEqual(plans.get(1), one.plan);
  deepStrictEqual(plans.get(3), plan([0], [5, 1], [6]));
  const alone = machine(1, one.plan);
  throws(() => replanned(EIGHT, two, plan([0], [1], [4]), [alone]), {
    message:
      /core 1 is the hypervisor core of machine 1 already, and machine 1 was not made to share/,
  });
});

Deno.test("replanned() parts hypervisor cores that share a host core, each with its own machines", () => {
  const sharing = { overcommit: true };
  const one = { ...machine(1, plan([0], [1, 1], [3]), sharing), core: "1.1" };
  const two = { ...machine(2, plan([0], [1, 1], [4]), sharing), core: "1.0" };
  const three = { ...machine(3, plan([0], [1, 1], [5]), sharing), core: "1.1" };
  const plans = replanned(EIGHT, one, plan([0], [7], [3]), [two, three]);
  deepStrictEqual(plans.get(2), two.plan);
  deepStrictEqual(plans.get(3), plan([0], [1, 7], [5]));
});

Deno.test("replanned() refuses what cannot be beside the others, and says why", () => {
  const one = machine(1, plan([0], [1], [2]));
  const two = machine(2, plan([0], [3], [4]));
  const along = machine(3, plan([0], [1], [5]));
  const same = machine(4, plan([0], [], [6]), { placement: "same-core" });
  const others = [two, along, same];
  for (
    const [wrong, reason] of [
      [plan([0], [1], [8]), /guest core 8 does not exist/],
      [plan([0], [1], [4]), /two vCPUs on guest core 4 need --overcommit/],
      [plan([0], [1], [3]), /core 3 is another machine's hypervisor core/],
      [plan([0], [5], [2]), /core 5 is another machine's guest core/],
      [plan([4], [1], [2]), /core 4 is another machine's guest core/],
      [plan([0], [3], [2]), /core 3 is the hypervisor core of machine 2 already/],
      [plan([0], [1], []), /1 vCPUs but 0 guest core/],
    ] as const
  ) {
    throws(() => replanned(EIGHT, one, wrong, others), {
      code: "plan-impossible",
      message: reason,
    });
  }
  throws(
    () => replanned(EIGHT, same, plan([4], [], [6]), [two]),
    { code: "plan-impossible", message: /core 4 is a guest core of machine 2/ },
  );
});
