/** What an experiment is: parameters, the points of a sweep, and how one point is measured once. */
import { z } from "zod";
import type { ExperimentRow } from "../runtime/records.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Chart } from "./chart.ts";

/** How often points are measured: parameters that every experiment has. */
export const samplingSchema = z.strictObject({
  repetitions: z.int().min(1).max(1000).default(15)
    .describe("most measurements of a point; a modelled one is computed once"),
  least: z.int().min(1).max(1000).default(5)
    .describe("measurements of a point before it may be precise enough"),
  precision: z.number().min(0).max(1).default(0.02)
    .describe("half of the interval over the median at which a point is precise enough"),
  warmUp: z.int().min(0).max(100).default(1)
    .describe("measurements of each point that are thrown away first"),
  seed: z.int().min(0).max(0x7fffffff).default(1)
    .describe("of the order in which points are measured, and of all resampling"),
});

/** See {@link samplingSchema}. */
export type SamplingParameters = z.infer<typeof samplingSchema>;

/** Labels of a row that say which machine it is about. */
export type Knobs = Pick<
  ExperimentRow,
  "engine" | "placement" | "notification" | "guest" | "clock"
>;

/** Values on an experiment's axes. */
export type Place = Readonly<Record<string, string | number>>;

/** One point of a sweep. */
export interface Point {
  /** Whether the host's clock says how it is, or a model. */
  readonly kind: "measured" | "modelled";
  readonly knobs: Knobs;
  readonly at: Place;
}

/** One figure of one measurement. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  /** Where it lies on axes that the point has not. */
  readonly at?: Place;
}

/** What a measurement may use. */
export interface Context {
  readonly runtime: Runtime;
  /** Aborted when the experiment is cancelled: the measurement ends soon, by an error. */
  readonly signal: AbortSignal;
}

/** A part of an experiment that stands alone: a sweep and what is made of its figures. */
export interface Sweep<P extends SamplingParameters = SamplingParameters> {
  /** The points, in the order in which people read them; no two are the same. */
  points(parameters: P, runtime: Runtime): readonly Point[];
  /**
   * Measures a point once.
   *
   * @returns the same figures each time; the stop rule watches the first
   */
  measure(point: Point, parameters: P, context: Context): Promise<readonly Figure[]>;
  /** Rows computed from the others. */
  derive?(rows: readonly ExperimentRow[], parameters: P): readonly ExperimentRow[];
  /** What is drawn of all rows. */
  charts(rows: readonly ExperimentRow[]): readonly Chart[];
  /** Sentences that say what the rows show. */
  summary(rows: readonly ExperimentRow[]): readonly string[];
}

/** See the head of this file. */
export interface Experiment<P extends SamplingParameters = SamplingParameters> extends Sweep<P> {
  readonly name: string;
  /** What it finds out, in one line. */
  readonly title: string;
  readonly parameters: z.ZodType<P>;
}

function sorted(values: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(values).filter(([, value]) => value !== undefined).sort(([a], [b]) =>
    a < b ? -1 : 1
  );
}

/** A point as text: the same for the same point, in every run. */
export function pointKey({ kind, knobs, at }: Point): string {
  return JSON.stringify([kind, sorted(knobs), sorted(at)]);
}

/** The labels of a row, or of a point, that say which machine it is about. */
export function knobsOf(
  { engine, placement, notification, guest, clock }: Knobs,
): Knobs {
  return {
    ...(engine ? { engine } : {}),
    ...(placement ? { placement } : {}),
    ...(notification ? { notification } : {}),
    ...(guest ? { guest } : {}),
    ...(clock ? { clock } : {}),
  };
}

/**
 * What a row is about, as text, without how it was come by: the measured and the modelled row of one
 * thing have the same.
 */
export function subjectOf(row: ExperimentRow): string {
  const { placement, notification } = row;
  return JSON.stringify([
    row.name,
    row.unit,
    sorted({ placement, notification }),
    sorted(row.at ?? {}),
  ]);
}

/** Where a row or a point lies, for people. */
export function describePlace({ placement, notification }: Knobs, at: Place = {}): string {
  const machine = [placement, notification].filter((word) => word !== undefined).join("+");
  return [machine, ...Object.entries(at).map(([name, value]) => `${name} ${value}`)]
    .filter((word) => word !== "").join(", ");
}
