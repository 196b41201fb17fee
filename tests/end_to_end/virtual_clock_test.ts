/** A machine on a virtual clock does the same in every run. */
import { match, notStrictEqual, ok, strictEqual } from "node:assert";
import type { VmConfigInput } from "../../runtime/config.ts";
import { readGuestReport } from "../../runtime/guest_report.ts";
import { linuxConfig } from "../../runtime/linux_guest.ts";
import { VIRTUAL_KHZ } from "../../runtime/machine_clock.ts";
import { runRecordSchema } from "../../runtime/records.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { ROUND_TRIP_CYCLES, TRAP_CYCLES } from "../../cores/cost_model.ts";
import { packagesTest } from "../debian_packages.ts";
import { cliRun, engineTest, noise, POINTS, runVm, TempFile } from "../support.ts";

const VIRTUAL = { engine: "soft", clock: "virtual", traceHash: true } as const;

interface Outcome {
  readonly output: string;
  readonly hash: string;
  readonly guestNs: number;
}

async function run(runtime: Runtime, config: VmConfigInput): Promise<Outcome> {
  await using vm = runtime.createVm({ ...VIRTUAL, ...config });
  await vm.start();
  const output = await vm.output();
  const end = await vm.ended;
  strictEqual(end.state, "stopped", end.reason);
  const { traceHash, guestNs } = vm.virtualClock!;
  match(traceHash!, /^[0-9a-f]{16}$/);
  return { output, hash: traceHash!, guestNs };
}

/** Runs a machine twice and once with another seed. */
async function runsTheSame(config: VmConfigInput): Promise<Outcome> {
  await using runtime = await Runtime.open();
  const first = await run(runtime, config), second = await run(runtime, config);
  strictEqual(second.hash, first.hash);
  strictEqual(second.output, first.output);
  strictEqual(second.guestNs, first.guestNs);
  const other = await run(runtime, { ...config, seed: 2 });
  notStrictEqual(other.hash, first.hash);
  return first;
}

for (const point of POINTS) {
  const at = `${point.placement}+${point.notification}`;

  engineTest(`digest of a disk leaves the same trace in every run at ${at}`, async () => {
    using disk = new TempFile(noise(500_003));
    await runsTheSame({ guest: "digest", disk: disk.path, ...point });
  });

  engineTest(`blk with writes, flushes and interrupts leaves the same trace at ${at}`, async () => {
    await using runtime = await Runtime.open();
    const hashes: string[] = [];
    for (let i = 0; i < 2; i++) {
      using disk = new TempFile(noise(1 << 20));
      const { output, hash } = await run(runtime, {
        guest: "blk",
        disk: disk.path,
        writable: true,
        irqchip: "split",
        cmdline: "rw=write n=200 size=4096 depth=8 flush=10 interrupts=1",
        ...point,
      });
      match(output, /^@count flushes 20$/m);
      hashes.push(hash);
    }
    strictEqual(hashes[0], hashes[1]);
  });
}

for (const irqchip of ["none", "split"] as const) {
  engineTest(`three vCPUs, irqchip ${irqchip}, leave the same trace in every run`, async () => {
    const { output } = await runsTheSame({
      guest: "hello",
      vcpus: 3,
      overcommit: true,
      irqchip,
      cmdline: "others=2",
    });
    match(output, /vCPU 2 runs/);
  });
}

engineTest("a second of guest time that a guest waits takes no second", async () => {
  await using runtime = await Runtime.open();
  for (const point of POINTS) {
    const started = performance.now();
    const { guestNs } = await run(runtime, { guest: "hello", cmdline: "park=5000", ...point });
    ok(guestNs >= 5e9 && guestNs < 5.01e9, `${guestNs} ns`);
    const took = performance.now() - started;
    ok(took < 4000, `${took} ms`);
  }
});

engineTest("an exit costs what the model says, and the TSC goes on", async () => {
  await using runtime = await Runtime.open();
  for (
    const [placement, notification, cost] of [
      ["same-core", "exit", TRAP_CYCLES],
      ["split", "exit", ROUND_TRIP_CYCLES],
      ["split", "polled", ROUND_TRIP_CYCLES],
    ] as const
  ) {
    const cmdline = "n=100 ops=nothing,out,mmio,call_exit,call_ring,park_ring";
    const { output } = await run(runtime, { guest: "exits", cmdline, placement, notification });
    const { histograms } = readGuestReport(output);
    const p50 = (name: string) => histograms.get(name)!.quantile(0.5);
    const nothing = p50("nothing"); // the cost of reading the TSC
    ok(nothing >= 25 && nothing < 40, `two reads of the TSC: ${nothing} cycles`);
    for (const name of ["out", "mmio", "call_exit", "call_ring"]) {
      const spent = p50(name) - nothing;
      ok(Math.abs(spent - cost) < 0.2 * cost, `${placement}+${notification} ${name}: ${spent}`);
    }
    const parked = p50("park_ring") / VIRTUAL_KHZ;
    ok(Math.abs(parked - 1) < 0.01, `a millisecond's wait: ${parked} ms`);
  }
});

