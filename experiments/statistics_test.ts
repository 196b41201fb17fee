import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { median } from "simple-statistics";
import { seededRandom } from "./random.ts";
import { compareSamples, medianInterval, relativeHalfWidth } from "./statistics.ts";

const samples = (minLength: number) =>
  fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength, maxLength: 25 });

/** About normal: a sum of uniform numbers, mean 0. */
function noise(n: number, seed: number): number[] {
  const random = seededRandom(seed, 99);
  return Array.from({ length: n }, () => {
    let sum = 0;
    for (let i = 0; i < 12; i++) sum += random();
    return sum - 6;
  });
}

Deno.test("medianInterval() lies between the extremes and is the same for the same seed", () => {
  fc.assert(
    fc.property(samples(2), fc.integer(), (values, seed) => {
      const interval = medianInterval(values, seededRandom(seed))!;
      ok(interval.low <= interval.high);
      ok(interval.low >= Math.min(...values) && interval.high <= Math.max(...values));
      deepStrictEqual(medianInterval(values, seededRandom(seed)), interval);
    }),
    { numRuns: 50 },
  );
});

Deno.test("medianInterval() of 1 to 25 is that which order statistics give", () => {
  // P(X(8) <= m <= X(18)) is 0.957 for 25 values, by the binomial distribution.
  const values = Array.from({ length: 25 }, (_, i) => i + 1);
  const { low, high } = medianInterval(values, seededRandom(1))!;
  ok(low >= 7 && low <= 9, `low ${low}`);
  ok(high >= 17 && high <= 19, `high ${high}`);
});

Deno.test("medianInterval() holds the true median about as often as it says", () => {
  const RUNS = 300;
  let held = 0;
  for (let run = 0; run < RUNS; run++) {
    const { low, high } = medianInterval(noise(15, run), seededRandom(run))!;
    if (low <= 0 && high >= 0) held++;
  }
  ok(held / RUNS > 0.9 && held / RUNS < 0.99, `${held} of ${RUNS}`);
});

Deno.test("relativeHalfWidth() is a share of the value", () => {
  strictEqual(relativeHalfWidth(10, { low: 9, high: 11, level: 0.95 }), 0.1);
  strictEqual(relativeHalfWidth(-10, { low: -11, high: -9, level: 0.95 }), 0.1);
  strictEqual(relativeHalfWidth(0, { low: 0, high: 0, level: 0.95 }), 0);
  strictEqual(relativeHalfWidth(0, { low: -1, high: 1, level: 0.95 }), Infinity);
});

Deno.test("compareSamples() sees a shift and its sign, and none between equals", () => {
  const a = noise(15, 1), up = noise(15, 2).map((value) => value + 3);
  const seen = compareSamples(a, up, false, seededRandom(1));
  strictEqual(seen.verdict, "higher");
  ok(seen.interval!.low < 3 && seen.interval!.high > 3, "the shift is in the interval");
  ok(seen.p! < 0.01);
  strictEqual(compareSamples(up, a, false, seededRandom(1)).verdict, "lower");
  const same = compareSamples(a, a, false, seededRandom(1));
  strictEqual(same.verdict, "no difference seen");
  strictEqual(same.p, 1);
});

Deno.test("compareSamples() seldom sees a difference where there is none", () => {
  const RUNS = 200;
  let wrong = 0;
  for (let run = 0; run < RUNS; run++) {
    const { verdict } = compareSamples(
      noise(10, 2 * run),
      noise(10, 2 * run + 1),
      false,
      seededRandom(run),
    );
    if (verdict !== "no difference seen") wrong++;
  }
  ok(wrong / RUNS <= 0.06, `${wrong} of ${RUNS}`);
});

Deno.test("compareSamples() gives the difference of the medians, and p within its bounds", () => {
  fc.assert(
    fc.property(samples(2), samples(2), (a, b) => {
      const { difference, p } = compareSamples(a, b, false, seededRandom(1));
      strictEqual(difference, median(b) - median(a));
      ok(p! > 0 && p! <= 1);
    }),
    { numRuns: 20 },
  );
});

Deno.test("compareSamples() takes models at their word and claims nothing from one repetition", () => {
  strictEqual(compareSamples([1], [2], true, seededRandom(1)).verdict, "higher");
  strictEqual(compareSamples([2], [2], true, seededRandom(1)).verdict, "no difference seen");
  deepStrictEqual(compareSamples([1], [2], false, seededRandom(1)), {
    difference: 1,
    verdict: "no difference seen",
  });
  const two = compareSamples([1, 1.1], [9, 9.1], false, seededRandom(1));
  strictEqual(two.verdict, "no difference seen", "two repetitions are too few");
});
