import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { latencyBars } from "./latency_bars.ts";

/** Two buckets to each power of two, from 8 ns on. */
const BOUNDS = Array.from({ length: 40 }, (_, i) => (2 + i % 2) * 2 ** (2 + Math.floor(i / 2)));

function waits(counts: Record<number, number>, p50Ns = 0, p99Ns = 0) {
  const all = BOUNDS.map((_, bucket) => counts[bucket] ?? 0);
  return { counts: all, n: all.reduce((sum, count) => sum + count), p50Ns, p99Ns };
}

Deno.test("latencyBars() has the buckets from the first to the last that is filled", () => {
  const { bars } = latencyBars(waits({ 3: 5, 20: 1 }), BOUNDS);
  strictEqual(bars.length, 18);
  deepStrictEqual([bars[0]!.fromNs, bars[0]!.toNs], [BOUNDS[3], BOUNDS[4]]);
  deepStrictEqual([bars[0]!.height, bars[1]!.height], [1, 0]);
  ok(bars.at(-1)!.height > 0.3, "one of six is seen");
});

Deno.test("latencyBars() widens a histogram of one bucket, and has no bar of none", () => {
  strictEqual(latencyBars(waits({ 30: 7 }), BOUNDS).bars.length, 12);
  deepStrictEqual(latencyBars(waits({}), []).bars, []);
  strictEqual(latencyBars(waits({ 0: 1 }), BOUNDS).bars[0]!.height, 1);
});

Deno.test("latencyBars() places times where their buckets stand", () => {
  const { ticks, p50, p99 } = latencyBars(waits({ 4: 1, 19: 1 }, BOUNDS[8], BOUNDS[16]), BOUNDS);
  deepStrictEqual([p50, p99], [4 / 16, 12 / 16]);
  deepStrictEqual(ticks.map(({ ns }) => ns), [100, 1000, 10_000].slice(0, ticks.length));
  ok(ticks.every(({ at }, i) => at > (ticks[i - 1]?.at ?? 0) && at <= 1));
});

Deno.test("latencyBars() takes a last bucket without end", () => {
  const { bars, p99 } = latencyBars(waits({ 39: 2 }, 1, BOUNDS[39]), BOUNDS);
  strictEqual(bars.at(-1)!.toNs, Infinity);
  strictEqual(p99, 11 / 12);
});
