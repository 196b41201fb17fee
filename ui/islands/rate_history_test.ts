import { deepStrictEqual, strictEqual } from "node:assert";
import { RateHistory } from "./rate_history.ts";

Deno.test("RateHistory makes rates of counters, and a name that comes later was nothing before", () => {
  const history = new RateHistory();
  history.add(10, { io: 100 });
  history.add(11, { io: 300 });
  history.add(11.5, { io: 300, hlt: 5 });
  deepStrictEqual(history.times, [11, 11.5]);
  deepStrictEqual(Object.fromEntries(history.rates), { io: [200, 0], hlt: [0, 10] });
});

Deno.test("stacked() puts each name on those before it in the alphabet", () => {
  const history = new RateHistory();
  history.add(0, { b: 0, a: 0 });
  history.add(1, { b: 1, a: 10 });
  deepStrictEqual(history.stacked(), [{ name: "a", sums: [10] }, { name: "b", sums: [11] }]);
});

Deno.test("RateHistory ignores a time that does not go on, and counters that go back", () => {
  const history = new RateHistory();
  history.add(0, { a: 5 });
  history.add(0, { a: 6 });
  history.add(1, { a: 0 });
  deepStrictEqual([...history.rates.values()], [[0]]);
});

Deno.test("RateHistory keeps half a minute", () => {
  const history = new RateHistory();
  for (let i = 0; i < 1000; i++) history.add(i, { a: i });
  strictEqual(history.times.length, 300);
  strictEqual(history.rates.get("a")!.length, 300);
});
