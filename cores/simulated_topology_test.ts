import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { SplitXError } from "../errors.ts";
import { checkPlan, type CorePlan, planCores, type PlanRequest } from "./core_plan.ts";
import {
  readSimulatedTopology,
  type SimulatedTopologyInput,
  simulatedTopologySchema,
  simulateTopology,
} from "./simulated_topology.ts";
import type { HostCore, Topology } from "./topology.ts";

const TWO_SOCKETS = fileURLToPath(new URL("../examples/two_sockets.json", import.meta.url));

function simulate(description: SimulatedTopologyInput): Topology {
  return simulateTopology(simulatedTopologySchema.parse(description));
}

/** A host of `cores` CPUs: so many packages, and SMT or not. */
function hostOf(cores: number, packages: number, smt: boolean, isolated: number): Topology {
  return simulate({
    cores: Array.from({ length: cores }, (_, cpu) => ({
      cpu,
      core: smt ? cpu >> 1 : cpu,
      package: Math.floor(cpu * packages / cores),
      node: Math.floor(cpu * packages / cores),
      cache: cpu >> 4,
      isolated: cpu >= cores - isolated,
    })),
  });
}

function file(text: string): string {
  const path = Deno.makeTempFileSync({ prefix: "splitx-topology-" });
  Deno.writeTextFileSync(path, text);
  return path;
}

Deno.test("simulateTopology() tells siblings and caches by common numbers in one package", () => {
  const { cores, simulated } = simulate({
    cores: [
      { cpu: 2, core: 0, package: 0, cache: 1, cacheBytes: 1024 },
      { cpu: 0, core: 0, package: 0, cache: 1 },
      { cpu: 1, core: 0, package: 1, node: 1, cache: 1, isolated: true },
      { cpu: 3, package: 1, node: 1, cache: 1, online: false },
    ],
  });
  strictEqual(simulated, true);
  const of = <K extends keyof HostCore>(key: K) => cores.map((core) => core[key]);
  deepStrictEqual(of("cpu"), [0, 1, 2, 3]);
  deepStrictEqual(of("siblings"), [[0, 2], [1], [0, 2], [3]]);
  deepStrictEqual(of("cacheGroup"), [[0, 2], [1, 3], [0, 2], [1, 3]]);
  deepStrictEqual(of("cacheBytes"), [0, 0, 1024, 0]);
  deepStrictEqual(of("online"), [true, true, true, false]);
  deepStrictEqual(of("isolated"), [false, true, false, false]);
  ok(of("allowed").every((allowed) => allowed));
});

Deno.test("readSimulatedTopology() reads two sockets of 32 cores with two threads each", () => {
  const { cores, simulated } = readSimulatedTopology(TWO_SOCKETS);
  ok(simulated);
  strictEqual(cores.length, 128);
  strictEqual(new Set(cores.map((core) => core.siblings.join())).size, 64);
  ok(cores.every((core) => core.siblings.length === 2 && core.cacheGroup.length === 16));
  deepStrictEqual([...new Set(cores.map((core) => core.package))], [0, 1]);
});

Deno.test("readSimulatedTopology() says what is wrong in one line", () => {
  const core = (cpu: number) => ({ cpu });
  for (
    const [text, reason] of [
      ["{", /it is not JSON/],
      [`{"cores":[]}`, /cores: /],
      [`{"cores":[{"cpu":-1}]}`, /cores\.0\.cpu: /],
      [`{"cores":[{"cpu":0,"speed":1}]}`, /cores\.0: .*speed/],
      [`{"cores":[{"cpu":0},{"cpu":0}]}`, /cores: two cores have the same cpu/],
      [JSON.stringify({ cores: Array.from({ length: 257 }, (_, i) => core(i)) }), /cores: .*256/],
    ] as const
  ) {
    const path = file(text);
    try {
      throws(() => readSimulatedTopology(path), (error: unknown) => {
        ok(error instanceof SplitXError);
        strictEqual(error.code, "bad-topology");
        strictEqual(error.exitCode, 2);
        ok(reason.test(error.message), error.message);
        return !error.message.includes("\n");
      });
    } finally {
      Deno.removeSync(path);
    }
  }
  throws(() => readSimulatedTopology("/nowhere"), /topology \/nowhere: it cannot be read/);
});

Deno.test("planCores() keeps a machine's cores on one socket of two while it fits", () => {
  const topology = readSimulatedTopology(TWO_SOCKETS);
  const plan = planCores(topology, { vcpus: 40, placement: "split", overcommit: false });
  const packages = new Set(
    [...plan.hypervisor, ...plan.guest].map((cpu) => topology.cores[cpu]!.package),
  );
  deepStrictEqual([...packages], [0]);
});

const request = fc.record<PlanRequest>({
  vcpus: fc.integer({ min: 1, max: 64 }),
  placement: fc.constantFrom("split", "same-core"),
  overcommit: fc.boolean(),
});

Deno.test("on 256 cores planCores() fills the host machine by machine, and checkPlan() agrees", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      fc.constantFrom(0, 16, 128),
      fc.array(request, { minLength: 1, maxLength: 24 }),
      (packages, smt, isolated, requests) => {
        const topology = hostOf(256, packages, smt, isolated);
        const inUse = { hypervisor: [] as number[], guest: [] as number[] };
        for (const request of requests) {
          let plan: CorePlan;
          try {
            plan = planCores(topology, request, inUse);
          } catch (error) {
            ok(error instanceof SplitXError);
            strictEqual(error.code, "plan-impossible");
            const free = 256 - 1 - new Set([...inUse.hypervisor, ...inUse.guest]).size;
            ok(request.vcpus >= free || request.overcommit, `${request.vcpus} of ${free} refused`);
            continue;
          }
          checkPlan(plan, topology, request, inUse);
          strictEqual(plan.guest.length, request.vcpus);
          if (!request.overcommit) strictEqual(new Set(plan.guest).size, request.vcpus);
          inUse.hypervisor.push(...plan.hypervisor);
          inUse.guest.push(...plan.guest);
        }
      },
    ),
    { numRuns: 100 },
  );
});
