/** Rows of an experiment as comma-separated values (RFC 4180). */
import type { ExperimentRow } from "../runtime/records.ts";

const LABELS = ["name", "kind", "engine", "clock", "placement", "notification", "guest"] as const;

function cell(value: string | number | undefined): string {
  const text = value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Writes the rows with a line of names above them.
 *
 * @example
 * ```ts
 * import { rowsToCsv } from "./csv.ts";
 * import { strictEqual } from "node:assert";
 * const row = { name: "a, b", kind: "measured", unit: "ns", n: 1, value: 2, at: { x: 3 } } as const;
 * strictEqual(rowsToCsv([row]).split("\r\n")[1], '"a, b",measured,,,,,,3,ns,1,2,,');
 * ```
 */
export function rowsToCsv(rows: readonly ExperimentRow[]): string {
  const axes = [...new Set(rows.flatMap((row) => Object.keys(row.at ?? {})))];
  const head = [...LABELS, ...axes, "unit", "n", "value", "low", "high"];
  const lines = rows.map((row) => [
    ...LABELS.map((label) => row[label]),
    ...axes.map((axis) => row.at?.[axis]),
    row.unit,
    row.n,
    row.value,
    row.interval?.low,
    row.interval?.high,
  ]);
  return [head, ...lines].map((cells) => `${cells.map(cell).join(",")}\r\n`).join("");
}
