/** The drivers of the micro guests on our virtio disk, at every placement and notification. */
import { match, ok, strictEqual } from "node:assert";
import { createHash } from "node:crypto";
import { readGuestReport } from "../../runtime/guest_report.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { engineTest, noise, POINTS, runVm, TempFile } from "../support.ts";

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
    ok((stats.kvm.exits ?? Infinity) >= kicks, `${stats.kvm.exits} by KVM, ${kicks} kicks`);
  },
);

engineTest("a machine's statistics tell what KVM counted and what the host gave it", async () => {
  await using runtime = await Runtime.open();
  const { stats } = await runVm(runtime, { guest: "exits", cmdline: "ops=out n=500" });
  const [vcpu] = stats.vcpus;
  ok(vcpu!.cpuNs > 0 && vcpu!.cpuNs < 60e9, `${vcpu!.cpuNs} ns`);
  ok(stats.residentBytes >= 4096 && stats.residentBytes <= 64 * 1024 ** 2);
  if (Object.keys(stats.kvm).length === 0) return; // a kernel without KVM_GET_STATS_FD
  ok(stats.kvm.exits! >= 500, `${stats.kvm.exits} exits by KVM`);
  strictEqual(stats.kvm.exits, vcpu!.kvm.exits);
});

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
