/** The drivers of the micro guests on our virtio disk, at every placement and notification. */
import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import { createHash } from "node:crypto";
import { readGuestReport } from "../../runtime/guest_report.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { ENGINE, engineTest, IRQCHIP, noise, POINTS, runVm, TempFile } from "../support.ts";

const BLOCK = 4096, BLOCKS = 256;

for (const point of POINTS) {
  const at = `${point.placement}+${point.notification}`;

  engineTest(`blk reads what the file holds at ${at}`, async () => {
    await using runtime = await Runtime.open();
    const bytes = noise(BLOCKS * BLOCK);
    using disk = new TempFile(bytes);
    const expected = createHash("sha256").update(bytes).digest("hex");
    for (const size of [512, BLOCK, 65536]) {
      const cmdline = `ops=sum n=${bytes.length / size} size=${size} depth=8`;
      const { output } = await runVm(runtime, { guest: "blk", disk: disk.path, cmdline, ...point });
      match(output, new RegExp(`^sha256 ${expected}$`, "m"), cmdline);
    }
  });

  engineTest(`blk finds again what it wrote at ${at}`, async () => {
    await using runtime = await Runtime.open();
    using disk = new TempFile(new Uint8Array(BLOCKS * BLOCK));
    const { output, end, stats } = await runVm(runtime, {
      guest: "blk",
      disk: disk.path,
      writable: true,
      cmdline: `verify=1 n=${BLOCKS} depth=16 flush=8`,
      ...point,
    });
    match(output, new RegExp(`^verified ${BLOCKS} blocks$`, "m"));
    strictEqual(end.code, 0);
    ok(stats.queueRequests >= 2 * BLOCKS, `${stats.queueRequests}`);
    ok(Deno.readFileSync(disk.path).some((byte) => byte !== 0));
  });
}

for (const point of POINTS) {
  const at = `${point.placement}+${point.notification}`;

  engineTest(`blk that waits for interrupts reads what the file holds at ${at}`, async () => {
    await using runtime = await Runtime.open();
    const bytes = noise(BLOCKS * BLOCK);
    using disk = new TempFile(bytes);
    const expected = createHash("sha256").update(bytes).digest("hex");
    const { output, stats } = await runVm(runtime, {
      guest: "blk",
      disk: disk.path,
      irqchip: IRQCHIP,
      cmdline: `interrupts=1 ops=sum,measure n=${BLOCKS} depth=8`,
      ...point,
    });
    match(output, new RegExp(`^sha256 ${expected}$`, "m"));
    strictEqual(readGuestReport(output).histograms.get("read")!.n, BLOCKS);
    strictEqual(stats.lostInterrupts, 0);
    strictEqual(stats.wildPorts, ENGINE === "kvm" ? 0 : 2); // the masks of 8259s that are not there
  });
}

engineTest("a deep queue interrupts less than once in four requests", async () => {
  await using runtime = await Runtime.open();
  using disk = new TempFile(noise(BLOCKS * BLOCK));
  const n = 20_000;
  const { output, stats } = await runVm(runtime, {
    guest: "blk",
    disk: disk.path,
    irqchip: IRQCHIP,
    cmdline: `interrupts=1 n=${n} depth=32`,
  });
  const { counts, histograms } = readGuestReport(output);
  strictEqual(histograms.get("read")!.n, n);
  const taken = counts.get("interrupts")!;
  ok(taken > 0 && taken < n / 4, `${taken} interrupts`);
  ok(stats.interrupts >= taken && stats.interrupts < n / 4, `${stats.interrupts} interrupts`);
});

engineTest("blk says that there is nothing to interrupt it", async () => {
  await using runtime = await Runtime.open();
  using disk = new TempFile(noise(BLOCKS * BLOCK));
  const cmdline = "interrupts=1";
  const { output, end, stats } = await runVm(runtime, { guest: "blk", disk: disk.path, cmdline });
  strictEqual(output, "no interrupt controllers\n");
  strictEqual(end.code, 1);
  strictEqual(stats.wildPorts + stats.unmappedMemory, 0);
});

engineTest("a polled queue is hardly ever notified", async () => {
  await using runtime = await Runtime.open();
  using disk = new TempFile(noise(BLOCKS * BLOCK));
  const n = 20_000;
  const { output, stats } = await runVm(runtime, {
    guest: "blk",
    disk: disk.path,
    cmdline: `n=${n} depth=4`,
  });
  strictEqual(readGuestReport(output).histograms.get("read")!.n, n);
  ok(stats.queueNotifications < n / 100, `${stats.queueNotifications} notifications`);
  ok(stats.vcpus[0]!.exitsTotal < n / 10, `${stats.vcpus[0]!.exitsTotal} exits`);
});

