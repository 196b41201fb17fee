/** Rows of repetitions: one for each figure of a point. */
import { median } from "simple-statistics";
import type { ExperimentRow } from "../runtime/records.ts";
import { type Figure, type Place, type Point, subjectOf } from "./experiment.ts";
import { seededRandom } from "./random.ts";
import { medianInterval } from "./statistics.ts";

const INTERVALS = 4;

/** Makes the rows of a point; none when it was not measured. */
export function pointRows(
  point: Point,
  samples: readonly (readonly Figure[])[],
  seed: number,
): ExperimentRow[] {
  return (samples[0] ?? []).map(({ name, unit, at }, i) => {
    const values = samples.map((figures) => figures[i]!.value);
    const interval = medianInterval(values, seededRandom(seed, INTERVALS, i));
    return {
      name,
      ...point.knobs,
      kind: point.kind,
      unit,
      n: values.length,
      value: median(values),
      at: { ...point.at, ...at },
      ...(interval ? { interval } : {}),
      samples: values,
    };
  });
}

/** What a row must have to be found: the name, and labels and places that are equal to these. */
export interface Sought extends Partial<Omit<ExperimentRow, "at">> {
  readonly name: string;
  readonly at?: Place;
}

function matches(row: ExperimentRow, { at, ...labels }: Sought): boolean {
  return Object.entries(labels).every(([name, value]) =>
    row[name as keyof ExperimentRow] === value
  ) && Object.entries(at ?? {}).every(([name, value]) => row.at?.[name] === value);
}

/** The rows that match, in their order. */
export function findRows(rows: readonly ExperimentRow[], sought: Sought): ExperimentRow[] {
  return rows.filter((row) => matches(row, sought));
}

/** The value of the only row that matches; undefined when there is none. */
export function findValue(rows: readonly ExperimentRow[], sought: Sought): number | undefined {
  return rows.find((row) => matches(row, sought))?.value;
}

/** Measured and modelled rows of one thing. */
export interface RowPair {
  readonly measured?: ExperimentRow;
  readonly modelled?: ExperimentRow;
}

/** Puts the measured and the modelled row of each thing side by side, in the rows' order. */
export function pairRows(rows: readonly ExperimentRow[]): RowPair[] {
  const pairs = new Map<string, RowPair>();
  for (const row of rows) {
    const subject = subjectOf(row);
    pairs.set(subject, { ...pairs.get(subject), [row.kind]: row });
  }
  return [...pairs.values()];
}
