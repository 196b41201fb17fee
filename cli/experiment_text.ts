/** What `deno task experiment` prints for people. */
import { describePlace } from "../experiments/experiment.ts";
import type { ExperimentDescription } from "../experiments/catalogue.ts";
import { intervalText, valueText } from "../experiments/row_text.ts";
import { pairRows } from "../experiments/rows.ts";
import type { ExperimentProgress } from "../experiments/runner.ts";
import { digits } from "../runtime/digits.ts";
import type { ComparisonRecord, ExperimentRow } from "../runtime/records.ts";
import type { StoredExperiment } from "../runtime/run_store.ts";
import { table } from "./table.ts";

/** The experiments with their parameters and defaults. */
export function listText(experiments: readonly ExperimentDescription[]): string {
  return experiments.map(({ name, title, parameters }) => {
    const lines = Object.entries(parameters).map(([key, schema]) => [
      `  ${key}=${[schema.default ?? ""].flat().join(",")}`,
      schema.description ?? "",
    ]);
    const width = Math.max(...lines.map(([key]) => key!.length));
    return `${name}: ${title}\n` +
      lines.map(([key, words]) => `${key!.padEnd(width)}  ${words}\n`).join("");
  }).join("\n");
}

/** Measured beside modelled. */
export function rowsText(rows: readonly ExperimentRow[]): string {
  return table(
    ["figure", "unit", "n", "MEASURED", "95 % interval", "~modelled"],
    pairRows(rows).map(({ measured, modelled }) => {
      const row = (measured ?? modelled)!, place = describePlace(row, row.at);
      return [
        place ? `${row.name}: ${place}` : row.name,
        row.unit,
        measured ? String(measured.n) : "",
        valueText(measured),
        intervalText(measured?.interval),
        modelled ? `~${valueText(modelled)}` : "",
      ];
    }),
  );
}

/** Two runs beside each other. */
export function comparisonText({ a, b, rows, unmatched }: ComparisonRecord): string {
  const same = rows.filter((row) => row.verdict === "no difference seen").length;
  return table(
    [
      "figure",
      "kind",
      "unit",
      `run ${a.run}`,
      `run ${b.run}`,
      "difference",
      "95 % interval",
      "p",
      "",
    ],
    rows.map((row) => [
      `${row.name}: ${describePlace(row, row.at)}`,
      row.kind === "measured" ? "MEASURED" : "~modelled",
      row.unit,
      digits(row.a),
      digits(row.b),
      digits(row.difference),
      intervalText(row.interval),
      row.p === undefined ? "" : digits(row.p),
      row.verdict === "no difference seen" ? "" : row.verdict,
    ]),
  ) + `${rows.length} figures, ${same} without a difference seen, ${unmatched} in one run only\n`;
}

/** The kept runs, newest first. */
export function runsText(runs: readonly StoredExperiment[]): string {
  return table(["run", "experiment", "at"], runs.map(({ id, name, at }) => [String(id), name, at]));
}

/** Such as `1 min 5 s`. */
function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** One line of progress. */
export function progressText({ phase, done, total, msLeft, last }: ExperimentProgress): string {
  const left = msLeft === undefined ? "" : `, at most ${duration(msLeft)} left`;
  return `${phase}: ${done} of at most ${total}${left} (${last})`;
}
