/** How long exits and calls kept a machine's vCPUs: histograms of buckets, read from shared memory. */
import * as abi from "../cores/abi.ts";
import { longAt } from "../cores/stub.ts";
import { COUNTER } from "../cores/vcpu_channel.ts";
import { waitBound } from "../cores/wait_buckets.ts";
import { vcpuCounters } from "./counters.ts";
import type { Machine } from "./machine_setup.ts";
import { reasonName } from "./exit_reasons.ts";

/** Waiting times; nanoseconds. */
export interface WaitHistogram {
  /** How many waits. */
  readonly n: number;
  /** Exact. */
  readonly meanNs: number;
  /** Half of the waits do not exceed it; interpolated within its bucket, of which two make an octave. */
  readonly p50Ns: number;
  /** 99 % do not exceed it; likewise. */
  readonly p99Ns: number;
  /** Waits by bucket, as many as there are bounds. */
  readonly counts: readonly number[];
}

/** See the head of this file. */
export interface VmLatency {
  /** The least time of each bucket, nanoseconds; the last one has no end. */
  readonly boundsNs: readonly number[];
  /**
   * By reason: from an exit event to its completion, or, when the vCPU does not wait for one, to its
   * being posted. Measured on the guest core, of every exit that was completed.
   */
  readonly exits: Readonly<Record<string, WaitHistogram>>;
  /**
   * Synchronous requests through the cell, from the hypervisor core's seeing one to its having answered:
   * a sample, for that core looks at the clock in one serving of 16. Absent when none was sampled.
   */
  readonly calls?: WaitHistogram | undefined;
}

/** A sum of waits, in ticks. */
class Waits {
  ticks = 0;
  readonly counts = new Array<number>(abi.WAIT_BUCKETS).fill(0);

  get n(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** Ticks that the share `q` of the waits do not exceed. */
  quantile(q: number): number {
    const rank = q * this.n;
    let below = 0;
    for (const [bucket, count] of this.counts.entries()) {
      if (count > 0 && below + count >= rank) {
        const least = waitBound(bucket);
        if (bucket === abi.WAIT_BUCKETS - 1) return least;
        return least + (waitBound(bucket + 1) - least) * Math.max(0, rank - below) / count;
      }
      below += count;
    }
    return NaN;
  }

  histogram(nsPerTick: number): WaitHistogram {
    const { n, counts } = this;
    return {
      n,
      meanNs: this.ticks / n * nsPerTick,
      p50Ns: this.quantile(0.5) * nsPerTick,
      p99Ns: this.quantile(0.99) * nsPerTick,
      counts,
    };
  }
}

function addExits(waits: Waits, block: Int32Array, reason: number): void {
  const at = abi.VCPU_BLOCK_WAITS + reason * abi.WAITS_BYTES / 4;
  waits.ticks += longAt(block, at + abi.WAITS_TICKS);
  for (let bucket = 0; bucket < abi.WAIT_BUCKETS; bucket++) {
    waits.counts[bucket]! += longAt(block, at + abi.WAITS_COUNTS + 2 * bucket);
  }
}

function addCalls(waits: Waits, counters: Float64Array): void {
  waits.ticks += counters[COUNTER.callTicks]!;
  for (let bucket = 0; bucket < abi.WAIT_BUCKETS; bucket++) {
    waits.counts[bucket]! += counters[COUNTER.callWaits + bucket]!;
  }
}

/** Reads the waits of a machine's vCPUs together. */
export function readLatency(
  { blocks, description }: {
    readonly blocks: Machine["blocks"];
    readonly description: Pick<Machine["description"], "counters">;
  },
  nsPerTick: number,
): VmLatency {
  const exits: Record<string, WaitHistogram> = {};
  for (let reason = 0; reason < abi.EXIT_REASONS; reason++) {
    const happened = (block: Int32Array) => longAt(block, abi.VCPU_BLOCK_EXITS + 2 * reason) > 0;
    if (!blocks.some(happened)) continue;
    const waits = new Waits();
    for (const block of blocks) addExits(waits, block, reason);
    if (waits.n > 0) exits[reasonName(reason)] = waits.histogram(nsPerTick);
  }
  const calls = new Waits();
  blocks.forEach((_, i) => addCalls(calls, vcpuCounters(description.counters, i)));
  return {
    boundsNs: calls.counts.map((_, bucket) => waitBound(bucket) * nsPerTick),
    exits,
    ...(calls.n > 0 ? { calls: calls.histogram(nsPerTick) } : {}),
  };
}
