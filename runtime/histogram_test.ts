import { strictEqual } from "node:assert";
import fc from "fast-check";
import { Histogram, median } from "./histogram.ts";

const value = fc.oneof(fc.nat(20), fc.nat(), fc.double({ noNaN: true, noDefaultInfinity: true }))
  .map((value) => value + 0); // -0 and 0 are one value
const values = fc.array(value, { minLength: 1, maxLength: 200 });

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

Deno.test("quantile() agrees with sorting", () => {
  // Shares of a power of two are exact.
  const share = fc.nat(1024).map((part) => part / 1024);
  fc.assert(fc.property(values, share, (values, q) => {
    const sorted = ascending(values);
    const expected = sorted.find((_, i) => (i + 1) / sorted.length >= q);
    strictEqual(histogramOf(values).quantile(q), expected);
  }));
});

Deno.test("quantile() gives the extremes at 0 and 1, and NaN when empty", () => {
  const histogram = histogramOf([5, -3, 9, 9]);
  strictEqual(histogram.quantile(0), -3);
  strictEqual(histogram.quantile(1), 9);
  strictEqual(new Histogram().quantile(0.5), NaN);
});

Deno.test("add() of a count stands for so many values", () => {
  const counted = new Histogram();
  counted.add(1, 2);
  counted.add(8, 3);
  counted.add(1);
  strictEqual(counted.n, 6);
  strictEqual(counted.quantile(0.5), 1);
  strictEqual(counted.quantile(0.51), 8);
});

Deno.test("merge() equals adding everything to one", () => {
  fc.assert(fc.property(values, values, fc.integer({ min: 1, max: 9 }), (some, others, factor) => {
    const merged = histogramOf(some), other = histogramOf(others);
    merged.merge(other, factor);
    const all = [...some, ...others.map((value) => value * factor)];
    strictEqual(merged.n, all.length);
    strictEqual(other.n, others.length);
    const sorted = ascending(all);
    for (const q of [0, 0.25, 0.5, 0.75, 1]) {
      strictEqual(merged.quantile(q), sorted.find((_, i) => (i + 1) / sorted.length >= q));
    }
  }));
});

Deno.test("median() is the middle, or halfway between the two middles", () => {
  strictEqual(median([9, 1, 5]), 5);
  strictEqual(median([10, 9, 1, 5]), 7);
  strictEqual(median([]), NaN);
  const given = [3, 1, 2];
  median(given);
  strictEqual(given.join(), "3,1,2");
});
