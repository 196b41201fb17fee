/** The virtio network driver of the micro guests, between two QEMUs. */
import { ok, strictEqual } from "node:assert";
import { FLOOR, netOverTap, tapProblem } from "../../bench/net.ts";
import { PCI_MACHINES, runOnQemu } from "../../bench/qemu.ts";
import { netOnQemu } from "../../bench/qemu_net.ts";
import { buildGuests } from "../../build/guests.ts";
import { readGuestReport } from "../../runtime/guest_report.ts";
import { NO_QEMU, QEMU_ACCELERATORS, qemuPairTest, qemuTest, testUnless } from "../support.ts";

async function image(): Promise<string> {
  return `${await buildGuests(() => {})}/net.elf`;
}

for (const accelerator of QEMU_ACCELERATORS) {
  for (const size of [60, 1514]) {
    qemuPairTest(`net echoes frames of ${size} bytes on QEMU with ${accelerator}`, async () => {
      const runs = await netOnQemu(
        accelerator,
        await image(),
        "role=server",
        `role=client n=200 size=${size}`,
      );
      strictEqual(runs.active.code, 1);
      strictEqual(runs.passive.code, 1);
      const { text, spans, counts, histograms } = readGuestReport(runs.active.output);
      strictEqual(text, "");
      strictEqual(spans.get("round_trip")?.n, 200);
      // A frame that a busy host delays is sent again and is not in the histogram.
      const lost = counts.get("lost")!, measured = histograms.get("round_trip")!.n;
      ok(measured <= 200 && measured >= 200 - lost, `${measured} measured, ${lost} lost`);
      strictEqual(counts.get("bytes"), 200 * size);
      const server = readGuestReport(runs.passive.output);
      strictEqual(server.text, "");
      ok(server.counts.get("answered")! >= 200);
    });
  }

  qemuPairTest(`net streams frames on QEMU with ${accelerator}`, async () => {
    const runs = await netOnQemu(
      accelerator,
      await image(),
      "role=sink",
      "role=source n=2000 size=1000",
    );
    const source = readGuestReport(runs.active.output);
    strictEqual(source.text, "");
    strictEqual(source.spans.get("source")?.n, 2000);
    strictEqual(source.counts.get("bytes"), 2_000_000);
    const sink = readGuestReport(runs.passive.output);
    strictEqual(sink.text, "");
    const arrived = sink.spans.get("sink")!.n;
    strictEqual(arrived + sink.counts.get("lost")!, 2000);
    strictEqual(sink.counts.get("bytes"), arrived * 1000);
  });
}

qemuTest("net says in one line what it cannot do on QEMU", async () => {
  const cases = [
    ["role=client", "no virtio network device\n"],
    ["role=king", "role is not one of client, server, source, sink\n"],
    ["role=sink size=1515", "size is not from 60 to 1514\n"],
  ] as const;
  for (const [commandLine, line] of cases) {
    const { output, code } = await runOnQemu("tcg", await image(), commandLine, PCI_MACHINES.pc);
    strictEqual(output, line);
    strictEqual(code, 3);
  }
});

testUnless(
  NO_QEMU || await tapProblem(),
  "a process of the host answers net on QEMU, and C, over a TAP interface",
  async () => {
    const n = 100, runs = await netOverTap(2, { n, size: 64 }, ["floor", "tcg"]);
    ok(runs.length >= 4);
    for (const { setUp, output, code, errors } of runs) {
      strictEqual(code, 0, output + errors);
      const { text, spans, counts } = readGuestReport(output);
      strictEqual(text, "");
      strictEqual(spans.get("round_trip")?.n, n);
      if (setUp !== FLOOR) strictEqual(counts.get("bytes"), n * 64);
    }
  },
);
