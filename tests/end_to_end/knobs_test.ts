/** Knobs that are switched while a guest runs. */
import { ok, rejects, strictEqual } from "node:assert";
import { Runtime } from "../../runtime/runtime.ts";
import type { Vm } from "../../runtime/vm.ts";
import { engineTest, eventually, noise, TempFile } from "../support.ts";

/** So many of something make sure that it goes on. */
const SOME = 200;

/** A sparse file that a guest is not done with before the test is. */
function largeDisk(): TempFile {
  const disk = new TempFile("");
  Deno.truncateSync(disk.path, 1024 ** 3);
  return disk;
}

/** Waits until a counter of the machine has grown by some. */
async function grows(what: string, vm: Vm, counter: (vm: Vm) => number): Promise<void> {
  const before = counter(vm);
  await eventually(`${what} grow`, () => counter(vm) >= before + SOME);
}

const calls = (vm: Vm) => vm.stats().vcpus[0]!.calls;
const ports = (vm: Vm) => vm.stats().vcpus[0]!.exits.io ?? 0;
const notifications = (vm: Vm) => vm.stats().queueNotifications;
const requests = (vm: Vm) => vm.stats().queueRequests;

for (const placement of ["same-core", "split"] as const) {
  engineTest(`notifyBy() switches hypercalls of a running guest at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    using disk = largeDisk();
    await using vm = runtime.createVm({
      guest: "digest",
      disk: disk.path,
      cmdline: "request=512",
      placement,
      notification: "polled",
    });
    await vm.start();
    await grows("requests by the cell", vm, calls);
    await vm.notifyBy("exit");
    strictEqual(vm.config.notification, "exit");
    await grows("exits", vm, ports);
    const last = calls(vm);
    await grows("exits", vm, ports);
    strictEqual(calls(vm), last);
    await vm.notifyBy("polled");
    await grows("requests by the cell", vm, calls);
  });
}

engineTest("notifyBy() switches the device queues of a running guest", async () => {
  await using runtime = await Runtime.open();
  using disk = new TempFile(noise(1 << 20));
  await using vm = runtime.createVm({
    guest: "blk",
    disk: disk.path,
    cmdline: "n=1000000000 depth=1",
    notification: "exit",
    polling: { startRate: 0 },
  });
  await vm.start();
  await grows("notifications", vm, notifications);
  await vm.notifyBy("polled");
  await grows("requests", vm, requests);
  const last = notifications(vm);
  await grows("requests", vm, requests);
  ok(notifications(vm) - last < SOME / 10, "the driver is told not to notify");
  await vm.notifyBy("exit");
  await grows("notifications", vm, notifications);
});

engineTest("a guest loses no request while its notification is switched to and fro", async () => {
  await using runtime = await Runtime.open();
  using disk = new TempFile(noise(1 << 20));
  await using vm = runtime.createVm({
    guest: "blk",
    disk: disk.path,
    writable: true,
    cmdline: "verify=1 rw=write n=2000 size=512 depth=8",
  });
  await vm.start();
  const ended = () => vm.state !== "running";
  for (let turn = 0; !ended(); turn++) {
    const before = requests(vm);
    await eventually("it goes on", () => requests(vm) > before || ended());
    if (!ended()) await vm.notifyBy(turn % 2 === 0 ? "exit" : "polled");
  }
  strictEqual((await vm.ended).code, 0);
});

engineTest("notifyBy() is refused where there is one way only, and after the end", async () => {
  await using runtime = await Runtime.open();
  await using pc = runtime.createVm({ guest: "hello", machine: "pc", placement: "same-core" });
  await rejects(pc.notifyBy("exit"), { code: "knob-fixed", message: /nobody polls/ });
  await using vm = runtime.createVm({ guest: "hello", overcommit: true });
  await vm.notifyBy("exit");
  await vm.stop();
  await rejects(vm.notifyBy("polled"), { code: "bad-state" });
});
