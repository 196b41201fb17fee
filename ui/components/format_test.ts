import { deepStrictEqual } from "node:assert";
import {
  duration,
  figure,
  moment,
  percent,
  short,
  signed,
  signedPercent,
  size,
  time,
} from "./format.ts";

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

Deno.test("duration() has the two units that matter", () => {
  deepStrictEqual([0, 0.2, 59.1, 65, 3600, 7320].map(duration), [
    ...["0 s", "1 s", "1 min 0 s", "1 min 5 s", "1 h 0 min", "2 h 2 min"],
  ]);
});

Deno.test("figure(), signed() and signedPercent() keep what is significant", () => {
  deepStrictEqual([0, 12345, 0.123456].map(figure), ["0", "12,350", "0.1235"]);
  deepStrictEqual([0, 1.5, -12345].map(signed), ["0", "+1.5", "-12,350"]);
  deepStrictEqual([0, 0.1234, -2].map(signedPercent), ["0 %", "+12.3 %", "-200 %"]);
});

Deno.test("moment() is a time to the minute", () => {
  deepStrictEqual(moment("2026-01-02T03:04:05.678Z"), "2026-01-02 03:04 UTC");
});