engineTest(
  "under split placement a notification is no exit to user space, and wakes the core",
  async () => {
    await using runtime = await Runtime.open({ spinNs: 0 });
    using disk = new TempFile(noise(BLOCKS * BLOCK));
    const n = 1000;
    const started = performance.now();
    const { output, stats } = await runVm(runtime, {
      guest: "blk",
      disk: disk.path,
      notification: "exit",
      cmdline: `n=${n} depth=1`,
    });
    const report = readGuestReport(output);
    strictEqual(report.histograms.get("read")!.n, n);
    ok(performance.now() - started < 10_000); // a lost bell costs 100 ms
    // What is left are the exits by which the driver sets the device up.
    ok(stats.vcpus[0]!.exits["ept-violation"]! < 100, JSON.stringify(stats.vcpus[0]!.exits));
    // A driver whose request has been taken already does not notify.
    const kicks = report.counts.get("kicks")!;
    ok(kicks > 0);
    ok((stats.engine.exits ?? Infinity) >= kicks, `${stats.engine.exits} by KVM, ${kicks} kicks`);
  },
);

engineTest(
  "a machine's statistics tell what its engine counted and what the host gave",
  async () => {
    await using runtime = await Runtime.open();
    const { stats } = await runVm(runtime, { guest: "exits", cmdline: "ops=out n=500" });
    const [vcpu] = stats.vcpus;
    ok(vcpu!.cpuNs > 0 && vcpu!.cpuNs < 60e9, `${vcpu!.cpuNs} ns`);
    ok(stats.residentBytes >= 4096 && stats.residentBytes <= 64 * 1024 ** 2);
    if (Object.keys(stats.engine).length === 0) return; // a kernel without KVM_GET_STATS_FD
    const counter = ENGINE === "kvm" ? "exits" : "instructions";
    ok(stats.engine[counter]! >= 500, `${stats.engine[counter]} ${counter}`);
    strictEqual(stats.engine[counter], vcpu!.engine[counter]);
  },
);

engineTest("a driver finds that a disk is read-only, and its bytes stay", async () => {
  await using runtime = await Runtime.open();
  const bytes = noise(BLOCKS * BLOCK);
  using disk = new TempFile(bytes);
  const { output, end } = await runVm(runtime, {
    guest: "blk",
    disk: disk.path,
    cmdline: "rw=write n=4",
  });
  strictEqual(output, "the disk is read-only\n");
  strictEqual(end.code, 1);
  ok(Deno.readFileSync(disk.path).every((byte, i) => byte === bytes[i]));
});

engineTest("a guest finds several disks in order, each by any of its queues", async () => {
  await using runtime = await Runtime.open();
  const contents = [1, 2, 3].map((seed) => noise(BLOCKS * BLOCK, seed));
  using first = new TempFile(contents[0]!);
  using second = new TempFile(contents[1]!);
  using third = new TempFile(contents[2]!);
  const config = {
    guest: "blk",
    disk: first.path,
    disks: [{ file: second.path, queues: 4 }, { file: third.path, writable: true, serial: "log" }],
  };
  for (const [disk, queue] of [[0, 0], [1, 0], [1, 3], [2, 0]] as const) {
    const cmdline = `ops=sum disk=${disk} queue=${queue} n=${BLOCKS}`;
    const { output } = await runVm(runtime, { ...config, cmdline });
    const expected = createHash("sha256").update(contents[disk]!).digest("hex");
    match(output, new RegExp(`^sha256 ${expected}$`, "m"), cmdline);
  }
  const write = { ...config, cmdline: "disk=2 rw=write n=9" };
  strictEqual((await runVm(runtime, write)).end.code, 0);
  const changed = [first, second, third].map((file, i) =>
    Deno.readFileSync(file.path).some((byte, at) => byte !== contents[i]![at])
  );
  deepStrictEqual(changed, [false, false, true]);
});

engineTest("a machine with two disks of one serial number is refused", async () => {
  await using runtime = await Runtime.open();
  using disk = new TempFile(new Uint8Array(BLOCK));
  const disks = [{ file: disk.path }, { file: disk.path, serial: "splitx-0" }];
  throws(
    () => runtime.createVm({ guest: "blk", disks }),
    /two disks have the serial number splitx-0$/,
  );
});
