import { ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { WAIT_BUCKETS } from "./abi.ts";
import { waitBound, waitBucket } from "./wait_buckets.ts";

Deno.test("waitBucket() is the bucket between whose bounds a time lies", () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 2 ** 40, noNaN: true }), (ticks) => {
    const bucket = waitBucket(ticks);
    ok(waitBound(bucket) <= ticks);
    ok(bucket === WAIT_BUCKETS - 1 || ticks < waitBound(bucket + 1));
  }));
});

Deno.test("waitBucket() of a bound is its bucket, and of a tick less the one before", () => {
  for (let bucket = 1; bucket < WAIT_BUCKETS; bucket++) {
    strictEqual(waitBucket(waitBound(bucket)), bucket);
    strictEqual(waitBucket(waitBound(bucket) - 1), bucket - 1);
  }
});

Deno.test("waitBucket() puts into the last bucket whatever is longer", () => {
  for (const ticks of [2 ** 36, 2 ** 50, Infinity]) {
    strictEqual(waitBucket(ticks), WAIT_BUCKETS - 1);
  }
});
