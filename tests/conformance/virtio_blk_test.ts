/** The virtio block driver of the micro guests, on QEMU's device. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { createHash } from "node:crypto";
import { PCI_MACHINES, runOnQemu } from "../../bench/qemu.ts";
import { blkOnQemu, QEMU_DISK_SET_UPS } from "../../bench/qemu_blk.ts";
import { buildGuests } from "../../build/guests.ts";
import { readGuestReport } from "../../runtime/guest_report.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { engineTest, noise, QEMU_ACCELERATORS, qemuTest, runVm, TempFile } from "../support.ts";

const DEVICE = "virtio-blk-pci,drive=d0,disable-legacy=on";

async function image(): Promise<string> {
  return `${await buildGuests(() => {})}/blk.elf`;
}

function disk(file: TempFile, device = DEVICE): string[] {
  return ["-drive", `file=${file.path},if=none,id=d0,format=raw`, "-device", device];
}

/** What `blk` writes with verify=1: see `fill_block()` there. */
function contents(seed: number, block: number, size: number): Uint8Array {
  const generation = block % 3 === 0 ? 2 : 1;
  const words = new Uint32Array(size / 4);
  let state = seed + Math.imul(block, 0x9e3779b1) + Math.imul(generation, 0x85ebca6b) | 1;
  words.set([block, generation]);
  for (let i = 2; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer);
}

/** Machine, device and command line at which written blocks come back. */
const VERIFIED = [
  ["q35", DEVICE, "depth=16 flush=50"],
  ["pc", `${DEVICE},event_idx=off,indirect_desc=off`, "depth=64 pattern=sequential"],
  ["pc", "virtio-blk-pci,drive=d0", "depth=1"],
  ["q35", `${DEVICE},queue-size=64,indirect_desc=off`, "depth=20"],
] as const;

for (const accelerator of QEMU_ACCELERATORS) {
  for (const [machine, device, options] of VERIFIED) {
    const name = `blk writes and reads back on QEMU's ${machine} with ${accelerator}: ${options}`;
    qemuTest(`${name}, ${device.split(",").slice(2).join(" ") || "legacy too"}`, async () => {
      const blocks = 300, size = 4096, seed = 77;
      using file = new TempFile(new Uint8Array(1 << 21));
      const { output, code } = await runOnQemu(
        accelerator,
        await image(),
        `verify=1 n=${blocks} size=${size} seed=${seed} ${options}`,
        [...PCI_MACHINES[machine], ...disk(file, device)],
      );
      const { text, counts, histograms } = readGuestReport(output);
      strictEqual(text, `verified ${blocks} blocks\n`);
      strictEqual(code, 1);
      strictEqual(counts.get("bytes"), (blocks + blocks / 3 + blocks) * size);
      strictEqual(counts.get("flushes"), options.includes("flush") ? 8 : 0);
      strictEqual(histograms.get("verify_read")?.n, blocks);
      const written = Deno.readFileSync(file.path);
      for (let block = 0; block < blocks; block++) {
        const there = written.subarray(block * size, (block + 1) * size);
        deepStrictEqual(new Uint8Array(there), contents(seed, block, size), `block ${block}`);
      }
      ok(written.subarray(blocks * size).every((byte) => byte === 0), "it wrote too far");
    });
  }

  qemuTest(`blk reads what the host wrote on QEMU with ${accelerator}`, async () => {
    const bytes = noise(1 << 20);
    using file = new TempFile(bytes);
    const { output } = await runOnQemu(
      accelerator,
      await image(),
      "ops=sum,measure n=100 size=8192 depth=4",
      [...PCI_MACHINES.q35, ...disk(file)],
    );
    const { text, counts, histograms, spans } = readGuestReport(output);
    const sum = createHash("sha256").update(bytes.subarray(0, 100 * 8192)).digest("hex");
    strictEqual(text, `sha256 ${sum}\n`);
    strictEqual(histograms.get("read")?.n, 100);
    strictEqual(spans.get("read")?.n, 100);
    strictEqual(counts.get("bytes"), 100 * 8192);
    const kicks = counts.get("kicks")!;
    ok(kicks >= 1 && kicks <= 100, `${kicks} kicks`);
  });

  for (const features of ["", ",event_idx=off,indirect_desc=off"]) {
    const name =
      `blk that waits for interrupts reads what the host wrote on QEMU with ${accelerator}`;
    qemuTest(name + features, async () => {
      const bytes = noise(1 << 20), blocks = 256, depth = 32;
      using file = new TempFile(bytes);
      const machine = [...PCI_MACHINES.q35, ...disk(file, DEVICE + features)];
      const run = async (options: string) =>
        readGuestReport(
          (await runOnQemu(accelerator, await image(), `interrupts=1 ${options}`, machine)).output,
        );
      const sum = createHash("sha256").update(bytes).digest("hex");
      strictEqual((await run(`ops=sum n=${blocks}`)).text, `sha256 ${sum}\n`);
      const n = 5000, { histograms, counts } = await run(`n=${n} depth=${depth}`);
      strictEqual(histograms.get("read")?.n, n);
      const taken = counts.get("interrupts")!;
      ok(taken > 0 && taken <= n, `${taken} interrupts`);
    });
  }
}

