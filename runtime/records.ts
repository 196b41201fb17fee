/** What commands print with `--json` and what the run store keeps. */
import { z } from "zod";
import { corePlanSchema } from "../cores/core_plan.ts";
import { formatCpuList } from "../cores/cpu_list.ts";
import { usableCores } from "../cores/topology.ts";
import type { Runtime } from "./runtime.ts";

/** The host that figures were taken on. */
export const hostSchema = z.strictObject({
  cpu: z.string(),
  /** CPUs that the process may use, as Linux writes a list. */
  cores: z.string(),
  kernel: z.string(),
  deno: z.string(),
  tscKhz: z.number(),
  /** The engine probe. */
  native: z.enum(["everything", "ring-3", "none"]),
  ring0Ns: z.number(),
  ring3Ns: z.number(),
  exitNs: z.number(),
});

/** One figure, or the distribution of one. */
export const rowSchema = z.strictObject({
  name: z.string(),
  engine: z.enum(["kvm", "soft"]).optional(),
  placement: z.enum(["same-core", "split"]).optional(),
  notification: z.enum(["exit", "polled"]).optional(),
  interrupts: z.enum(["injected", "delivery-only", "exitless"]).optional(),
  guest: z.string().optional(),
  clock: z.enum(["host", "virtual"]).optional(),
  kind: z.enum(["measured", "modelled"]),
  unit: z.string(),
  n: z.number(),
  p50: z.number().optional(),
  p99: z.number().optional(),
  p999: z.number().optional(),
  value: z.number().optional(),
  /** What the value must keep, and whether it does. */
  bound: z.string().optional(),
  holds: z.boolean().optional(),
});

/** Where on the axes of an experiment a figure was taken: names and values. */
export const placeSchema = z.record(z.string(), z.union([z.string(), z.number()]));

/** A figure of an experiment: the median of its repetitions is the value. */
export const experimentRowSchema = rowSchema.extend({
  at: placeSchema.optional(),
  /** A confidence interval of the value; absent where there was one repetition. */
  interval: z.strictObject({ low: z.number(), high: z.number(), level: z.number() }).optional(),
  /** What each repetition gave, in their order; absent where the figure is computed from others. */
  samples: z.array(z.number()).optional(),
});

/** Result of `deno task experiment`. */
export const experimentRecordSchema = z.strictObject({
  schema: z.literal("splitx.experiment/1"),
  name: z.string(),
  host: hostSchema,
  parameters: z.record(z.string(), z.unknown()),
  rows: z.array(experimentRowSchema),
});

/** The same figure in two records of experiments; differences are b less a. */
export const comparedRowSchema = experimentRowSchema.omit({
  n: true,
  value: true,
  interval: true,
  samples: true,
}).extend({
  a: z.number(),
  b: z.number(),
  difference: z.number(),
  /** Of the difference; absent where either side has fewer than two repetitions. */
  interval: z.strictObject({ low: z.number(), high: z.number(), level: z.number() }).optional(),
  /** How likely chance alone makes a difference as large, by permutation. */
  p: z.number().optional(),
  verdict: z.enum(["higher", "lower", "no difference seen"]),
});

/** Result of `deno task experiment --compare`. */
export const comparisonRecordSchema = z.strictObject({
  schema: z.literal("splitx.comparison/1"),
  name: z.string(),
  a: z.strictObject({ run: z.number(), at: z.string(), host: hostSchema }),
  b: z.strictObject({ run: z.number(), at: z.string(), host: hostSchema }),
  rows: z.array(comparedRowSchema),
  /** Figures that only one of the two has. */
  unmatched: z.number(),
});

/** Result of `deno task bench`. */
export const benchRecordSchema = z.strictObject({
  schema: z.literal("splitx.bench/1"),
  name: z.string(),
  host: hostSchema,
  rows: z.array(rowSchema),
});

/** Result of `deno task run`. */
export const runRecordSchema = z.strictObject({
  schema: z.literal("splitx.run/1"),
  name: z.string(),
  host: hostSchema,
  /** How each machine ended. */
  ends: z.array(z.strictObject({
    name: z.string(),
    state: z.enum(["stopped", "failed"]),
    code: z.number().optional(),
    reason: z.string().optional(),
    /** TSC just before the first instruction. */
    firstRunTicks: z.number(),
    /** Of a machine whose clock is virtual, when it was asked for. */
    traceHash: z.string().optional(),
  })),
  rows: z.array(rowSchema),
});

/** Result of `deno task run --topology`: plans on a host that is only described. */
export const planRecordSchema = z.strictObject({
  schema: z.literal("splitx.plan/1"),
  simulated: z.literal(true),
  /** CPUs that plans may use, as Linux writes a list. */
  cores: z.string(),
  plans: z.array(z.strictObject({ name: z.string(), plan: corePlanSchema })),
});

export type PlanRecord = z.infer<typeof planRecordSchema>;
export type HostRecord = z.infer<typeof hostSchema>;
export type Row = z.infer<typeof rowSchema>;
export type ExperimentRow = z.infer<typeof experimentRowSchema>;
export type ExperimentRecord = z.infer<typeof experimentRecordSchema>;
export type ComparedRow = z.infer<typeof comparedRowSchema>;
export type ComparisonRecord = z.infer<typeof comparisonRecordSchema>;
/** What the run store keeps. */
export type KeptRecord = BenchRecord | RunRecord | ExperimentRecord;
export type BenchRecord = z.infer<typeof benchRecordSchema>;
export type RunRecord = z.infer<typeof runRecordSchema>;

function cpuModel(): string {
  return /^model name\s*:\s*(.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? "unknown";
}

/** Describes the host that a runtime runs on. */
export function describeHost(runtime: Runtime): HostRecord {
  const { probe } = runtime;
  return {
    cpu: cpuModel(),
    cores: formatCpuList(usableCores(runtime.topology).map((core) => core.cpu)),
    kernel: Deno.osRelease(),
    deno: Deno.version.deno,
    tscKhz: Math.round(runtime.tscKhz),
    native: probe.native,
    ring0Ns: probe.ring0Ns,
    ring3Ns: probe.ring3Ns,
    exitNs: probe.exitNs,
  };
}
