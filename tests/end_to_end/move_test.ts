/** Roles of a machine that runs move between cores: where they are then, and that nothing is lost. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { readAffinities } from "../../cores/affinity.ts";
import type { CorePlan, Placement } from "../../cores/core_plan.ts";
import { readTopology, usableCores } from "../../cores/topology.ts";
import { SplitXError } from "../../errors.ts";
import { readGuestReport } from "../../runtime/guest_report.ts";
import { Runtime } from "../../runtime/runtime.ts";
import type { VmConfigInput } from "../../runtime/config.ts";
import { passtInstalled } from "../../runtime/network/passt.ts";
import type { Vm } from "../../runtime/vm.ts";
import {
  engineTest,
  eventually,
  NO_ENGINE,
  noise,
  POINTS,
  TempFile,
  testUnless,
} from "../support.ts";

const [A = 0, B = 1] = usableCores(readTopology()).map((core) => core.cpu);

/** The two plans of two cores, for so many vCPUs. */
function plans(placement: Placement, vcpus = 1): [CorePlan, CorePlan] {
  const plan = (ours: number, theirs: number): CorePlan => ({
    housekeeping: [ours],
    hypervisor: placement === "split" ? [ours] : [],
    sidecore: [],
    guest: Array(vcpus).fill(theirs),
  });
  return [plan(A, B), plan(B, A)];
}

