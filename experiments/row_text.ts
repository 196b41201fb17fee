/** Figures of rows, for people. */
import { digits } from "../runtime/digits.ts";
import type { ExperimentRow } from "../runtime/records.ts";

/** A row's value, and its interval where it has one. */
export function valueText(row: ExperimentRow | undefined): string {
  return row?.value === undefined ? "" : digits(row.value);
}

/** The interval of a row, empty where it has none or it is a point. */
export function intervalText(interval: ExperimentRow["interval"]): string {
  if (!interval || interval.low === interval.high) return "";
  return `${digits(interval.low)} to ${digits(interval.high)}`;
}
