import { deepStrictEqual, strictEqual } from "node:assert";
import { limitOf, placeOn, relativeOf } from "./relative_scale.ts";

Deno.test("relativeOf() is a share of a, whatever its sign", () => {
  const interval = { low: 1, high: 3, level: 0.95 };
  deepStrictEqual(relativeOf({ a: 10, difference: 2, interval }), {
    difference: 0.2,
    interval: { low: 0.1, high: 0.3 },
  });
  deepStrictEqual(relativeOf({ a: -10, difference: 2 }), { difference: 0.2 });
  strictEqual(relativeOf({ a: 0, difference: 2 }), undefined);
});

Deno.test("limitOf() holds differences and intervals", () => {
  strictEqual(limitOf([]), 0.01);
  strictEqual(limitOf([{ difference: 0.05 }, { difference: -0.01 }]), 0.05);
  strictEqual(limitOf([{ difference: 0.01, interval: { low: -0.15, high: 0.2 } }]), 0.2);
  strictEqual(limitOf([{ difference: 70 }]), 1);
});

Deno.test("placeOn() ends at the ends", () => {
  deepStrictEqual([-3, -1, 0, 0.5, 3].map((value) => placeOn(2, value)), [-1, -0.5, 0, 0.25, 1]);
});
