import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import type { ExperimentRecord, ExperimentRow } from "../runtime/records.ts";
import type { StoredRun } from "../runtime/run_store.ts";
import { TEST_HOST as host } from "../runtime/test_host.ts";
import { compareRuns } from "./compare.ts";

function row(
  x: number,
  samples: number[],
  kind: ExperimentRow["kind"] = "measured",
): ExperimentRow {
  const value = samples[Math.floor(samples.length / 2)]!;
  return { name: "speed", kind, unit: "ns", n: samples.length, value, at: { x }, samples };
}

function run(id: number, rows: ExperimentRow[], name = "fake"): StoredRun<ExperimentRecord> {
  const record = { schema: "splitx.experiment/1" as const, name, host, parameters: {}, rows };
  return { id, at: "2026-01-01T00:00:00.000Z", record };
}

const NEAR = [10, 11, 12, 13, 14, 15, 16], FAR = NEAR.map((value) => value + 20);

Deno.test("compareRuns() compares rows of one place and kind", async () => {
  const a = run(1, [row(1, NEAR), row(2, NEAR), row(1, [5], "modelled"), row(3, NEAR)]);
  const b = run(2, [row(2, NEAR), row(1, FAR), row(1, [4], "modelled")]);
  const { rows, unmatched } = await compareRuns(a, b);
  deepStrictEqual(
    rows.map(({ at, kind, difference, verdict }) => [at!.x, kind, difference, verdict]),
    [
      [1, "measured", 20, "higher"],
      [2, "measured", 0, "no difference seen"],
      [1, "modelled", -1, "lower"],
    ],
  );
  ok(rows[0]!.interval!.low > 0 && rows[0]!.p! < 0.05);
  strictEqual(unmatched, 1);
});

Deno.test("compareRuns() gives the same figures each time", async () => {
  const a = run(1, [row(1, NEAR)]), b = run(2, [row(1, FAR)]);
  deepStrictEqual(await compareRuns(a, b), await compareRuns(a, b));
});

Deno.test("compareRuns() refuses runs of two experiments", async () => {
  await rejects(
    compareRuns(run(1, []), run(2, [], "other")),
    /runs 1 and 2 are of fake and other/,
  );
});
