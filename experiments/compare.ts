/** Two runs of an experiment, figure by figure. */
import { setImmediate } from "node:timers/promises";
import { usageError } from "../errors.ts";
import {
  type ComparedRow,
  type ComparisonRecord,
  comparisonRecordSchema,
  type ExperimentRecord,
  type ExperimentRow,
} from "../runtime/records.ts";
import type { StoredRun } from "../runtime/run_store.ts";
import { knobsOf, subjectOf } from "./experiment.ts";
import { seededRandom } from "./random.ts";
import { compareSamples } from "./statistics.ts";

/** Rows that can be compared: of one thing, come by in one way. */
function keyOf(row: ExperimentRow): string {
  return `${row.kind} ${subjectOf(row)}`;
}

function compareRows(a: ExperimentRow, b: ExperimentRow, seed: number): ComparedRow {
  const { difference, interval, p, verdict } = compareSamples(
    a.samples ?? [a.value!],
    b.samples ?? [b.value!],
    a.kind === "modelled",
    seededRandom(seed),
  );
  return {
    name: a.name,
    ...knobsOf(b),
    kind: a.kind,
    unit: a.unit,
    at: a.at ?? {},
    a: a.value!,
    b: b.value!,
    difference,
    ...(interval ? { interval } : {}),
    ...(p === undefined ? {} : { p }),
    verdict,
  };
}

/**
 * Compares two kept runs. Engines may differ: the rows are those of the same thing. Resampling takes
 * milliseconds a row, so whatever else the thread serves has its turn between two rows.
 *
 * @returns differences of b less a, in the order of a's rows
 * @throws SplitXError `bad-comparison` when they are of different experiments
 */
export async function compareRuns(
  a: StoredRun<ExperimentRecord>,
  b: StoredRun<ExperimentRecord>,
): Promise<ComparisonRecord> {
  if (a.record.name !== b.record.name) {
    const names = `${a.record.name} and ${b.record.name}`;
    throw usageError("bad-comparison", `runs ${a.id} and ${b.id} are of ${names}: name two of one`);
  }
  const others = new Map(b.record.rows.map((row) => [keyOf(row), row]));
  const rows: ComparedRow[] = [];
  for (const [i, row] of a.record.rows.entries()) {
    const other = others.get(keyOf(row));
    if (!other) continue;
    rows.push(compareRows(row, other, i));
    await setImmediate();
  }
  const end = (run: StoredRun<ExperimentRecord>) => ({
    run: run.id,
    at: run.at,
    host: run.record.host,
  });
  return comparisonRecordSchema.parse({
    schema: "splitx.comparison/1",
    name: a.record.name,
    a: end(a),
    b: end(b),
    rows,
    unmatched: a.record.rows.length + b.record.rows.length - 2 * rows.length,
  });
}
