/** What repetitions say: medians, their intervals by bootstrap, and differences of two. */
import { median, permutationTest, quantile, sampleWithReplacement } from "simple-statistics";
import type { Random } from "./random.ts";

/** Where a value lies with the probability `level`. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly level: number;
}

const LEVEL = 0.95;
const RESAMPLES = 1000;
/** The most that chance may explain of what is called a difference. */
const SIGNIFICANCE = 1 - LEVEL;

function percentiles(values: readonly number[]): Interval {
  const sorted = [...values];
  const [low, high] = quantile(sorted, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]);
  return { low: low!, high: high!, level: LEVEL };
}

function resampledMedian(values: readonly number[], random: Random): number {
  return median(sampleWithReplacement([...values], values.length, random));
}

/**
 * The 95 % interval of a median, by bootstrap (percentiles).
 *
 * @param values independent repetitions
 * @returns undefined when there are fewer than two
 *
 * @example
 * ```ts
 * import { medianInterval } from "./statistics.ts";
 * import { seededRandom } from "./random.ts";
 * import { deepStrictEqual } from "node:assert";
 * deepStrictEqual(medianInterval([7, 7, 7], seededRandom(1)), { low: 7, high: 7, level: 0.95 });
 * deepStrictEqual(medianInterval([7], seededRandom(1)), undefined);
 * ```
 */
export function medianInterval(values: readonly number[], random: Random): Interval | undefined {
  if (values.length < 2) return undefined;
  return percentiles(Array.from({ length: RESAMPLES }, () => resampledMedian(values, random)));
}

/** Half an interval's width as a share of the value; Infinity around 0. */
export function relativeHalfWidth(value: number, { low, high }: Interval): number {
  if (low === high) return 0;
  return value === 0 ? Infinity : (high - low) / 2 / Math.abs(value);
}

/** How two lists of repetitions differ. */
export interface Difference {
  /** Median of b less median of a. */
  readonly difference: number;
  /** Of the difference, by bootstrap; absent where a side has fewer than two repetitions. */
  readonly interval?: Interval;
  /** How often shuffled lists have means as far apart: a two-sided permutation test. */
  readonly p?: number;
  /** Higher and lower only when interval and permutation agree that it is not chance. */
  readonly verdict: "higher" | "lower" | "no difference seen";
}

/**
 * Compares two lists of repetitions.
 *
 * @param exact whether a repetition is always the same, as those of a model are
 */
export function compareSamples(
  a: readonly number[],
  b: readonly number[],
  exact: boolean,
  random: Random,
): Difference {
  const difference = median([...b]) - median([...a]);
  const sign = difference > 0 ? "higher" : "lower";
  if (exact) return { difference, verdict: difference === 0 ? "no difference seen" : sign };
  if (a.length < 2 || b.length < 2) return { difference, verdict: "no difference seen" };
  const interval = percentiles(
    Array.from(
      { length: RESAMPLES },
      () => resampledMedian(b, random) - resampledMedian(a, random),
    ),
  );
  // The lists themselves are one of the arrangements: p is never 0.
  const share = permutationTest([...a], [...b], "two_side", RESAMPLES, random);
  const p = (share * RESAMPLES + 1) / (RESAMPLES + 1);
  const seen = p < SIGNIFICANCE && (interval.low > 0 || interval.high < 0);
  return { difference, interval, p, verdict: seen ? sign : "no difference seen" };
}
