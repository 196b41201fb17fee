/** A machine's life as its owner sees it, and that nothing is left of it. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import { misplacedThreads, readAffinities } from "../../cores/affinity.ts";
import { createVm } from "../../runtime/mod.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { engineTest, eventually, runVm } from "../support.ts";

const MIB = 1024 ** 2;

/** A stop is given three chances: the machines that run tests are shared. */
async function fastestStop(runtime: Runtime, config: Parameters<Runtime["createVm"]>[0]) {
  let fastest = Infinity;
  for (let i = 0; i < 3; i++) {
    await using vm = runtime.createVm(config);
    await vm.start();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const before = performance.now();
    await vm.stop();
    fastest = Math.min(fastest, performance.now() - before);
    strictEqual(vm.state, "stopped");
    deepStrictEqual(await vm.ended, { state: "stopped" });
  }
  return fastest;
}

for (const placement of ["same-core", "split"] as const) {
  engineTest(`stop() ends an endless loop within 100 ms at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    const ms = await fastestStop(runtime, { guest: "crash", cmdline: "do=loop", placement });
    ok(ms < 100, `${ms} ms`);
  });

  engineTest(`stop() ends a parked guest within 100 ms at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    const ms = await fastestStop(runtime, { guest: "hello", cmdline: "park=60000", placement });
    ok(ms < 100, `${ms} ms`);
  });

  engineTest(`park() lets time pass and goes on at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    const before = performance.now();
    const { end } = await runVm(runtime, { guest: "hello", cmdline: "park=50", placement });
    ok(performance.now() - before >= 50);
    strictEqual(end.code, 0);
  });

  engineTest(`pause() halts the guest and resume() lets it go on at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    await using vm = runtime.createVm({
      guest: "exits",
      cmdline: "ops=load n=1 ms=1500",
      placement,
    });
    const output = vm.output();
    await vm.start();
    const { vcpus } = vm.stats();
    ok(vcpus.length === 1);
    await eventually("calls are served", () => vm.stats().vcpus[0]!.postedCalls > 1000);
    await vm.pause();
    strictEqual(vm.state, "paused");
    await new Promise((resolve) => setTimeout(resolve, 20));
    const halted = vm.stats().vcpus[0]!;
    await new Promise((resolve) => setTimeout(resolve, 50));
    strictEqual(vm.stats().vcpus[0]!.postedCalls, halted.postedCalls);
    await rejects(vm.pause(), /a paused machine cannot become paused/);
    vm.resume();
    await eventually("it goes on", () => vm.stats().vcpus[0]!.postedCalls > halted.postedCalls);
    await output;
    strictEqual((await vm.ended).code, 0);
  });
}

