import { deepStrictEqual } from "node:assert";
import { percent, short, size, time } from "./format.ts";

Deno.test("short() has three digits and a prefix", () => {
  deepStrictEqual([0, 7, 999, 1000, 12345, 2.5e6, 0.123].map(short), [
    ...["0", "7", "999", "1.00 k", "12.3 k", "2.50 M", "0.12"],
  ]);
});

Deno.test("time(), size() and percent() take the unit that suits", () => {
  deepStrictEqual([999, 1500, 2.5e6, 3e9].map(time), ["999 ns", "1.5 us", "2.50 ms", "3.00 s"]);
  deepStrictEqual([1024 ** 2, 3 * 1024 ** 3].map(size), ["1.0 MiB", "3.00 GiB"]);
  deepStrictEqual([0, 0.126, 1].map(percent), ["0 %", "13 %", "100 %"]);
});
