/** The guest `digest` over the whole matrix of placement and notification. */
import { z } from "zod";
import { usageError } from "../errors.ts";
import type { ExperimentRow } from "../runtime/records.ts";
import { defaultDisk, hostDigest, MATRIX, runDigest } from "./digest.ts";
import { type Experiment, type Figure, type Point, samplingSchema } from "./experiment.ts";
import { findRows, findValue } from "./rows.ts";

const placementSchema = samplingSchema.extend({
  disk: z.string().min(1).optional().meta({ format: "host-file" })
    .describe("file that the guest reads; Deno's own executable, or its beginning, when absent"),
  request: z.int().min(512).max(1 << 20).default(4096).describe("bytes of one request"),
});

type PlacementParameters = z.infer<typeof placementSchema>;

const THROUGHPUT = "throughput";

/** A point of the matrix for people, such as `split+polled`. */
function machineOf({ placement, notification }: Point["knobs"]): string {
  return `${placement}+${notification}`;
}

/** Digests of files by their path, as the host computes them once. */
const digests = new Map<string, Promise<string>>();

function digestOf(path: string): Promise<string> {
  const known = digests.get(path) ?? hostDigest(path);
  digests.set(path, known);
  return known;
}

function checkDisk(path: string): void {
  try {
    if (Deno.statSync(path).isFile) return;
  } catch {
    throw usageError("bad-parameter", `disk ${path} does not exist`);
  }
  throw usageError("bad-parameter", `disk ${path} is not a regular file`);
}

/** See the head of this file. */
export const placement: Experiment<PlacementParameters> = {
  name: "placement",
  title: "one guest and one file at every placement and notification",
  parameters: placementSchema,

  points({ disk }, runtime) {
    if (disk !== undefined) checkDisk(disk);
    const { engine } = runtime.engineFor({ machine: "micro", engine: "auto" });
    return MATRIX.flatMap((point): Point[] => {
      const knobs = { ...point, guest: "digest" };
      return [
        { kind: "measured", knobs: { ...knobs, engine, clock: "host" }, at: {} },
        { kind: "modelled", knobs: { ...knobs, engine: "soft", clock: "virtual" }, at: {} },
      ];
    });
  },

  async measure({ kind, knobs }, { disk, request }, context) {
    const { placement, notification, engine, clock } = knobs;
    const file = disk ?? await defaultDisk(
      context.runtime.engineFor({ machine: "micro", engine: "auto" }).engine,
    );
    const sample = await runDigest(context, {
      guest: "digest",
      disk: file,
      cmdline: `request=${request}`,
      placement,
      notification,
      engine,
      clock,
    }, await digestOf(file));
    // On a virtual clock each request rings, which stands for a core that polls and costs nothing.
    const rings = kind === "modelled" && placement === "split" ? sample.requests : 0;
    const figure = (name: string, unit: string, value: number): Figure => ({ name, unit, value });
    return [
      figure(THROUGHPUT, "MB/s", sample.megabytesPerSecond),
      figure("request p50", "ns", sample.latency.quantile(0.5)),
      figure("request p99", "ns", sample.latency.quantile(0.99)),
      figure("exits on the guest core", "count", sample.exits - rings),
      figure("ring requests", "count", sample.requests),
      // Times of the host say nothing about a machine on a virtual clock.
      ...(kind === "modelled" ? [] : [
        figure("hypervisor busy", "share", sample.hypervisorBusy),
        figure("guest inside the engine", "share", sample.guestInside),
      ]),
    ];
  },

  charts(rows) {
    const bars = (name: string, title: string, label: string) => ({
      type: "bars" as const,
      title,
      value: { label },
      bars: findRows(rows, { name }).map((row: ExperimentRow) => ({
        category: machineOf(row),
        name: "",
        kind: row.kind,
        parts: [{ name: label, value: row.value! }],
      })),
    });
    return [
      bars(THROUGHPUT, "Throughput", "MB/s"),
      bars("exits on the guest core", "Exits on the guest core", "exits"),
    ].filter((chart) => chart.bars.length > 0);
  },

  summary(rows) {
    return (["measured", "modelled"] as const).flatMap((kind) => {
      const speed = (placement: "same-core" | "split", notification: "exit" | "polled") =>
        findValue(rows, { name: THROUGHPUT, kind, placement, notification });
      const split = speed("split", "polled"), classical = speed("same-core", "exit");
      if (!split || !classical) return [];
      return [`split+polled is ${(split / classical).toFixed(2)} times same-core+exit (${kind}).`];
    });
  },
};
