import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { RateLimit } from "./rate_limit.ts";

Deno.test("take() gives each client its burst, and what it earns after it", () => {
  let now = 0;
  const limit = new RateLimit(10, 3, () => now);
  deepStrictEqual([1, 2, 3, 4].map(() => limit.take("a")), [true, true, true, false]);
  ok(limit.take("b"));
  now = 100;
  deepStrictEqual([limit.take("a"), limit.take("a")], [true, false]);
  now = 1e6;
  deepStrictEqual([1, 2, 3, 4].map(() => limit.take("a")), [true, true, true, false]);
});

Deno.test("take() remembers a bounded number of clients", () => {
  const limit = new RateLimit(1, 1, () => 0);
  strictEqual(limit.take("first"), true);
  strictEqual(limit.take("first"), false);
  for (let i = 0; i < 1024; i++) limit.take(`client ${i}`);
  strictEqual(limit.take("first"), true); // it was forgotten
});
