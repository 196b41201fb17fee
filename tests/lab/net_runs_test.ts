/** The network benchmark's side of ours, in the lab: what it measures there is worth nothing. */
import { ok, strictEqual } from "node:assert";
import type { NetSideRun } from "../../bench/net.ts";
import { readGuestReport } from "../../runtime/guest_report.ts";
import { labTest } from "../debian_packages.ts";
import { cliLab } from "../support.ts";

labTest("a process of the host answers net on a machine of ours over a TAP interface", async () => {
  const n = 100;
  const { code, stdout, stderr } = await cliLab([
    ...["deno", "run", "-A", "bench/net_runs.ts", "2", `${n}`, "64", "splitx"],
  ]);
  strictEqual(code, 0, stdout + stderr);
  const runs: NetSideRun[] = stdout.trim().split("\n").map((line) => JSON.parse(line));
  strictEqual(runs.length, 2);
  for (const { output, code } of runs) {
    strictEqual(code, 0, output);
    const { text, spans, counts, histograms } = readGuestReport(output);
    strictEqual(text, "");
    strictEqual(spans.get("round_trip")?.n, n);
    ok(histograms.get("round_trip")!.n >= n - counts.get("lost")!);
  }
});
