/**
 * Buckets of waiting times, two to each power of two: what the stub fills for exits (`stub/abi.h`), and
 * a hypervisor core for calls. Times are ticks of the TSC.
 */
import { WAIT_BUCKETS, WAIT_SHIFT } from "./abi.ts";

const MOST_UNITS = 2 ** 32 - 1;

/**
 * The bucket that a time belongs to; allocates nothing.
 *
 * @param ticks not negative
 *
 * @example
 * ```ts
 * import { waitBound, waitBucket } from "./wait_buckets.ts";
 * import { strictEqual } from "node:assert";
 * strictEqual(waitBucket(1000), 11);
 * strictEqual(waitBound(11), 768);
 * strictEqual(waitBound(12), 1024);
 * ```
 */
export function waitBucket(ticks: number): number {
  const units = Math.min(MOST_UNITS, ticks / 2 ** WAIT_SHIFT) >>> 0;
  if (units < 2) return units;
  const power = 31 - Math.clz32(units);
  return Math.min(WAIT_BUCKETS - 1, 2 * power + (units >>> power - 1 & 1));
}

/** The least ticks that belong to a bucket, the one behind the last included. */
export function waitBound(bucket: number): number {
  const units = bucket < 2 ? bucket : (2 + bucket % 2) * 2 ** (Math.floor(bucket / 2) - 1);
  return units * 2 ** WAIT_SHIFT;
}
