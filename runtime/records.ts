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
