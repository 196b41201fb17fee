/** One machine cannot hurt another, and a dead hypervisor core takes only its own along. */
import { match, ok, strictEqual } from "node:assert";
import { createHash } from "node:crypto";
import { Runtime } from "../../runtime/runtime.ts";
import { engineTest, finish, noise, runVm, TempFile } from "../support.ts";

engineTest("a machine's digest is right while others crash beside it", async () => {
  await using runtime = await Runtime.open();
  const bytes = noise(8 << 20);
  using disk = new TempFile(bytes);
  const expected = createHash("sha256").update(bytes).digest("hex");
  const digest = runVm(runtime, { guest: "digest", disk: disk.path, overcommit: true });
  const words = ["triple", "exception", "mmio,port,triple", "garbage rounds=500"];
  const crashes = await Promise.all(
    words.map((word) =>
      runVm(runtime, { guest: "crash", cmdline: `do=${word}`, overcommit: true })
    ),
  );
  strictEqual(crashes[0]!.end.state, "failed");
  match((await digest).output, new RegExp(`^sha256 ${expected}$`, "m"));
});

engineTest("when a hypervisor core dies its machines fail and the next one runs", async () => {
  await using runtime = await Runtime.open();
  await using vm = runtime.createVm({ guest: "exits", cmdline: "ops=load n=1 ms=60000" });
  await vm.start();
  const reading = vm.output();
  // A message that no version of the worker knows is a defect: the worker ends with an error.
  await runtime.hypervisorCores[0]!.exchange({ type: "no such message" }).catch(() => {});
  const end = await vm.ended;
  strictEqual(end.state, "failed");
  match(end.reason!, /hypervisor core died: .*no such message/);
  await reading;
  const { output } = await runVm(runtime, { guest: "hello" });
  match(output, /^hello/);
});

engineTest("when a hypervisor core dies machines at other cores go on", async () => {
  await using runtime = await Runtime.open();
  const doomed = runtime.createVm({ guest: "crash", cmdline: "do=loop", overcommit: true });
  await doomed.start();
  const polling = runtime.hypervisorCores[0]!;
  const other = runtime.createVm({
    guest: "exits",
    cmdline: "ops=load n=1 ms=400",
    placement: "same-core", // its handlers run on its own core
    overcommit: true,
  });
  const finished = finish(other);
  await polling.exchange({ type: "no such message" }).catch(() => {});
  strictEqual((await doomed.ended).state, "failed");
  const { end, stats } = await finished;
  strictEqual(end.code, 0);
  ok(stats.vcpus[0]!.postedCalls > 0);
});