/** Keeps this thread from hearing anything for a while. */
function beDeaf(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

for (const placement of ["same-core", "split"] as const) {
  engineTest(`pause() of a machine that has just ended is over at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    await using vm = runtime.createVm({ guest: "hello", placement });
    await vm.start();
    beDeaf(500); // it ends, and nobody has heard of it
    await vm.pause();
    strictEqual((await vm.ended).code, 0);
  });

  engineTest(
    `pause() halts a parked guest, and resume() lets it go on at ${placement}`,
    async () => {
      await using runtime = await Runtime.open();
      await using vm = runtime.createVm({ guest: "hello", cmdline: "park=1000", placement });
      await vm.start();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await vm.pause();
      vm.resume();
      strictEqual((await vm.ended).code, 0);
    },
  );
}

engineTest("stop() while it starts ends a machine, which leaves nothing behind", async () => {
  await using runtime = await Runtime.open();
  await using vm = runtime.createVm({ guest: "crash", cmdline: "do=loop" });
  const starting = vm.start();
  await vm.stop();
  await starting;
  strictEqual(vm.state, "stopped");
  strictEqual(await vm.output(), "");
});

engineTest("stop() of a paused machine ends it", async () => {
  await using runtime = await Runtime.open();
  await using vm = runtime.createVm({ guest: "crash", cmdline: "do=loop" });
  await vm.start();
  await vm.pause();
  await vm.stop();
  strictEqual(vm.state, "stopped");
});

engineTest("a machine cannot be started twice, nor after its end", async () => {
  await using runtime = await Runtime.open();
  await using vm = runtime.createVm({ guest: "hello" });
  await vm.start();
  await rejects(vm.start(), /a running machine cannot become running/);
  await vm.ended;
  await vm.stop();
  await rejects(vm.start(), /a stopped machine cannot become running/);
});

engineTest("a machine that was never started can be disposed", async () => {
  await using runtime = await Runtime.open();
  await using vm = runtime.createVm({ guest: "hello" });
  strictEqual(vm.state, "created");
});

engineTest("a guest that nobody reads waits, and loses nothing", async () => {
  await using runtime = await Runtime.open();
  const n = 4_000_000; // more than stream and ring hold
  await using vm = runtime.createVm({ guest: "exits", cmdline: `ops=posted n=${n}` });
  await vm.start();
  const served = () => vm.stats().vcpus[0]!.postedCalls;
  await eventually("it prints", () => served() > 0);
  let before = -1;
  await eventually("it waits", () => before === (before = served()) && before < n);
  let bytes = 0;
  for await (const part of vm.console) bytes += part.length;
  ok(bytes > n, `${bytes} bytes`);
});

/** Open files and threads of this process, but for the runtime's own pool. */
function belongings(): { files: number; threads: string[] } {
  return {
    files: [...Deno.readDirSync("/proc/self/fd")].length,
    threads: readAffinities().map((thread) => thread.name.replace(/-\d+$/, "")).sort(),
  };
}

engineTest("a disposed runtime leaves no thread, file or guest memory behind", async () => {
  const memory = 512 * MIB, initrd = new Uint8Array(256 * MIB).fill(1);
  const use = async () => {
    await using runtime = await Runtime.open();
    await runVm(runtime, { guest: "hello" });
    await runVm(runtime, { guest: "hello", memory, initrd, placement: "same-core" });
  };
  const resident = Deno.memoryUsage().rss;
  await use(); // Deno starts helper threads of its own on first use
  const before = belongings();
  for (let i = 0; i < 5; i++) await use();
  await eventually(
    "threads and files are gone",
    () => {
      const after = belongings();
      return after.files <= before.files && after.threads.length <= before.threads.length;
    },
  );
  ok(Deno.memoryUsage().rss - resident < initrd.length / 2);
});

engineTest(
  "a vCPU thread blocks every signal but its kick and those of its own faults",
  async () => {
    await using runtime = await Runtime.open();
    await using vm = runtime.createVm({ guest: "crash", cmdline: "do=loop" });
    await vm.start();
    const thread = vm.stats().vcpus[0]!.thread;
    const status = Deno.readTextFileSync(`/proc/self/task/${thread}/status`);
    const blocked = BigInt(`0x${/^SigBlk:\t(.*)$/m.exec(status)![1]}`);
    const blocks = (signal: number) => (blocked >> BigInt(signal - 1) & 1n) === 1n;
    const SIGILL = 4, SIGBUS = 7, SIGFPE = 8, SIGSEGV = 11, SIGTERM = 15, SIGCHLD = 17;
    deepStrictEqual([SIGILL, SIGBUS, SIGFPE, SIGSEGV].filter(blocks), []);
    deepStrictEqual([SIGTERM, SIGCHLD].filter(blocks), [SIGTERM, SIGCHLD]);
  },
);

engineTest("threads stand where the plan says, read back from /proc", async () => {
  await using runtime = await Runtime.open();
  await using vm = runtime.createVm({ guest: "crash", cmdline: "do=loop" });
  await vm.start();
  const byTid = new Map(readAffinities().map((thread) => [thread.tid, thread.cpus]));
  deepStrictEqual(byTid.get(vm.stats().vcpus[0]!.thread), [vm.plan.guest[0]]);
  const [core] = runtime.hypervisorCores;
  deepStrictEqual(byTid.get(core!.tid), [vm.plan.hypervisor[0]]);
  for (const [tid, cpus] of byTid) {
    if (tid === vm.stats().vcpus[0]!.thread) continue;
    ok(!cpus.includes(vm.plan.guest[0]!), `thread ${tid} may run on the guest core`);
  }
  deepStrictEqual(misplacedThreads(new Set(vm.plan.guest)), []);
});

engineTest("createVm() brings its own runtime and takes it along", async () => {
  const threads = readAffinities().length;
  {
    await using vm = await createVm({ guest: "hello" });
    await vm.start();
    ok((await vm.output()).startsWith("hello"));
  }
  await eventually("its threads are gone", () => readAffinities().length <= threads + 1);
});