/** Every thread of this process is where the machine's plan says, read back from /proc. */
function checkThreads(runtime: Runtime, vm: Vm, ...beside: Vm[]): void {
  const own = new Map<number, number>();
  for (const core of runtime.hypervisorCores) own.set(core.tid, core.cpu);
  for (const one of [vm, ...beside]) {
    for (const [i, { thread }] of one.stats().vcpus.entries()) own.set(thread, one.plan.guest[i]!);
  }
  if (vm.config.placement === "split") {
    ok(runtime.hypervisorCores.some((core) => core.cpu === vm.plan.hypervisor[0]));
  }
  for (const { tid, name, cpus } of readAffinities()) {
    const cpu = own.get(tid);
    deepStrictEqual(cpus, cpu === undefined ? vm.plan.housekeeping : [cpu], `${tid} ${name}`);
  }
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Moves it there and back while it runs: how often. */
async function moveUntilEnded(runtime: Runtime, vm: Vm): Promise<number> {
  const there = plans(vm.config.placement, vm.config.vcpus);
  let ended = false, moves = 0;
  vm.ended.then(() => ended = true);
  while (!ended) {
    try {
      await vm.move(there[++moves % 2]!);
    } catch (error) {
      strictEqual((error as SplitXError).code, "bad-state", `${error}`);
      break;
    }
    if (vm.state === "running" && moves % 16 === 0) checkThreads(runtime, vm);
    await wait(moves % 3);
  }
  return moves;
}

/** Runs machines of one kind, moving them all the time, until they have moved often enough. */
async function runMoving(
  runtime: Runtime,
  enough: number,
  config: () => VmConfigInput,
  look: (output: string) => void,
): Promise<void> {
  for (let moves = 0; moves < enough;) {
    await using vm = runtime.createVm(config());
    await vm.start();
    const output = vm.output();
    moves += await moveUntilEnded(runtime, vm);
    look(await output);
    strictEqual((await vm.ended).code, 0);
  }
}

for (const point of POINTS) {
  const at = `${point.placement}+${point.notification}`;

  engineTest(`digest that moves 150 times reads every byte at ${at}`, async () => {
    await using runtime = await Runtime.open();
    const bytes = noise(8_000_003);
    using disk = new TempFile(bytes);
    const expected = createHash("sha256").update(bytes).digest("hex");
    await runMoving(
      runtime,
      150,
      () => ({ guest: "digest", disk: disk.path, ...point }),
      (output) => match(output, new RegExp(`^sha256 ${expected}$`, "m")),
    );
  });

  engineTest(`blk that moves 150 times finds again what it wrote at ${at}`, async () => {
    await using runtime = await Runtime.open();
    const blocks = 4096;
    using disk = new TempFile(new Uint8Array(blocks * 4096));
    await runMoving(
      runtime,
      150,
      () => ({
        guest: "blk",
        disk: disk.path,
        writable: true,
        cmdline: `verify=1 n=${blocks} depth=16 flush=64`,
        ...point,
      }),
      (output) => match(output, new RegExp(`^verified ${blocks} blocks$`, "m")),
    );
  });
}

for (const placement of ["same-core", "split"] as const) {
  engineTest(`console bytes arrive all and in order while it moves at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    const n = 1_500_000;
    const line = `${".".repeat(63)}\n`;
    const expected = line.repeat(Math.floor(n / 64)) + ".".repeat(n % 64) + "\n";
    await runMoving(
      runtime,
      50,
      () => ({ guest: "exits", cmdline: `ops=posted n=${n}`, placement }),
      (output) => ok(readGuestReport(output).text === expected),
    );
  });

  engineTest(`move() tells who moved, and how long the vCPU paused, at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    await using vm = runtime.createVm({ guest: "crash", cmdline: "do=loop", placement });
    await vm.start();
    await eventually("it runs", () => vm.stats().vcpus[0]!.firstRunTicks > 0);
    checkThreads(runtime, vm);
    const [here, there] = plans(placement);
    deepStrictEqual(await vm.move(here), []);
    const moves = await vm.move(there);
    deepStrictEqual(vm.plan, there);
    checkThreads(runtime, vm);
    const expected = [
      ...placement === "split" ? [{ role: "hypervisor", from: [A], to: [B] }] : [],
      { role: "housekeeping", from: [A], to: [B] },
      { role: "guest", vcpu: 0, from: [B], to: [A] },
    ];
    deepStrictEqual(moves.map(({ pauseNs: _, ...move }) => move), expected);
    const { pauseNs } = moves.at(-1)!;
    ok(pauseNs! > 0 && pauseNs! < 5e9, `${pauseNs} ns`);
  });

  engineTest(`any sequence of plans either moves or changes nothing at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    await using vm = runtime.createVm({ guest: "exits", cmdline: "ops=load ms=600000", placement });
    void vm.output();
    await vm.start();
    await eventually("it runs", () => vm.stats().vcpus[0]!.firstRunTicks > 0);
    const cpu = fc.constantFrom(A, B, 255);
    const plan = fc.record({
      housekeeping: fc.array(cpu, { maxLength: 2 }),
      hypervisor: fc.array(cpu, { maxLength: 2 }),
      guest: fc.array(cpu, { maxLength: 2 }),
    });
    const possible = fc.constantFrom(...plans(placement));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(plan, possible),
        fc.constantFrom("running", "paused"),
        async (next, state) => {
          if (vm.state !== state) await (state === "paused" ? vm.pause() : vm.resume());
          const before = vm.plan;
          try {
            await vm.move(next);
            deepStrictEqual(vm.plan, { sidecore: [], ...next });
          } catch (error) {
            ok(error instanceof SplitXError, `${error}`);
            strictEqual(error.exitCode, 2);
            strictEqual(vm.plan, before);
          }
          strictEqual(vm.state, state);
          const own = vm.plan.guest[0]!;
          const { thread } = vm.stats().vcpus[0]!;
          const affinities = new Map(readAffinities().map(({ tid, cpus }) => [tid, cpus]));
          deepStrictEqual(affinities.get(thread), [own]);
          deepStrictEqual(affinities.get(Deno.pid), [...new Set(vm.plan.housekeeping)].sort());
        },
      ),
      { numRuns: 100 },
    );
    if (vm.state === "paused") vm.resume();
    const calls = vm.stats().vcpus[0]!.calls;
    await eventually("it goes on", () => vm.stats().vcpus[0]!.calls > calls);
  });

  engineTest(`a move of a machine that ends just then is harmless at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    const [here, there] = plans(placement);
    for (let round = 0; round < 12; round++) {
      await using vm = runtime.createVm({ guest: "hello", placement, plan: here });
      const output = vm.output();
      const started = vm.start();
      if (round % 2) await started;
      await wait(round);
      const moves = vm.move(there).catch((error: SplitXError) => error.code);
      if (round % 3 === 0) vm.stop();
      const outcome = await moves;
      ok(outcome === "bad-state" || Array.isArray(outcome), `${outcome}`);
      await started;
      await output;
      const end = await vm.ended;
      strictEqual(end.state, "stopped", end.reason);
      await rejects(vm.move(here), /a stopped machine cannot be moved/);
    }
  });

  engineTest(`a park is not cut short by moves at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    await using vm = runtime.createVm({ guest: "hello", cmdline: "park=1500", placement });
    const begun = performance.now();
    await vm.start();
    const moves = await moveUntilEnded(runtime, vm);
    ok(moves > 5, `${moves} moves`);
    strictEqual((await vm.ended).code, 0);
    ok(performance.now() - begun >= 1500);
  });

  engineTest(`a virtual clock sees nothing of moves at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    using disk = new TempFile(noise(2_000_003));
    const config = {
      guest: "digest",
      disk: disk.path,
      engine: "soft",
      clock: "virtual",
      traceHash: true,
      placement,
    } as const;
    const hashes: string[] = [];
    for (const moving of [false, true]) {
      await using vm = runtime.createVm({ ...config, plan: plans(placement)[0] });
      await vm.start();
      const output = vm.output();
      if (moving) ok(await moveUntilEnded(runtime, vm) > 3);
      await output;
      strictEqual((await vm.ended).code, 0);
      hashes.push(vm.virtualClock!.traceHash!);
    }
    strictEqual(hashes[1], hashes[0]);
  });
}

