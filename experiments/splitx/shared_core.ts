/**
 * How many guests a hypervisor core can serve: the latency of a synchronous request against their
 * number, until the 99th percentile has doubled. Where there are fewer guest cores than guests, they
 * take turns, and the hypervisor core is not loaded by all of them: a figure says how many cores they
 * had.
 */
import { quantileSorted } from "simple-statistics";
import { ROUND_TRIP_CYCLES } from "../../cores/cost_model.ts";
import { Histogram } from "../../runtime/histogram.ts";
import type { ExperimentRow } from "../../runtime/records.ts";
import type { Context, Figure, Point, Sweep } from "../experiment.ts";
import { runGuest } from "../guest_run.ts";
import { seededRandom } from "../random.ts";
import { findRows, findValue } from "../rows.ts";
import { X5570_HZ } from "./paper.ts";
import type { SplitxParameters } from "./parameters.ts";
import { simulateQueue } from "./queue_model.ts";

const P99 = "request p99", P50 = "request p50", CORES = "guest cores";
const LIMIT = "guests until p99 doubles";
const REQUESTS = 50_000;
const NS_PER_CYCLE = 1e9 / X5570_HZ;
const PLACE = { placement: "split", notification: "polled" } as const;

function modelled(guests: number, { think, service, seed }: SplitxParameters): Figure[] {
  const model = { guests, think, service, trip: ROUND_TRIP_CYCLES };
  const latencies = simulateQueue(model, REQUESTS, seededRandom(seed, guests)).sort();
  const at = (share: number) => quantileSorted(latencies as unknown as number[], share);
  return [
    { name: P99, unit: "ns", value: at(0.99) * NS_PER_CYCLE },
    { name: P50, unit: "ns", value: at(0.5) * NS_PER_CYCLE },
  ];
}

async function measured(
  guests: number,
  { engine }: Point["knobs"],
  { think, milliseconds }: SplitxParameters,
  context: Context,
): Promise<Figure[]> {
  const runs = await Promise.all(Array.from({ length: guests }, () =>
    runGuest(context, {
      guest: "pace",
      cmdline: `event=call_ring every=${think} ms=${milliseconds}`,
      memory: "8M",
      overcommit: true,
      engine,
      ...PLACE,
    })));
  const all = new Histogram();
  for (const { report, nsPerTick } of runs) {
    all.merge(report.histograms.get("event") ?? new Histogram(), nsPerTick);
  }
  const cores = new Set(runs.flatMap(({ plan }) => plan.guest[0]!));
  return [
    { name: P99, unit: "ns", value: all.quantile(0.99) },
    { name: P50, unit: "ns", value: all.quantile(0.5) },
    { name: CORES, unit: "count", value: cores.size },
  ];
}

/** The fewest guests at which the percentile is twice that of one. */
function limit(rows: readonly ExperimentRow[], kind: "measured" | "modelled"): number | undefined {
  const alone = findValue(rows, { name: P99, kind, at: { guests: 1 } });
  if (alone === undefined) return undefined;
  return findRows(rows, { name: P99, kind }).map((row) => ({
    guests: Number(row.at!.guests),
    p99: row.value!,
  })).sort((a, b) => a.guests - b.guests).find(({ p99 }) => p99 >= 2 * alone)?.guests;
}

/** See the head of this file. */
export const sharedCore: Sweep<SplitxParameters> = {
  points({ guests, modelledGuests }, runtime) {
    const { engine } = runtime.engineFor({ machine: "micro", engine: "auto" });
    return [
      ...[...new Set(guests)].map((count): Point => ({
        kind: "measured",
        knobs: { ...PLACE, guest: "pace", engine, clock: "host" },
        at: { guests: count },
      })),
      ...[...new Set(modelledGuests)].map((count): Point => ({
        kind: "modelled",
        knobs: PLACE,
        at: { guests: count },
      })),
    ];
  },

  async measure({ kind, knobs, at }, parameters, context) {
    const guests = Number(at.guests);
    return kind === "modelled"
      ? modelled(guests, parameters)
      : await measured(guests, knobs, parameters, context);
  },

  derive(rows) {
    return (["measured", "modelled"] as const).flatMap((kind) => {
      const value = limit(rows, kind);
      return value === undefined
        ? []
        : [{ name: LIMIT, ...PLACE, kind, unit: "guests", n: 1, value, at: {} }];
    });
  },

  charts(rows) {
    const series = (["measured", "modelled"] as const).flatMap((kind) => {
      const points = findRows(rows, { name: P99, kind }).map(({ at, value, interval }) => ({
        x: Number(at!.guests),
        y: value! / 1000,
        ...(interval ? { low: interval.low / 1000, high: interval.high / 1000 } : {}),
      })).sort((a, b) => a.x - b.x);
      return points.length === 0 ? [] : [{ name: `p99, ${kind}`, kind, points }];
    });
    if (series.length === 0) return [];
    return [{
      type: "lines",
      title: "Latency of a request, against the guests of one hypervisor core",
      x: { label: "guests" },
      y: { label: "99th percentile, us", logarithmic: true },
      series,
    }];
  },

  summary(rows) {
    const sentences = (["measured", "modelled"] as const).flatMap((kind) => {
      const counts = findRows(rows, { name: P99, kind }).map(({ at }) => Number(at!.guests));
      if (counts.length === 0) return [];
      const value = findValue(rows, { name: LIMIT, kind });
      return [
        value === undefined
          ? `Up to ${Math.max(...counts)} guests on a hypervisor core p99 did not double (${kind}).`
          : `With ${value} guests on a hypervisor core p99 has doubled (${kind}).`,
      ];
    });
    const crowded = findRows(rows, { name: CORES }).find(({ at, value }) =>
      value! < Number(at!.guests)
    );
    if (crowded) {
      sentences.push(
        `Measured guests shared ${crowded.value} guest core${
          crowded.value === 1 ? "" : "s"
        }: they took turns, so that figure is of this host and not of the hypervisor core.`,
      );
    }
    return sentences;
  },
};
