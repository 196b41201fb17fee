/**
 * The demonstration: one guest, one file, every point of placement x notification, interleaved, one
 * table. The guest's digest must be the host's.
 */
import type { CorePlan } from "../cores/core_plan.ts";
import { formatCpuList } from "../cores/cpu_list.ts";
import type { Engine } from "../cores/engine.ts";
import { type DigestRun, hostDigest, type MatrixPoint, runDigest } from "../experiments/digest.ts";
import type { VmConfigInput } from "../runtime/config.ts";
import { digits } from "../runtime/digits.ts";
import { Histogram, median } from "../runtime/histogram.ts";
import type { Row, RunRecord } from "../runtime/records.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { interruptible } from "./command.ts";
import { table } from "./table.ts";

const ROUNDS = 3;
const MEGABYTE = 1e6;

/** The results of one point. */
interface Outcome extends MatrixPoint {
  readonly plan: CorePlan;
  readonly engine: Engine;
  readonly clock: "host" | "virtual";
  readonly samples: DigestRun[];
}

function rowsOf(outcomes: readonly Outcome[]): Row[] {
  return outcomes.flatMap(({ placement, notification, engine, clock, samples }) => {
    const kind: Row["kind"] = clock === "virtual" ? "modelled" : "measured";
    const knobs = { engine, placement, notification, clock, guest: "digest" } as const;
    const latency = new Histogram();
    for (const sample of samples) latency.merge(sample.latency);
    const value = (name: string, unit: string, pick: (sample: DigestRun) => number): Row => ({
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
 * @param points which of `MATRIX`
 * @param say where the words for people go
 */
export async function runDigestDemo(
  runtime: Runtime,
  config: VmConfigInput & { readonly disk: string },
  points: readonly MatrixPoint[],
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
      const run = runDigest({ runtime, signal }, { ...config, placement, notification }, expected);
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

/** The cores that a plan names, for one line of text. */
export function describePlan(plan: CorePlan): string {
  const parts = [`housekeeping ${formatCpuList(plan.housekeeping)}`];
  if (plan.hypervisor.length > 0) parts.push(`hypervisor ${formatCpuList(plan.hypervisor)}`);
  if (plan.sidecore.length > 0) parts.push(`sidecore ${formatCpuList(plan.sidecore)}`);
  return [...parts, `guest ${plan.guest.join(",")}`].join(", ");
}
