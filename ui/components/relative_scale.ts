/** Differences as shares of what they are differences from, on one scale for all of a table. */
import type { Schemas } from "../../runtime/api/client.ts";

/** A difference of 0.1 is a tenth more. */
export interface Relative {
  readonly difference: number;
  /** Where it has a confidence interval. */
  readonly interval?: { readonly low: number; readonly high: number };
}

/** Ends of scales; what lies beyond the last is cut off. */
const LIMITS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];

/** The difference of b from a as a share of a; undefined where a is 0. */
export function relativeOf(
  { a, difference, interval }: Pick<Schemas["ComparedRow"], "a" | "difference" | "interval">,
): Relative | undefined {
  if (a === 0) return undefined;
  const whole = Math.abs(a);
  return {
    difference: difference / whole,
    ...(interval ? { interval: { low: interval.low / whole, high: interval.high / whole } } : {}),
  };
}

/** Where a scale ends on both sides, so that all of these are on it if one can be. */
export function limitOf(relatives: readonly Relative[]): number {
  const furthest = Math.max(
    0,
    ...relatives.flatMap(({ difference, interval }) => [
      Math.abs(difference),
      ...(interval ? [Math.abs(interval.low), Math.abs(interval.high)] : []),
    ]),
  );
  return LIMITS.find((limit) => furthest <= limit) ?? LIMITS.at(-1)!;
}

/** A value's place on a scale, -1 to 1; what lies beyond an end is put there. */
export function placeOn(limit: number, value: number): number {
  return Math.max(-1, Math.min(1, value / limit));
}
