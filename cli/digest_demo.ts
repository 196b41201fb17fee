/**
 * The demonstration: one guest, one file, every point of placement x notification, interleaved, one
 * table. The guest's digest must be the host's.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheFolder, exists, makeInCache } from "../build/cache.ts";
import type { CorePlan } from "../cores/core_plan.ts";
import { formatCpuList } from "../cores/cpu_list.ts";
import type { Engine } from "../cores/engine.ts";
import { runError, usageError } from "../errors.ts";
import type { VmConfigInput } from "../runtime/config.ts";
import { readGuestReport } from "../runtime/guest_report.ts";
import { Histogram, median } from "../runtime/histogram.ts";
import type { Row, RunRecord } from "../runtime/records.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { interruptible } from "./command.ts";
import { digits, table } from "./table.ts";

/** A point of the experiment matrix. */
export interface Point {
  readonly placement: "same-core" | "split";
  readonly notification: "exit" | "polled";
}

/** All of them; the classical one first, SplitX last. */
export const POINTS: readonly Point[] = [
  { placement: "same-core", notification: "exit" },
  { placement: "same-core", notification: "polled" },
  { placement: "split", notification: "exit" },
  { placement: "split", notification: "polled" },
];

const ROUNDS = 3;
const MEGABYTE = 1e6;

/** What one run of the guest gave. */
interface Sample {
  readonly megabytesPerSecond: number;
  readonly exits: number;
  readonly requests: number;
  /** Shares of the vCPU's time, inside the engine and waiting for completions. */
  readonly hypervisorBusy: number;
  readonly guestInside: number;
  readonly latency: Histogram;
  readonly firstRunTicks: number;
  /** Of a virtual clock, when it was asked for. */
  readonly traceHash: string | undefined;
}

/** SHA-256 of a file as the host computes it. */
async function hostDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}

async function runOnce(
  runtime: Runtime,
  config: VmConfigInput,
  expected: string,
): Promise<Sample> {
  await using vm = runtime.createVm(config);
  await vm.start();
  const report = readGuestReport(await vm.output());
  const end = await vm.ended;
  if (end.state === "failed") throw runError("guest-failed", `the guest failed: ${end.reason}`);
  const digest = /^sha256 ([0-9a-f]{64})$/m.exec(report.text)?.[1];
  const span = report.spans.get("digest");
  if (!digest || !span) {
    throw runError("guest-failed", `the guest gave no digest: ${report.text.trim()}`);
  }
  if (digest !== expected) {
    throw runError("wrong-digest", `the guest's digest ${digest} is not the host's ${expected}`);
  }
  const stats = vm.stats().vcpus[0]!;
  const ns = span.ticks * vm.nsPerGuestTick;
  const latency = new Histogram();
  latency.merge(report.histograms.get("request") ?? new Histogram(), vm.nsPerGuestTick);
  return {
    megabytesPerSecond: span.n / MEGABYTE / (ns / 1e9),
    exits: stats.exitsTotal,
    requests: stats.calls + stats.postedCalls,
    hypervisorBusy: stats.servedNs / (stats.guestNs + stats.waitNs),
    guestInside: stats.guestNs / (stats.guestNs + stats.waitNs),
    latency,
    firstRunTicks: stats.firstRunTicks,
    traceHash: vm.virtualClock?.traceHash,
  };
}

/** The results of one point. */
interface Outcome extends Point {
  readonly plan: CorePlan;
  readonly engine: Engine;
  readonly clock: "host" | "virtual";
  readonly samples: Sample[];
}

