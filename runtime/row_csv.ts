/** Rows of a record as comma-separated values (RFC 4180). */
import type { ExperimentRow } from "./records.ts";

type Value = string | number | boolean | undefined;
/** A column's name and what a row has there. */
type Column = readonly [string, (row: ExperimentRow) => Value];

const LABELS = [
  ...["name", "kind", "engine", "clock", "placement", "notification", "interrupts"] as const,
  "guest",
] as const;
const FIGURES = ["unit", "n", "p50", "p99", "p999", "value"] as const;

function columnsOf(rows: readonly ExperimentRow[]): Column[] {
  const axes = new Set(rows.flatMap((row) => Object.keys(row.at ?? {})));
  const columns: Column[] = [
    ...LABELS.map((label): Column => [label, (row) => row[label]]),
    ...[...axes].map((axis): Column => [axis, (row) => row.at?.[axis]]),
    ...FIGURES.map((figure): Column => [figure, (row) => row[figure]]),
    ["low", (row) => row.interval?.low],
    ["high", (row) => row.interval?.high],
    ["bound", (row) => row.bound],
    ["holds", (row) => row.holds],
  ];
  return columns.filter(([, valueOf]) => rows.some((row) => valueOf(row) !== undefined));
}

function cell(value: Value): string {
  const text = value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Writes the rows with a line of names above them. A column that no row fills is left out.
 *
 * @param rows of any record
 *
 * @example
 * ```ts
 * import { rowsToCsv } from "./row_csv.ts";
 * import { strictEqual } from "node:assert";
 * const row = { name: "a, b", kind: "measured", unit: "ns", n: 1, value: 2, at: { x: 3 } } as const;
 * strictEqual(rowsToCsv([row]), 'name,kind,x,unit,n,value\r\n"a, b",measured,3,ns,1,2\r\n');
 * ```
 */
export function rowsToCsv(rows: readonly ExperimentRow[]): string {
  const columns = columnsOf(rows);
  const lines = rows.map((row) => columns.map(([, valueOf]) => valueOf(row)));
  return [columns.map(([name]) => name), ...lines]
    .map((cells) => `${cells.map(cell).join(",")}\r\n`).join("");
}
