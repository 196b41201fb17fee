/**
 * What an exit costs, by type, and how fast the guest is after it. The three components of the paper:
 *
 * - synchronous: the vCPU waits for an answer, from the exit event to its completion;
 * - direct: the rest of the time that the event takes, the switches of world (the counters have sums
 *   only, so the median of the time is divided as its mean is);
 * - indirect: what the guest's next accesses take longer than they do without the event, because the
 *   hypervisor was in their caches.
 *
 * Measured cycles are ticks of the TSC. The model knows no caches, and its handlers take no time.
 */
import { ROUND_TRIP_CYCLES, TRAP_CYCLES } from "../../cores/cost_model.ts";
import { Histogram } from "../../runtime/histogram.ts";
import { runError } from "../../errors.ts";
import type { ExperimentRow } from "../../runtime/records.ts";
import type { Chart } from "../chart.ts";
import type { Figure, Knobs, Point, Sweep } from "../experiment.ts";
import { runGuest } from "../guest_run.ts";
import { findRows, findValue } from "../rows.ts";
import { WHOLE_EXIT_CYCLES } from "./paper.ts";
import type { SplitxParameters } from "./parameters.ts";

/** A type of event, as the guest `pollution` knows it. */
interface EventType {
  readonly name: string;
  readonly event: string;
  /** It is a request in memory; the others are exits. */
  readonly polled?: boolean;
  /** The vCPU goes on at once, where another core serves it. */
  readonly posted?: boolean;
}

const TYPES: readonly EventType[] = [
  { name: "OUT", event: "out" },
  { name: "IN", event: "in" },
  { name: "unmapped MMIO read", event: "mmio" },
  { name: "hypercall by exit", event: "call_exit" },
  { name: "OUT, posted when split", event: "out_posted", posted: true },
  { name: "hypercall by ring", event: "call_ring", polled: true },
  { name: "hypercall posted on the ring", event: "post", polled: true, posted: true },
];

const CYCLES = "cycles";
/** Names of the rows. */
const TOTAL = "cost of the event", DIRECT = "direct", INDIRECT = "indirect";
const SYNCHRONOUS = "synchronous", AFTER = "an access after the event";
const WITHOUT = "an access without the event";
const REST = "indirect and synchronous, from ELI's baseline";

function typeOf(point: Point): EventType {
  return TYPES.find(({ name }) => name === point.at.exit)!;
}

/** Under same-core placement a request in memory rings a doorbell, which is an exit like the others. */
function placementsOf(type: EventType): readonly ("same-core" | "split")[] {
  return type.polled ? ["split"] : ["same-core", "split"];
}

/** The share of an event's time in which the vCPU waited for an answer. */
function waitingShare(
  { polled, posted }: EventType,
  placement: Knobs["placement"],
  modelled: boolean,
  mean: number,
  meanWait: number,
): number {
  if (posted && placement === "split") return 0;
  if (modelled) return placement === "split" ? Math.min(1, ROUND_TRIP_CYCLES / mean) : 0;
  return polled ? 1 : Math.min(1, meanWait / mean);
}

/** What each of the guest's accesses takes at a distance from the event, and without one. */
function speeds(histograms: ReadonlyMap<string, Histogram>): { figures: Figure[]; slower: number } {
  const figures: Figure[] = [];
  let before = 0, slower = 0;
  for (const [name, with_] of histograms) {
    const distance = Number(/^after_(\d+)$/.exec(name)?.[1]);
    const without = histograms.get(`without_${distance}`);
    if (!without) continue;
    const accesses = distance - before;
    before = distance;
    const after = with_.quantile(0.5), plain = without.quantile(0.5);
    slower += after - plain;
    const at = { accesses: distance }, unit = "cycles/access";
    figures.push({ name: AFTER, unit, value: after / accesses, at });
    figures.push({ name: WITHOUT, unit, value: plain / accesses, at });
  }
  return { figures, slower };
}

