/** Adaptive roles on this host: a decision moves hypervisor cores, or says why it cannot. */
import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import { readAffinities } from "../../cores/affinity.ts";
import type { CorePlan } from "../../cores/core_plan.ts";
import { readTopology, usableCores } from "../../cores/topology.ts";
import { Runtime } from "../../runtime/runtime.ts";
import type { Vm } from "../../runtime/vm.ts";
import { engineTest, eventually, NO_ENGINE, testUnless } from "../support.ts";

const [A = 0, B = 1, C = 2, D = 3] = usableCores(readTopology()).map((core) => core.cpu);
const FEW_CORES = usableCores(readTopology()).length < 4 ? "four usable cores are needed" : "";

/** Two hypervisor cores that share a host core, for machines that take turns on them. */
function together(polling: number, guest: number): CorePlan {
  return { housekeeping: [A], hypervisor: [polling, polling], sidecore: [], guest: [guest] };
}

/** A guest that answers what is typed, and what it has said. */
class Parrot {
  readonly vm: Vm;
  said = "";

  constructor(runtime: Runtime, plan: CorePlan) {
    this.vm = runtime.createVm({ guest: "echo", plan, overcommit: true });
    void this.#listen();
  }

  async #listen(): Promise<void> {
    for await (const text of this.vm.console.pipeThrough(new TextDecoderStream())) {
      this.said += text;
    }
  }

  /** It is served. */
  async answers(word: string): Promise<void> {
    await this.vm.type(new TextEncoder().encode(`${word}\n`));
    await eventually(`it answers ${word}`, () => this.said.includes(`echo: ${word}`));
  }
}

async function parrots(runtime: Runtime, plan: CorePlan): Promise<[Parrot, Parrot]> {
  const two: [Parrot, Parrot] = [new Parrot(runtime, plan), new Parrot(runtime, plan)];
  for (const [i, { vm }] of two.entries()) {
    await vm.start();
    await two[i]!.answers("start");
  }
  return two;
}

/** Where hypervisor cores poll, read back from /proc. */
function pollingCpus(runtime: Runtime): number[] {
  const affinities = new Map(readAffinities().map(({ tid, cpus }) => [tid, cpus]));
  return runtime.hypervisorCores.flatMap(({ tid }) => affinities.get(tid)!).sort();
}

/** Wants two host cores that poll, whatever they have to do. */
const WANT_TWO = { enabled: true, least: 2, looks: 1 } as const;
/** Wants one, when they have little to do. */
const WANT_ONE = { enabled: true, looks: 1, removeBelow: 0.9, addAbove: 1 } as const;

engineTest("adaptive roles are off, and wrong settings are refused", async () => {
  await using runtime = await Runtime.open();
  const { adaptive } = runtime;
  strictEqual(adaptive.state.settings.enabled, false);
  throws(() => adaptive.configure({ enabled: true, addAbove: 0.2 }), {
    code: "bad-config",
    message: /^adaptive roles: removeBelow must be less than addAbove/,
  });
  throws(() => adaptive.configure({ enabled: true, looks: 0 }), { code: "bad-config" });
  adaptive.configure(WANT_TWO);
  await adaptive.look();
  deepStrictEqual(adaptive.state.decisions, []);
  match(adaptive.state.last, /no machine has a hypervisor core/);
});

engineTest(
  "a decision that finds no free host core is refused with the reason, once in the log",
  async () => {
    await using runtime = await Runtime.open();
    const cores = usableCores(runtime.topology).map(({ cpu }) => cpu);
    const plan = { ...together(A, B), housekeeping: cores.filter((cpu) => cpu !== B) };
    const two = await parrots(runtime, plan);
    const { adaptive } = runtime;
    adaptive.configure(WANT_TWO);
    await adaptive.look();
    await adaptive.look();
    const [decision, ...before] = adaptive.state.decisions;
    deepStrictEqual(before, []);
    ok(decision!.times >= 2);
    strictEqual(decision!.action, "add");
    match(decision!.why, /1 polling core\(s\), at least 2/);
    strictEqual(decision!.refused, "every usable host core has a role already");
    deepStrictEqual(decision!.moves, []);
    deepStrictEqual(adaptive.state.cores.map(({ cpu }) => cpu), [A]);
    // Guests that look for input all the time leave no look without work.
    adaptive.configure({ enabled: true, addAbove: 1e-6, removeBelow: 0, looks: 2 });
    const why = /^1 polling core\(s\), busy for \d+ %, more than 0 %$/;
    await eventually("a decision by work", () => why.test(adaptive.state.decisions[0]!.why));
    for (const parrot of two) {
      deepStrictEqual(parrot.vm.plan, plan);
      await parrot.answers("still");
    }
    deepStrictEqual(pollingCpus(runtime), [A, A]);
  },
);

engineTest("what it looks at may end at any moment, and it looks on", async () => {
  await using runtime = await Runtime.open();
  const { adaptive } = runtime;
  adaptive.configure(WANT_TWO);
  for (let round = 0; round < 5; round++) {
    const [one, two] = await parrots(runtime, together(A, B));
    const looking = adaptive.look();
    const stopping = [one.vm.stop(), two.vm.stop()];
    await Promise.all([looking, adaptive.look(), ...stopping]);
    await adaptive.look();
  }
  match(adaptive.state.last, /no machine has a hypervisor core/);
  ok(adaptive.state.decisions.every(({ refused }) => !refused?.startsWith("a defect")));
});

testUnless(
  NO_ENGINE || FEW_CORES,
  "a decision parts hypervisor cores that share a host core, and another brings them together",
  async () => {
    await using runtime = await Runtime.open();
    const [one, two] = await parrots(runtime, together(B, C));
    deepStrictEqual(pollingCpus(runtime), [B, B]);
    const { adaptive } = runtime;
    adaptive.configure(WANT_TWO);
    await adaptive.look();
    const [added] = adaptive.state.decisions;
    deepStrictEqual([added!.action, added!.refused, added!.moves.length], ["add", undefined, 1]);
    strictEqual(added!.moves[0]!.role, "hypervisor");
    deepStrictEqual(added!.moves[0]!.from, [B]);
    const [to] = added!.moves[0]!.to;
    ok(to !== A && to !== B && to !== C && to! >= D);
    deepStrictEqual(pollingCpus(runtime), [B, to]);
    await one.answers("apart");
    await two.answers("apart");

    adaptive.configure(WANT_ONE);
    await eventually("a removal", () => adaptive.state.decisions[0]!.action === "remove");
    const [removed] = adaptive.state.decisions;
    deepStrictEqual([removed!.refused, removed!.moves.length], [undefined, 1]);
    const [left] = new Set(pollingCpus(runtime));
    deepStrictEqual(pollingCpus(runtime), [left, left]);
    await one.answers("together");
    await two.answers("together");
    strictEqual(runtime.hypervisorCores.length, 2);
  },
);
