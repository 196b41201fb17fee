/** An experiment without machines, for tests: figures are made of random numbers. */
import type { z } from "zod";
import type { Runtime } from "../runtime/runtime.ts";
import {
  type Context,
  type Experiment,
  type Figure,
  type Point,
  pointKey,
  samplingSchema,
} from "./experiment.ts";
import { seededRandom } from "./random.ts";

/** What a measurement was, in the order in which they were made. */
export interface FakeExperiment extends Experiment {
  readonly measured: string[];
}

/** Points of it. */
export const POINTS: readonly Point[] = [
  ...["a", "b", "c"].map((x): Point => ({
    kind: "measured",
    knobs: { engine: "soft", placement: "split", notification: "polled", clock: "host" },
    at: { x },
  })),
  {
    kind: "modelled",
    knobs: { engine: "soft", placement: "split", notification: "polled", clock: "virtual" },
    at: { x: "a" },
  },
];

/**
 * Makes one.
 *
 * @param spread of the figures around 100
 * @param before called before each measurement
 */
export function fakeExperiment(spread = 10, before = () => {}): FakeExperiment {
  const counts = new Map<string, number>(), measured: string[] = [];
  return {
    name: "fake",
    title: "a fake",
    parameters: samplingSchema,
    measured,
    points: () => POINTS,
    // deno-lint-ignore require-await
    async measure(point): Promise<Figure[]> {
      before();
      const key = pointKey(point), n = counts.get(key) ?? 0;
      counts.set(key, n + 1);
      measured.push(key);
      const value = 100 + spread * (seededRandom(key.length, n)() - 0.5);
      return [
        { name: "speed", unit: "MB/s", value },
        { name: "size", unit: "B", value: 7, at: { y: 1 } },
      ];
    },
    derive: (rows) => [{ name: "sum", kind: "measured", unit: "1", n: 1, value: rows.length }],
    charts: (rows) => [{
      type: "lines",
      title: "a chart",
      x: { label: "x" },
      y: { label: "y" },
      series: (["measured", "modelled"] as const).map((kind) => ({
        name: "speed",
        kind,
        points: rows.filter((row) => row.kind === kind).map((row, x) => ({ x, y: row.value! })),
      })),
    }],
    summary: () => ["a sentence"],
  };
}

/** A context without a runtime. */
export function fakeContext(signal = new AbortController().signal): Context {
  return { runtime: {} as Runtime, signal };
}

/** Parameters with their defaults. */
export function fakeParameters(
  settings: z.input<typeof samplingSchema> = {},
): z.infer<typeof samplingSchema> {
  return samplingSchema.parse(settings);
}