function rowsOf(outcomes: readonly Outcome[]): Row[] {
  return outcomes.flatMap(({ placement, notification, engine, clock, samples }) => {
    const kind: Row["kind"] = clock === "virtual" ? "modelled" : "measured";
    const knobs = { engine, placement, notification, clock, guest: "digest" } as const;
    const latency = new Histogram();
    for (const sample of samples) latency.merge(sample.latency);
    const value = (name: string, unit: string, pick: (sample: Sample) => number): Row => ({
      name,
      ...knobs,
      kind,
      unit,
      n: samples.length,
      value: median(samples.map(pick)),
    });
    return [
      value("throughput", "MB/s", (sample) => sample.megabytesPerSecond),
      value("exits on the guest core", "count", (sample) => sample.exits),
      value("ring requests", "count", (sample) => sample.requests),
      // Times of the host say nothing about a machine on a virtual clock.
      ...(clock === "virtual" ? [] : [
        value("hypervisor busy", "share", (sample) => sample.hypervisorBusy),
        value("guest inside the engine", "share", (sample) => sample.guestInside),
      ]),
      {
        name: "request",
        ...knobs,
        kind,
        unit: "ns",
        n: latency.n,
        ...(latency.n === 0 ? {} : {
          p50: latency.quantile(0.5),
          p99: latency.quantile(0.99),
          p999: latency.quantile(0.999),
        }),
      },
    ];
  });
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(0)} %` : "-";
}

/** The table that people see; busy shares stand under the core that has them. */
function show(outcomes: readonly Outcome[], rows: readonly Row[]): string {
  const head = ["placement", "notification", "MB/s", "exits", "ring requests"];
  const used = outcomes.flatMap((
    { plan },
  ) => [...plan.housekeeping, ...plan.hypervisor, plan.guest[0]!]);
  const cores = [...new Set(used)].sort((a, b) => a - b);
  head.push(...cores.map((cpu) => `core ${cpu}`), "p50 us", "p99 us");
  const lines = outcomes.map((outcome) => {
    const find = (name: string) =>
      rows.find((row) =>
        row.name === name && row.placement === outcome.placement &&
        row.notification === outcome.notification
      );
    const busy = find("hypervisor busy")?.value ?? NaN;
    const inside = find("guest inside the engine")?.value ?? NaN;
    const { plan } = outcome;
    const shares = cores.map((cpu) => {
      if (plan.guest[0] === cpu) {
        return outcome.placement === "split"
          ? `G ${percent(inside)}`
          : `G ${percent(inside)} H ${percent(busy)}`;
      }
      return outcome.placement === "split" && plan.hypervisor[0] === cpu
        ? `H ${percent(busy)}`
        : "idle";
    });
    const request = find("request")!;
    return [
      outcome.placement,
      outcome.notification,
      digits(find("throughput")!.value!),
      find("exits on the guest core")!.value!.toFixed(0),
      find("ring requests")!.value!.toFixed(0),
      ...shares,
      digits((request.p50 ?? NaN) / 1000),
      digits((request.p99 ?? NaN) / 1000),
    ];
  });
  return table(head, lines) +
    `G: share of the time inside the guest, H: share spent serving it; medians of ${ROUNDS} interleaved runs, ${
      rows[0]!.kind
    }\n`;
}

/** How much faster split and polled is than the classical placement, when both ran. */
function verdict(rows: readonly Row[]): string {
  const speed = (placement: string, notification: string) =>
    rows.find((row) =>
      row.name === "throughput" && row.placement === placement && row.notification === notification
    )?.value;
  const split = speed("split", "polled"), classical = speed("same-core", "exit");
  if (!split || !classical) return "";
  return `split+polled is ${digits(split / classical)} times same-core+exit on this host\n`;
}

/**
 * Runs the demonstration.
 *
 * @param config of the machine, without the two knobs
 * @param points which of {@link POINTS}
 * @param say where the words for people go
 */
export async function runDigestDemo(
  runtime: Runtime,
  config: VmConfigInput & { readonly disk: string },
  points: readonly Point[],
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<Pick<RunRecord, "ends" | "rows">> {
  const outcomes: Outcome[] = [];
  // A machine made and thrown away finds every mistake in the configuration before the work.
  for (const point of points) {
    await using vm = runtime.createVm({ ...config, ...point });
    const { engine, clock } = vm.config;
    outcomes.push({ ...point, plan: vm.plan, engine, clock, samples: [] });
  }
  const bytes = Deno.statSync(config.disk).size;
  say(`disk: ${config.disk}, ${(bytes / MEGABYTE).toFixed(1)} MB\n`);
  const expected = await interruptible(signal, hostDigest(config.disk));
  say(`host:  sha256 ${expected}\n`);
  let firstRunTicks = Infinity;
  for (let round = 1; round <= ROUNDS; round++) {
    for (const outcome of outcomes) {
      const { placement, notification } = outcome;
      const run = runOnce(runtime, { ...config, placement, notification }, expected);
      const sample = await interruptible(signal, run);
      firstRunTicks = Math.min(firstRunTicks, sample.firstRunTicks);
      outcome.samples.push(sample);
      say(
        `round ${round} of ${ROUNDS}: ${placement}+${notification} ${
          digits(sample.megabytesPerSecond)
        } MB/s\n`,
      );
    }
  }
  say(`guest: sha256 ${expected} at every point, the host's\n\n`);
  const rows = rowsOf(outcomes);
  say(`${show(outcomes, rows)}${verdict(rows)}`);
  const ended = { state: "stopped", code: 0, firstRunTicks } as const;
  if (!config.traceHash) return { ends: [{ name: "digest", ...ended }], rows };
  const ends = outcomes.map(({ placement, notification, samples }) => ({
    name: `digest ${placement}+${notification}`,
    ...ended,
    traceHash: samples[0]!.traceHash!,
  }));
  for (const { name, traceHash } of ends) say(`${name}: trace hash ${traceHash}\n`);
  return { ends, rows };
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

/** The cores that a plan names, for one line of text. */
export function describePlan(plan: CorePlan): string {
  const parts = [`housekeeping ${formatCpuList(plan.housekeeping)}`];
  if (plan.hypervisor.length > 0) parts.push(`hypervisor ${formatCpuList(plan.hypervisor)}`);
  if (plan.sidecore.length > 0) parts.push(`sidecore ${formatCpuList(plan.sidecore)}`);
  return [...parts, `guest ${plan.guest.join(",")}`].join(", ");
}