qemuTest("blk goes on when the indexes of its ring wrap", async () => {
  using file = new TempFile(noise(1 << 16));
  const machine = [...PCI_MACHINES.q35, ...disk(file)];
  const { output } = await runOnQemu("tcg", await image(), "n=70000 size=512 depth=64", machine);
  strictEqual(readGuestReport(output).histograms.get("read")?.n, 70000);
});

qemuTest("blk finds a device that forgets what is written", async () => {
  const { output, code } = await runOnQemu("tcg", await image(), "verify=1 n=10", [
    ...PCI_MACHINES.q35,
    ...["-blockdev", "null-co,node-name=d0,size=1048576,read-zeroes=on", "-device", DEVICE],
  ]);
  match(output, /^verify FAILED block \d+$/m);
  strictEqual(code, 3); // (1 << 1) | 1
});

qemuTest("blk says in one line what it cannot do on QEMU", async () => {
  using file = new TempFile(new Uint8Array(1 << 16));
  const readOnly = ["-drive", `file=${file.path},if=none,id=d0,format=raw,readonly=on`];
  const cases: [string, string[], string][] = [
    ["", [], "no virtio block device\n"],
    ["rw=write", [...readOnly, "-device", DEVICE], "the disk is read-only\n"],
    ["size=131072", disk(file), "the disk is smaller than a block\n"],
    ["size=100", disk(file), "size is not a multiple of 512\n"],
    ["depth=65", disk(file), "depth is not from 1 to 64\n"],
  ];
  for (const [commandLine, options, line] of cases) {
    const machine = [...PCI_MACHINES.pc, ...options];
    const { output, code } = await runOnQemu("tcg", await image(), commandLine, machine);
    strictEqual(output, line);
    strictEqual(code, 3);
  }
});

if (QEMU_ACCELERATORS.includes("kvm")) {
  qemuTest("blkOnQemu() reports every set-up that QEMU has", async () => {
    using file = new TempFile(noise(1 << 20));
    const runs = await blkOnQemu(await image(), file.path, "n=50 depth=2");
    deepStrictEqual(runs.map((run) => run.setUp), QEMU_DISK_SET_UPS.map((one) => one.name));
    strictEqual(runs[0]!.report?.histograms.get("read")?.n, 50);
    for (const { report, problem } of runs) ok(report ?? problem);
  });
}

engineTest("blk says that there is no device on a machine without one", async () => {
  await using runtime = await Runtime.open();
  const { output, end } = await runVm(runtime, { guest: "blk" });
  strictEqual(output, "no virtio block device\n");
  deepStrictEqual(end, { state: "stopped", code: 1 });
});