engineTest("on a virtual clock a machine is stopped, paused and resumed like another", async () => {
  await using runtime = await Runtime.open();
  await using vm = runtime.createVm({
    ...VIRTUAL,
    guest: "hello",
    vcpus: 2,
    overcommit: true,
    cmdline: "others=9", // never
  });
  await vm.start();
  for (let i = 0; i < 3; i++) {
    await vm.pause();
    vm.resume();
  }
  await vm.stop();
  strictEqual((await vm.ended).state, "stopped");
});

engineTest("run --json says clock, hash and what is modelled", async () => {
  const args = ["--guest", "hello", "--clock", "virtual", "--trace-hash", "--seed", "3", "--json"];
  const { code, stdout } = await cliRun(args);
  strictEqual(code, 0);
  const record = runRecordSchema.parse(JSON.parse(stdout));
  match(record.ends[0]!.traceHash!, /^[0-9a-f]{16}$/);
  ok(record.rows.length > 0);
  for (const row of record.rows) {
    strictEqual(row.clock, "virtual");
    strictEqual(row.kind, "modelled");
  }
  ok(record.rows.some((row) => row.name === "vm: guest time" && row.value! > 0));
});

engineTest(
  "a virtual clock with KVM, or a seed without one, is one line and exit code 2",
  async () => {
    for (
      const [args, line] of [
        [["--clock", "virtual", "--engine", "kvm"], /clock: virtual needs the engine soft/],
        [["--clock", "sundial"], /clock: /],
        [["--seed", "1"], /seed: goes with clock virtual/],
        [["--clock", "virtual", "--seed", "one"], /seed: /],
        [["--trace-hash"], /traceHash: goes with clock virtual/],
      ] as const
    ) {
      const { code, stderr } = await cliRun(["--guest", "hello", ...args]);
      strictEqual(code, 2, stderr);
      match(stderr, line);
      strictEqual(stderr.trim().split("\n").length, 1, stderr);
    }
  },
);

packagesTest("Linux boots to a script's end with the same trace each time", async () => {
  using script = new TempFile(
    "date +%F; sleep 1; dd if=/dev/vda bs=4k count=100 2>/dev/null | sha256sum\n" +
      "dd if=/dev/urandom bs=16 count=1 2>/dev/null | sha256sum\n",
  );
  using disk = new TempFile(noise(1 << 20));
  const config = {
    ...await linuxConfig({ script: script.path }, () => {}),
    disk: disk.path,
    vcpus: 2,
    overcommit: true,
  };
  const { output } = await runsTheSame(config);
  match(output, /2000-01-01/);
});

packagesTest(
  "Linux on a virtual clock takes at most twice what it takes on the host's",
  async () => {
    await using runtime = await Runtime.open();
    using script = new TempFile("seq 1 20000 | sha256sum\n");
    const config = {
      ...await linuxConfig({ script: script.path }, () => {}),
      engine: "soft",
    } as const;
    const seconds = async (more: Partial<VmConfigInput>) => {
      const { stats, end } = await runVm(runtime, { ...config, ...more });
      strictEqual(end.state, "stopped");
      return stats.vcpus[0]!.cpuNs / 1e9; // other processes of the host do not count
    };
    const host = Math.min(await seconds({}), await seconds({}));
    const clock = { clock: "virtual" } as const;
    const virtual = Math.min(await seconds(clock), await seconds(clock));
    const hashed = await seconds({ ...clock, traceHash: true });
    const ratio = virtual / host;
    console.log(
      `Linux boot, CPU time of the vCPU: host clock ${host.toFixed(2)} s, virtual ${
        virtual.toFixed(2)
      } s (${ratio.toFixed(2)} times), with the trace's hash ${hashed.toFixed(2)} s`,
    );
    ok(ratio <= 2, `${ratio} times`);
  },
);
