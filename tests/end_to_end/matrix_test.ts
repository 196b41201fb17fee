/** The same image and the same handlers at every point of the matrix. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { createHash } from "node:crypto";
import { readGuestReport } from "../../runtime/guest_report.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { engineTest, IRQCHIP, noise, POINTS, runVm, TempFile } from "../support.ts";

for (const point of POINTS) {
  const at = `${point.placement}+${point.notification}`;

  engineTest(`hello says that it lives in ring 3 at ${at}`, async () => {
    await using runtime = await Runtime.open();
    const { output, end } = await runVm(runtime, { guest: "hello", cmdline: "a=1 b", ...point });
    strictEqual(output, "hello from ring 3 on splitx\ncommand line: a=1 b\n");
    strictEqual(end.state, "stopped");
    strictEqual(end.code, 0);
  });

  engineTest(`digest prints the file's SHA-256 at ${at}`, async () => {
    await using runtime = await Runtime.open();
    const bytes = noise(1_000_003); // not a multiple of a request: the last read is short
    using disk = new TempFile(bytes);
    const expected = createHash("sha256").update(bytes).digest("hex");
    for (const cmdline of ["", "sha=portable", "request=65536", "request=1000"]) {
      const { output } = await runVm(runtime, {
        guest: "digest",
        disk: disk.path,
        cmdline,
        ...point,
      });
      match(output, new RegExp(`^sha256 ${expected}$`, "m"), cmdline);
    }
  });

  engineTest(`exits on the guest core are what the point promises at ${at}`, async () => {
    await using runtime = await Runtime.open();
    using disk = new TempFile(noise(64 * 4096));
    const { stats } = await runVm(runtime, { guest: "digest", disk: disk.path, ...point });
    const { exitsTotal, calls } = stats.vcpus[0]!;
    const requests = 64;
    if (point.placement === "split" && point.notification === "polled") {
      ok(calls >= requests, `${calls} ring requests`);
      ok(exitsTotal < requests / 2, `${exitsTotal} exits`);
    } else {
      ok(exitsTotal >= requests, `${exitsTotal} exits`);
    }
    strictEqual(calls > 0, point.notification === "polled");
  });
}

for (
  const [notification, irqchip] of [
    ["exit", "none"],
    ["polled", "none"],
    ["polled", IRQCHIP],
  ] as const
) {
  const at = `split+${notification}${irqchip === IRQCHIP ? " with interrupt controllers" : ""}`;
  engineTest(
    `one hypervisor core serves every vCPU of a machine at ${at}`,
    async () => {
      await using runtime = await Runtime.open();
      const { output, stats, end } = await runVm(runtime, {
        guest: "hello",
        cmdline: "others=3",
        vcpus: 4,
        overcommit: true,
        notification,
        irqchip,
      });
      strictEqual(end.code, 0);
      deepStrictEqual(
        output.split("\n").filter((line) => line.startsWith("vCPU")).sort(),
        ["vCPU 1 runs", "vCPU 2 runs", "vCPU 3 runs"],
      );
      for (const vcpu of stats.vcpus) {
        ok(notification === "polled" ? vcpu.calls > 0 : vcpu.exitsTotal > 0);
      }
    },
  );
}

engineTest("digest of an empty disk is the digest of nothing", async () => {
  await using runtime = await Runtime.open();
  using disk = new TempFile("");
  const { output } = await runVm(runtime, { guest: "digest", disk: disk.path });
  match(output, /^sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855$/m);
});

engineTest("digest without a disk says what is missing", async () => {
  await using runtime = await Runtime.open();
  const { output, end } = await runVm(runtime, { guest: "digest" });
  strictEqual(output, "block size failed with status -6\n");
  strictEqual(end.code, 1);
});

engineTest("every operation of exits gives a figure at split and at same-core", async () => {
  await using runtime = await Runtime.open();
  const operations = ["nothing", "out", "in", "mmio", "cpuid_leaf", "call_exit", "call_ring"];
  const cmdline = "ops=nothing,out,in,mmio,cpuid,call_exit,call_ring,posted,loop n=100";
  for (const placement of ["same-core", "split"] as const) {
    const { output } = await runVm(runtime, { guest: "exits", cmdline, placement });
    const { histograms, spans } = readGuestReport(output);
    for (const name of operations) strictEqual(histograms.get(name)?.n, 100, name);
    strictEqual(spans.get("posted")?.n, 100);
    strictEqual(spans.get("loop")?.n, 100);
  }
});

for (const placement of ["same-core", "split"] as const) {
  engineTest(
    `a request that parks is answered when its time has come at ${placement}`,
    async () => {
      await using runtime = await Runtime.open();
      const cmdline = "ops=park_ring n=5";
      const { output } = await runVm(runtime, { guest: "exits", cmdline, placement });
      const { histograms } = readGuestReport(output);
      strictEqual(histograms.get("park_ring")?.n, 5);
      ok(histograms.get("park_ring")!.quantile(0) * runtime.nsPerTick >= 0.98e6); // bucket width
    },
  );
}

engineTest(
  "posted console bytes arrive all and in order, more than rings and buffers hold",
  async () => {
    await using runtime = await Runtime.open();
    const n = 1_500_000;
    const { output } = await runVm(runtime, { guest: "exits", cmdline: `ops=posted n=${n}` });
    const { text } = readGuestReport(output);
    const line = `${".".repeat(63)}\n`;
    const expected = line.repeat(Math.floor(n / 64)) + ".".repeat(n % 64) + "\n";
    ok(text === expected, `${text.length} characters, ${expected.length} expected`);
  },
);

engineTest("one hypervisor core serves several machines at once", async () => {
  await using runtime = await Runtime.open();
  const runs = Array.from(
    { length: 6 },
    (_, i) => runVm(runtime, { guest: "hello", cmdline: `number=${i}`, overcommit: true }),
  );
  for (const [i, { output }] of (await Promise.all(runs)).entries()) {
    match(output, new RegExp(`number=${i}\n$`));
  }
  strictEqual(runtime.hypervisorCores.length, 1);
});
