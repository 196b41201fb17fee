/**
 * The guest `digest`, which reads a file through the hypervisor and computes its SHA-256: one run of it,
 * held against the host's digest, and the matrix of machines on which it runs.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheFolder, exists, makeInCache } from "../build/cache.ts";
import type { Engine } from "../cores/engine.ts";
import { runError, usageError } from "../errors.ts";
import type { VmConfigInput } from "../runtime/config.ts";
import { Histogram } from "../runtime/histogram.ts";
import type { Context } from "./experiment.ts";
import { runGuest } from "./guest_run.ts";

/** A machine of the matrix. */
export interface MatrixPoint {
  readonly placement: "same-core" | "split";
  readonly notification: "exit" | "polled";
}

/** All of them; the classical one first, SplitX last. */
export const MATRIX: readonly MatrixPoint[] = [
  { placement: "same-core", notification: "exit" },
  { placement: "same-core", notification: "polled" },
  { placement: "split", notification: "exit" },
  { placement: "split", notification: "polled" },
];

const MEGABYTE = 1e6;

/** What one run of the guest gave. */
export interface DigestRun {
  readonly megabytesPerSecond: number;
  readonly exits: number;
  readonly requests: number;
  /** Shares of the vCPU's time: spent serving it, and inside the engine. */
  readonly hypervisorBusy: number;
  readonly guestInside: number;
  /** Of a request, nanoseconds. */
  readonly latency: Histogram;
  readonly firstRunTicks: number;
  /** Of a virtual clock, when it was asked for. */
  readonly traceHash: string | undefined;
}

/** SHA-256 of a file as the host computes it. */
export async function hostDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}

/**
 * Runs the guest once.
 *
 * @param expected the host's digest
 * @throws SplitXError `wrong-digest` when the guest's is another
 */
export async function runDigest(
  context: Context,
  config: VmConfigInput,
  expected: string,
): Promise<DigestRun> {
  const { report, stats, nsPerTick, traceHash } = await runGuest(context, config);
  const digest = /^sha256 ([0-9a-f]{64})$/m.exec(report.text)?.[1];
  const span = report.spans.get("digest");
  if (!digest || !span) {
    throw runError("guest-failed", `the guest gave no digest: ${report.text.trim()}`);
  }
  if (digest !== expected) {
    throw runError("wrong-digest", `the guest's digest ${digest} is not the host's ${expected}`);
  }
  const vcpu = stats.vcpus[0]!;
  const latency = new Histogram();
  latency.merge(report.histograms.get("request") ?? new Histogram(), nsPerTick);
  return {
    megabytesPerSecond: span.n / MEGABYTE / (span.ticks * nsPerTick / 1e9),
    exits: vcpu.exitsTotal,
    requests: vcpu.calls + vcpu.postedCalls,
    hypervisorBusy: vcpu.servedNs / (vcpu.guestNs + vcpu.waitNs),
    guestInside: vcpu.guestNs / (vcpu.guestNs + vcpu.waitNs),
    latency,
    firstRunTicks: vcpu.firstRunTicks,
    traceHash,
  };
}

/** Of the default disk, on a processor in software: as many as it hashes in half a second. */
const SOFT_DISK_BYTES = 4 * 1024 ** 2;

/** The default disk: the largest file that every install has, or its beginning. */
export async function defaultDisk(engine: Engine): Promise<string> {
  const path = Deno.execPath();
  if (Deno.statSync(path).size < 64 * 1024 ** 2) {
    throw usageError("no-disk", `${path} is smaller than 64 MiB: name a file with --disk`);
  }
  if (engine === "kvm") return path;
  const beginning = join(cacheFolder(), `demo-disk-${Deno.version.deno}`);
  if (!exists(beginning)) {
    await makeInCache(beginning, async (made) => {
      using file = await Deno.open(path);
      const bytes = new Uint8Array(SOFT_DISK_BYTES);
      for (let at = 0; at < bytes.length;) {
        at += await file.read(bytes.subarray(at)) ?? bytes.length;
      }
      await Deno.writeFile(made, bytes);
    });
  }
  return beginning;
}
