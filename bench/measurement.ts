/** What a benchmark is made of: measurements that give rows, and rows that are held to bounds. */
import type { Row } from "../runtime/records.ts";
import type { Histogram } from "../runtime/histogram.ts";

/** What every row of a benchmark is labelled with. */
export type Knobs = Pick<Row, "engine" | "placement" | "notification" | "guest">;

/** A distribution as a row. */
export function distribution(name: string, knobs: Knobs, unit: string, values: Histogram): Row {
  return {
    name,
    ...knobs,
    kind: "measured",
    unit,
    n: values.n,
    p50: values.quantile(0.5),
    p99: values.quantile(0.99),
    p999: values.quantile(0.999),
  };
}

/** A single figure as a row. */
export function figure(name: string, knobs: Knobs, unit: string, value: number, n: number): Row {
  return { name, ...knobs, kind: "measured", unit, n, value };
}

/**
 * A figure that must keep a bound.
 *
 * @param must the bound in words
 * @param holds whether the value keeps it
 */
export function bounded(
  name: string,
  unit: string,
  value: number,
  n: number,
  must: string,
  holds: boolean,
): Row {
  return { name, kind: "measured", unit, n, value, bound: must, holds };
}