engineTest("every vCPU of an overcommitted machine moves", async () => {
  await using runtime = await Runtime.open();
  const plan = plans("split", 3)[0];
  await using vm = runtime.createVm({
    guest: "hello",
    cmdline: "others=2 park=1000",
    vcpus: 3,
    overcommit: true,
    plan,
  });
  await vm.start();
  const output = vm.output();
  ok(await moveUntilEnded(runtime, vm) > 3);
  deepStrictEqual(
    (await output).split("\n").filter((line) => line.startsWith("vCPU")).sort(),
    ["vCPU 1 runs", "vCPU 2 runs"],
  );
});

engineTest(
  "a hypervisor core does not move onto a guest core of another machine that it serves",
  async () => {
    await using runtime = await Runtime.open();
    const [here, there] = plans("split");
    const config = { guest: "crash", cmdline: "do=loop", overcommit: true, plan: here } as const;
    await using one = runtime.createVm({ ...config, name: "one" });
    await using two = runtime.createVm({ ...config, name: "two" });
    await one.start();
    await two.start();
    await rejects(one.move(there), /another machine's guest core/);
    deepStrictEqual(one.plan, here);
    checkThreads(runtime, one, two);
    await two.stop();
    await one.move(there);
    strictEqual(runtime.hypervisorCores.length, 1);
    checkThreads(runtime, one);
    // The next one is served by the core that moved.
    await using three = runtime.createVm({ guest: "hello", overcommit: true });
    deepStrictEqual(three.plan, there);
    await three.start();
    strictEqual((await three.ended).code, 0);
    strictEqual(runtime.hypervisorCores.length, 1);
  },
);

engineTest("a machine that has not started gets its new plan at its start", async () => {
  await using runtime = await Runtime.open();
  await using vm = runtime.createVm({ guest: "crash", cmdline: "do=loop" });
  const there = plans("split")[1];
  deepStrictEqual(await vm.move(there), []);
  await rejects(vm.move({ ...there, guest: there.hypervisor }), /both a guest and a hypervisor/);
  await vm.start();
  deepStrictEqual(vm.plan, there);
  checkThreads(runtime, vm);
});

const NO_PASST = NO_ENGINE || (passtInstalled() ? "" : "passt is not installed");

testUnless(NO_PASST, "the process of a user network follows housekeeping", async () => {
  await using runtime = await Runtime.open();
  const config = { guest: "crash", cmdline: "do=loop", network: "user" } as const;
  const [here, there] = plans("split");
  await using vm = runtime.createVm({ ...config, plan: here });
  await vm.start();
  const [process] = vm.processes;
  const allowed = () =>
    /^Cpus_allowed_list:\s*(.*)$/m.exec(Deno.readTextFileSync(`/proc/${process}/status`))![1];
  strictEqual(allowed(), `${A}`);
  await vm.move(there);
  strictEqual(allowed(), `${B}`);
});
