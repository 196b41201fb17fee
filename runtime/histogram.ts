/** Counts of values, merged without loss and asked for quantiles. */

/** See the head of this file. */
export class Histogram {
  readonly #counts = new Map<number, number>();
  #n = 0;

  /** How many values. */
  get n(): number {
    return this.#n;
  }

  /** Adds `count` times `value`. */
  add(value: number, count = 1): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + count);
    this.#n += count;
  }

  /** Adds another histogram, each value multiplied. */
  merge(other: Histogram, factor = 1): void {
    for (const [value, count] of other.#counts) this.add(value * factor, count);
  }

  /**
   * The smallest value that at least the share `q` of all values do not exceed; NaN when empty.
   *
   * @param q 0 to 1
   *
   * @example
   * ```ts
   * import { Histogram } from "./histogram.ts";
   * import { strictEqual } from "node:assert";
   * const histogram = new Histogram();
   * histogram.add(10, 98);
   * histogram.add(50, 2);
   * strictEqual(histogram.quantile(0.5), 10);
   * strictEqual(histogram.quantile(0.99), 50);
   * ```
   */
  quantile(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.#n));
    let seen = 0;
    for (const [value, count] of [...this.#counts].sort((a, b) => a[0] - b[0])) {
      seen += count;
      if (seen >= rank) return value;
    }
    return NaN;
  }
}

/** The middle of a list of numbers; NaN when empty. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1
    ? sorted[Math.floor(half)]!
    : (sorted[half - 1]! + sorted[half]!) / 2;
}