/** See the head of this file. */
export const exitCost: Sweep<SplitxParameters> = {
  points(_parameters, runtime) {
    const { engine } = runtime.engineFor({ machine: "micro", engine: "auto" });
    return TYPES.flatMap((type) =>
      placementsOf(type).flatMap((placement): Point[] => {
        const notification = type.polled ? "polled" as const : "exit" as const;
        const knobs = { placement, notification, guest: "pollution" };
        const at = { exit: type.name };
        return [
          { kind: "measured", knobs: { ...knobs, engine, clock: "host" }, at },
          { kind: "modelled", knobs: { ...knobs, engine: "soft", clock: "virtual" }, at },
        ];
      })
    );
  },

  async measure(point, { trials, workingSet }, context) {
    const type = typeOf(point), { placement, notification, engine, clock } = point.knobs;
    const { report, stats, nsPerTick } = await runGuest(context, {
      guest: "pollution",
      cmdline: `event=${type.event} n=${trials} bytes=${workingSet}`,
      placement,
      notification,
      engine,
      clock,
    });
    const event = report.histograms.get("event"), span = report.spans.get("event");
    if (!event || !span) throw runError("no-figures", "the guest gave no figures");
    const modelled = point.kind === "modelled";
    const { waitNs, exitsTotal } = stats.vcpus[0]!;
    const mean = span.ticks / span.n, total = event.quantile(0.5);
    const share = waitingShare(type, placement, modelled, mean, waitNs / nsPerTick / exitsTotal);
    const { figures, slower } = speeds(report.histograms);
    return [
      { name: TOTAL, unit: CYCLES, value: total },
      { name: DIRECT, unit: CYCLES, value: (1 - share) * total },
      { name: SYNCHRONOUS, unit: CYCLES, value: share * total },
      ...(modelled ? [] : [{ name: INDIRECT, unit: CYCLES, value: slower }, ...figures]),
    ];
  },

  derive() {
    const value = WHOLE_EXIT_CYCLES - TRAP_CYCLES;
    const place = { placement: "same-core", notification: "exit" } as const;
    return [{ name: REST, ...place, kind: "modelled", unit: CYCLES, n: 1, value, at: {} }];
  },

  charts(rows): Chart[] {
    const totals = findRows(rows, { name: TOTAL });
    const rest = findValue(rows, { name: REST });
    const part = (row: ExperimentRow, name: string) => {
      const { placement, kind, at } = row;
      const value = findValue(rows, { name, placement, kind, at: { exit: at!.exit! } });
      return value === undefined ? [] : [{ name, value: Math.max(0, value) }];
    };
    const after = findRows(rows, { name: AFTER, kind: "measured" });
    const curves = new Map<string, ExperimentRow[]>();
    for (const row of [...after, ...findRows(rows, { name: WITHOUT, kind: "measured" })]) {
      if (row.at!.exit !== TYPES[0]!.name && row.at!.exit !== "hypercall by ring") continue;
      const what = row.name === AFTER ? "after" : "without";
      const name = `${what}: ${row.at!.exit}, ${row.placement}`;
      curves.set(name, [...curves.get(name) ?? [], row]);
    }
    if (totals.length === 0) return [];
    return [
      {
        type: "bars",
        title: "What needing the hypervisor costs" +
          (rest ? ` (in the paper ${rest} cycles more for the same-core ones)` : ""),
        value: { label: "cycles" },
        bars: totals.map((row) => ({
          category: String(row.at!.exit),
          name: `${row.placement}`,
          kind: row.kind,
          parts: [DIRECT, SYNCHRONOUS, INDIRECT].flatMap((name) => part(row, name)),
        })),
      },
      {
        type: "lines",
        title: "The guest's speed after an event",
        x: { label: "accesses since the event", logarithmic: true },
        y: { label: "cycles for an access" },
        series: [...curves].map(([name, of]) => ({
          name,
          kind: "measured" as const,
          points: of.map(({ at, value, interval }) => ({
            x: Number(at!.accesses),
            y: value!,
            ...(interval ? { low: interval.low, high: interval.high } : {}),
          })),
        })),
      },
    ];
  },

  summary(rows) {
    const cost = (kind: "measured" | "modelled", placement: "same-core" | "split", exit: string) =>
      findValue(rows, { name: TOTAL, kind, placement, at: { exit } });
    return (["measured", "modelled"] as const).flatMap((kind) => {
      const trap = cost(kind, "same-core", "OUT"), ring = cost(kind, "split", "hypercall by ring");
      if (trap === undefined || ring === undefined) return [];
      return [
        `An OUT on the same core takes ${trap.toFixed(0)} cycles, a hypercall by ring to another ` +
        `core ${ring.toFixed(0)} (${kind}).`,
      ];
    });
  },
};
