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
      irqchip: "full",
      cmdline: `interrupts=1 ops=sum,measure n=${BLOCKS} depth=8`,
      ...point,
    });
    match(output, new RegExp(`^sha256 ${expected}$`, "m"));
    strictEqual(readGuestReport(output).histograms.get("read")!.n, BLOCKS);
    strictEqual(stats.lostInterrupts, 0);
    strictEqual(stats.wildPorts, 0);
  });
}

engineTest("a deep queue interrupts less than once in four requests", async () => {
  await using runtime = await Runtime.open();
  using disk = new TempFile(noise(BLOCKS * BLOCK));
  const n = 20_000;
  const { output, stats } = await runVm(runtime, {
    guest: "blk",
    disk: disk.path,
    irqchip: "full",
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
