import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import {
  EXIT_CPUID,
  EXIT_IO,
  VCPU_BLOCK_BYTES,
  VCPU_BLOCK_EXITS,
  VCPU_BLOCK_WAITS,
  WAIT_BUCKETS,
  WAITS_BYTES,
  WAITS_COUNTS,
  WAITS_TICKS,
} from "../cores/abi.ts";
import { COUNTER } from "../cores/vcpu_channel.ts";
import { waitBound, waitBucket } from "../cores/wait_buckets.ts";
import { createCounters, vcpuCounters } from "./counters.ts";
import { readLatency } from "./latency.ts";

/** Counts exits as the stub does. */
function exit(block: Int32Array, reason: number, ticks: number, times = 1): void {
  const at = VCPU_BLOCK_WAITS + reason * WAITS_BYTES / 4;
  block[VCPU_BLOCK_EXITS + 2 * reason]! += times;
  block[at + WAITS_TICKS]! += ticks * times;
  block[at + WAITS_COUNTS + 2 * waitBucket(ticks)]! += times;
}

function machine(vcpus: number) {
  const blocks = Array.from({ length: vcpus }, () => new Int32Array(VCPU_BLOCK_BYTES / 4));
  return { blocks, description: { counters: createCounters(vcpus) } };
}

Deno.test("readLatency() of a machine that did nothing has no reasons and no calls", () => {
  const { boundsNs, ...rest } = readLatency(machine(2), 0.5);
  deepStrictEqual(rest, { exits: {} });
  strictEqual(boundsNs.length, WAIT_BUCKETS);
  ok(boundsNs.every((bound, i) => i === 0 || bound > boundsNs[i - 1]!));
});

Deno.test("readLatency() sums the vCPUs by reason, in nanoseconds", () => {
  const two = machine(2), [first, second] = two.blocks;
  exit(first!, EXIT_IO, 1000, 3);
  exit(second!, EXIT_IO, 3000);
  exit(second!, EXIT_CPUID, 50);
  const { exits, boundsNs } = readLatency(two, 0.5);
  deepStrictEqual(Object.keys(exits), ["cpuid", "io"]);
  const { n, meanNs, counts } = exits.io!;
  deepStrictEqual([n, meanNs], [4, 750]);
  strictEqual(counts[waitBucket(1000)], 3);
  strictEqual(boundsNs[waitBucket(1000)], 384);
});

Deno.test("readLatency() reads counters beyond 32 bits", () => {
  const one = machine(1), [block] = one.blocks;
  exit(block!, EXIT_IO, 100);
  block![VCPU_BLOCK_WAITS + EXIT_IO * WAITS_BYTES / 4 + WAITS_COUNTS + 2 * waitBucket(100) + 1] = 1;
  strictEqual(readLatency(one, 1).exits.io!.n, 2 ** 32 + 1);
});

Deno.test("readLatency() gives quantiles in the bucket of the exact ones", () => {
  const times = fc.array(fc.integer({ min: 0, max: 2 ** 20 }), { minLength: 1, maxLength: 200 });
  fc.assert(fc.property(times, (ticks) => {
    const one = machine(1);
    for (const wait of ticks) exit(one.blocks[0]!, EXIT_IO, wait);
    const { p50Ns, p99Ns } = readLatency(one, 1).exits.io!;
    const sorted = [...ticks].sort((a, b) => a - b);
    for (const [share, found] of [[0.5, p50Ns], [0.99, p99Ns]] as const) {
      const bucket = waitBucket(sorted[Math.ceil(share * ticks.length) - 1]!);
      ok(found >= waitBound(bucket) && found <= waitBound(bucket + 1), `${share}: ${found}`);
    }
  }));
});

Deno.test("readLatency() has the calls that were sampled", () => {
  const two = machine(2), counters = vcpuCounters(two.description.counters, 1);
  counters[COUNTER.callTicks] = 600;
  counters[COUNTER.callWaits + waitBucket(300)] = 2;
  const { calls } = readLatency(two, 2);
  deepStrictEqual([calls!.n, calls!.meanNs], [2, 600]);
});
