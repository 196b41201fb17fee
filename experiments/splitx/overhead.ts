/**
 * What share of its time a guest loses to events, against their rate, by the ways in which an event
 * can be served: an exit on the same core, a request that waits for another core, one that does not,
 * and none at all, a write to memory that the other core polls.
 */
import { runError } from "../../errors.ts";
import type { ExperimentRow } from "../../runtime/records.ts";
import type { Knobs, Point, Sweep } from "../experiment.ts";
import { runGuest } from "../guest_run.ts";
import { findRows, findValue } from "../rows.ts";
import { WHOLE_EXIT_CYCLES, X5570_HZ } from "./paper.ts";
import type { SplitxParameters } from "./parameters.ts";

/** A way to serve an event: the guest's word for it, and the machine. */
interface Way {
  readonly name: string;
  readonly event: string;
  readonly knobs: Pick<Knobs, "placement" | "notification">;
}

const WAYS: readonly Way[] = [
  {
    name: "same-core exit",
    event: "out",
    knobs: { placement: "same-core", notification: "exit" },
  },
  {
    name: "split, synchronous",
    event: "call_ring",
    knobs: { placement: "split", notification: "polled" },
  },
  {
    name: "split, posted",
    event: "post",
    knobs: { placement: "split", notification: "polled" },
  },
  {
    name: "split, eliminated",
    event: "store",
    knobs: { placement: "split", notification: "polled" },
  },
];

const OVERHEAD = "overhead", RATE = "event rate", WORK = "work between events";
const PAPER = "same-core exit, ELI's whole cost";

/** What a chart's line is of: rows at the same way and of the same kind, by rate. */
function curve(rows: readonly ExperimentRow[], way: string, kind: "measured" | "modelled") {
  const points = findRows(rows, { name: OVERHEAD, kind, at: { way } }).flatMap((row) => {
    const every = row.at!.every!;
    const rate = findValue(rows, { name: RATE, kind, at: { way, every } });
    if (rate === undefined) return [];
    const { interval } = row;
    return [{
      x: rate,
      y: 100 * row.value!,
      ...(interval ? { low: 100 * interval.low, high: 100 * interval.high } : {}),
    }];
  });
  return points.length === 0 ? [] : [{ name: way, kind, points }];
}

/** See the head of this file. */
export const overhead: Sweep<SplitxParameters> = {
  points({ every }, runtime) {
    const { engine } = runtime.engineFor({ machine: "micro", engine: "auto" });
    return WAYS.flatMap(({ name, knobs }) =>
      [...new Set(every)].flatMap((turns): Point[] => {
        const at = { way: name, every: turns }, guest = "pace";
        return [
          { kind: "measured", knobs: { ...knobs, guest, engine, clock: "host" }, at },
          { kind: "modelled", knobs: { ...knobs, guest, engine: "soft", clock: "virtual" }, at },
        ];
      })
    );
  },

  async measure({ knobs, at }, { turns }, context) {
    const way = WAYS.find(({ name }) => name === at.way)!, every = Number(at.every);
    const { placement, notification, engine, clock } = knobs;
    const { report, nsPerTick } = await runGuest(context, {
      guest: "pace",
      cmdline: `event=${way.event} every=${every} n=${Math.max(8, Math.round(turns / every))}`,
      placement,
      notification,
      engine,
      clock,
    });
    const events = report.spans.get("with"), plain = report.spans.get("plain");
    if (!events || !plain) throw runError("no-figures", "the guest gave no figures");
    return [
      { name: OVERHEAD, unit: "share", value: 1 - plain.ticks / events.ticks },
      { name: RATE, unit: "1/s", value: events.n / (events.ticks * nsPerTick) * 1e9 },
      { name: WORK, unit: "ns", value: plain.ticks * nsPerTick / plain.n },
    ];
  },

  derive(rows) {
    const [{ name: way, knobs }] = WAYS as [Way];
    return findRows(rows, { name: WORK, kind: "modelled", at: { way } }).flatMap((row) => {
      const cost = WHOLE_EXIT_CYCLES / X5570_HZ * 1e9, work = row.value!;
      const common = {
        ...knobs,
        kind: "modelled" as const,
        n: 1,
        at: { way: PAPER, every: row.at!.every! },
      };
      return [
        { name: OVERHEAD, ...common, unit: "share", value: cost / (work + cost) },
        { name: RATE, ...common, unit: "1/s", value: 1e9 / (work + cost) },
      ];
    });
  },

  charts(rows) {
    const ways = [...WAYS.map(({ name }) => name), PAPER];
    const series = ways.flatMap((way) => [
      ...curve(rows, way, "measured"),
      ...curve(rows, way, "modelled"),
    ]);
    if (series.length === 0) return [];
    return [{
      type: "lines",
      title: "Time lost to events, against their rate",
      x: { label: "events a second", logarithmic: true },
      y: { label: "overhead, %" },
      series,
    }];
  },

  summary(rows) {
    return (["measured", "modelled"] as const).flatMap((kind) => {
      const shares = WAYS.flatMap(({ name: way }) => {
        const row = findRows(rows, { name: OVERHEAD, kind, at: { way } }).at(-1);
        return row ? [`${way} ${(100 * row.value!).toFixed(1)} %`] : [];
      });
      if (shares.length === 0) return [];
      return [`Lost at the highest rate: ${shares.join("; ")} (${kind}).`];
    });
  },
};
