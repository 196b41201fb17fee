/**
 * What the API takes and gives, as zod schemas; the OpenAPI document is made of them. Where another
 * file has a schema already, it is that one.
 */
import { z } from "@hono/zod-openapi";
import { corePlanSchema } from "../../cores/core_plan.ts";
import type { EngineProbe } from "../../cores/engine.ts";
import type { HostCore } from "../../cores/topology.ts";
import { adaptiveSettingsSchema } from "../adaptive_roles.ts";
import { vmConfigSchema } from "../config.ts";
import { STEPS, type VmState } from "../lifecycle.ts";
import type { QueueOccupancy } from "../devices/virtio/queue_table.ts";
import type { VmLatency, WaitHistogram } from "../latency.ts";
import {
  comparedRowSchema,
  comparisonRecordSchema,
  experimentRowSchema,
  hostSchema,
} from "../records.ts";
import type { VcpuStats, VmStats } from "../vm_stats.ts";

const count = z.number().min(0);
const share = z.number().min(0).max(1);

/** A machine's configuration as a request has it: files by path, and none in memory. */
export const vmRequestSchema = vmConfigSchema.safeExtend({
  initrd: z.string().min(1).optional(),
}).openapi("VmRequest");

export const planSchema = corePlanSchema.clone().openapi("CorePlan");

const hostCoreSchema = z.strictObject({
  cpu: z.int(),
  siblings: z.array(z.int()).readonly(),
  package: z.int(),
  node: z.int(),
  cacheGroup: z.array(z.int()).readonly(),
  cacheBytes: count,
  online: z.boolean(),
  isolated: z.boolean(),
  allowed: z.boolean(),
}).openapi("HostCore") satisfies z.ZodType<HostCore>;

const probeSchema = z.strictObject({
  native: hostSchema.shape.native,
  problem: z.string(),
  ring0Ns: z.number(),
  ring3Ns: z.number(),
  exitNs: z.number(),
  disableExits: z.int(),
  irqchip: z.boolean(),
  splitIrqchip: z.boolean(),
  immediateExit: z.boolean(),
  maxVcpus: z.int(),
}).openapi("EngineProbe") satisfies z.ZodType<EngineProbe>;

/** The host: what it is, its cores, and what the engine probe measured. */
export const hostResourceSchema = z.strictObject({
  host: hostSchema,
  probe: probeSchema,
  /** What a guest in ring 3 and one in every ring would run on, and why. */
  engines: z.strictObject({
    micro: z.strictObject({ engine: z.enum(["kvm", "soft"]), why: z.string() }),
    pc: z.strictObject({ engine: z.enum(["kvm", "soft"]), why: z.string() }),
  }),
  cores: z.array(hostCoreSchema).readonly(),
  /** Whether the cores are those of a description: machines can be planned on it, and none made. */
  simulated: z.boolean(),
}).openapi("Host");

/** What a host core does, and for whom. */
const coreRoleSchema = z.strictObject({
  role: z.enum(["housekeeping", "hypervisor", "sidecore", "guest"]),
  /** Machine that it is for; absent where it is for all. */
  vm: z.int().optional(),
  vcpu: z.int().optional(),
});

/** A host core now. */
const coreActivitySchema = z.strictObject({
  cpu: z.int(),
  roles: z.array(coreRoleSchema).readonly(),
  /** Guest code or handlers; of a core that only keeps house, whatever runs there. */
  busy: share,
  /** Waiting for the other side without sleeping. */
  spin: share,
  idle: share,
  /** What the host's kernel says of this core, everything that runs there included. */
  hostBusy: share,
}).openapi("CoreActivity");

/** How full a device queue is. */
const queueSchema = z.strictObject({
  /** Kind of device. */
  device: z.string(),
  /** Which device of that kind, from 0. */
  number: z.int(),
  /** Which queue of the device, from 0. */
  queue: z.int(),
  /** Whether its entries are room for what comes from outside, rather than requests. */
  input: z.boolean(),
  /** Entries that it has. */
  size: z.int(),
  /** Chains that the driver has made available and the device has not given back. */
  occupied: z.int(),
}).openapi("QueueOccupancy") satisfies z.ZodType<QueueOccupancy>;

/** What a machine's guest did that nothing answers, since the start. */
const faultsSchema = z.strictObject({
  wildPorts: count,
  unmappedMemory: count,
  unknownCalls: count,
  lostInterrupts: count,
}).openapi("Faults") satisfies z.ZodType<Partial<VmStats>>;

/** A machine in numbers, now. */
const machineActivitySchema = z.strictObject({
  id: z.int(),
  name: z.string(),
  state: z.enum(Object.keys(STEPS) as [VmState, ...VmState[]]),
  /** Exits on its guest cores by reason, since the start. */
  exits: z.record(z.string(), count),
  exitsPerSecond: count,
  /** Hypercalls and device requests since the start. */
  requests: count,
  requestsPerSecond: count,
  /** Of those requests, the devices'. */
  deviceRequestsPerSecond: count,
  /** Interrupts that its devices sent. */
  interruptsPerSecond: count,
  /** Frames to and from its network. */
  framesPerSecond: count,
  /** Posted exits that wait, and how many its vCPUs' rings have room for. */
  postedWaiting: count,
  postedDepth: count,
  /** Posted requests that wait, and how many its vCPUs' rings have room for. */
  ringWaiting: count,
  ringDepth: count,
  /** Queues that its drivers have set up. */
  queues: z.array(queueSchema).readonly(),
  faults: faultsSchema,
  residentBytes: count,
}).openapi("MachineActivity");

/** Everything that moves, at one moment. */
export const snapshotSchema = z.strictObject({
  /** Grows by one from one to the next. */
  number: z.int(),
  /** ISO 8601, UTC. */
  at: z.string(),
  /** Milliseconds that the shares and rates are of. */
  spanMs: count,
  cores: z.array(coreActivitySchema).readonly(),
  machines: z.array(machineActivitySchema).readonly(),
}).openapi("Snapshot");

/** What every core does. */
export const planResourceSchema = snapshotSchema.pick({ at: true, spanMs: true, cores: true })
  .openapi("Plan");

/** What a machine would ask of a plan; more than one may have can be tried. */
export const planRequestSchema = vmRequestSchema.safeExtend({
  vcpus: z.int().min(1).max(256).default(1),
  /** Hypervisor cores; machines with one plan take turns on them. */
  hypervisors: z.int().min(1).max(64).default(1),
}).openapi("PlanRequest");

/** What a plan brings with it, the disadvantages first. */
const planEffectsSchema = z.array(z.strictObject({ good: z.boolean(), text: z.string() }));

/** Whether a machine would get cores now, and which. */
export const planPreviewSchema = z.discriminatedUnion("possible", [
  z.strictObject({
    possible: z.literal(true),
    plan: planSchema,
    engine: z.enum(["kvm", "soft"]),
    why: z.string(),
    effects: planEffectsSchema,
  }),
  z.strictObject({ possible: z.literal(false), code: z.string(), reason: z.string() }),
]).openapi("PlanPreview");

/** Whether a machine could have another plan. */
export const movePreviewSchema = z.discriminatedUnion("possible", [
  z.strictObject({ possible: z.literal(true), effects: planEffectsSchema }),
  z.strictObject({ possible: z.literal(false), code: z.string(), reason: z.string() }),
]).openapi("MovePreview");

const moveSchema = z.strictObject({
  role: z.enum(["housekeeping", "hypervisor", "guest"]),
  vcpu: z.int().optional(),
  from: z.array(z.int()).readonly(),
  to: z.array(z.int()).readonly(),
  /** How long a vCPU was kept from its guest, measured in the stub. */
  pauseNs: count.optional(),
});

/** A machine whose roles have moved. */
export const movesSchema = z.strictObject({
  plan: planSchema,
  /** In the order in which they moved. */
  moves: z.array(moveSchema),
}).openapi("Moves");

export const adaptiveRequestSchema = adaptiveSettingsSchema.clone().openapi("AdaptiveSettings");

/** Adaptive roles: their settings, what they see, and what they decided. */
export const adaptiveSchema = z.strictObject({
  settings: adaptiveRequestSchema,
  /** Host cores that poll, as the last look saw them. */
  cores: z.array(z.strictObject({ cpu: z.int(), busy: share })).readonly(),
  /** What the last look came to. */
  last: z.string(),
  /** The latest first. */
  decisions: z.array(z.strictObject({
    /** ISO 8601, UTC. */
    at: z.string(),
    action: z.enum(["add", "remove"]),
    why: z.string(),
    moves: z.array(moveSchema.extend({ vm: z.int(), name: z.string() })).readonly(),
    /** Why it could not be, or not as a whole. */
    refused: z.string().optional(),
    /** How often in a row it was taken and refused. */
    times: z.int(),
  })).readonly(),
}).openapi("Adaptive");

const { shape } = vmConfigSchema;

/** A machine's configuration as it was settled. */
const settledConfigSchema = z.strictObject({
  name: z.string(),
  guest: z.string(),
  engine: z.enum(["kvm", "soft"]),
  machine: shape.machine.unwrap(),
  irqchip: shape.irqchip.unwrap(),
  placement: shape.placement.unwrap(),
  notification: shape.notification.unwrap(),
  clock: shape.clock.unwrap(),
  vcpus: z.int(),
  /** Bytes. */
  memory: z.int(),
  cmdline: z.string(),
  console: shape.console.unwrap(),
  network: z.string().optional(),
  /** Paths of its disks. */
  disks: z.array(z.string()),
});

const lastExitSchema = z.strictObject({
  /** Name of the SDM basic exit reason. */
  reason: z.string(),
  /** Port or guest-physical address, hexadecimal. */
  address: z.string(),
  /** Hexadecimal. */
  rip: z.string(),
  detail: z.number(),
});

/** A machine. */
export const vmSchema = z.strictObject({
  id: z.int(),
  name: z.string(),
  state: machineActivitySchema.shape.state,
  config: settledConfigSchema,
  plan: planSchema,
  /** How it ended. */
  end: z.strictObject({
    state: z.enum(["stopped", "failed"]),
    code: z.number().optional(),
    reason: z.string().optional(),
    lastExit: lastExitSchema.optional(),
  }).optional(),
  /** Knobs of its configuration that can be switched now. */
  knobs: z.array(z.enum(["notification"])).readonly(),
  /** How many watch its console by the API. */
  watchers: z.int(),
}).openapi("Vm");

/** Knobs of a machine to be switched. */
export const knobsSchema = z.strictObject({
  /** Of hypercalls and device queues. */
  notification: shape.notification.unwrap(),
}).openapi("Knobs");

const engineSchema = z.record(z.string(), z.number()).readonly();

const vcpuStatsSchema = z.strictObject({
  exits: z.record(z.string(), count).readonly(),
  exitsTotal: count,
  guestNs: count,
  waitNs: count,
  servedNs: count,
  calls: count,
  postedCalls: count,
  postedExits: count,
  postedFull: count,
  postedWaiting: count,
  ringWaiting: count,
  parks: count,
  firstRunTicks: count,
  thread: count,
  cpuNs: count,
  engine: engineSchema,
}).openapi("VcpuStats") satisfies z.ZodType<VcpuStats>;

/** Counters of a machine since its start. */
export const vmStatsSchema = z.strictObject({
  vcpus: z.array(vcpuStatsSchema).readonly(),
  wildPorts: count,
  unmappedMemory: count,
  unknownCalls: count,
  queueNotifications: count,
  queueRequests: count,
  queueServedNs: count,
  interrupts: count,
  lostInterrupts: count,
  framesSent: count,
  framesReceived: count,
  framesDropped: count,
  linksLost: count,
  queues: z.array(queueSchema).readonly(),
  residentBytes: count,
  engine: engineSchema,
}).openapi("VmStats") satisfies z.ZodType<VmStats>;

/** Waiting times, nanoseconds. */
const waitHistogramSchema = z.strictObject({
  n: count,
  meanNs: count,
  /** Interpolated within their buckets. */
  p50Ns: count,
  p99Ns: count,
  /** Waits by bucket, as many as there are bounds. */
  counts: z.array(count).readonly(),
}).openapi("WaitHistogram") satisfies z.ZodType<WaitHistogram>;

/** How long exits and calls took since a machine's start. */
export const vmLatencySchema = z.strictObject({
  /** The least time of each bucket, nanoseconds; the last one has no end. */
  boundsNs: z.array(count).readonly(),
  /** By reason: from an exit event to its completion, or to its being posted. */
  exits: z.record(z.string(), waitHistogramSchema).readonly(),
  /**
   * Synchronous requests through the cell, a sample: from the hypervisor core's seeing one to its having
   * answered. Absent when none was sampled.
   */
  calls: waitHistogramSchema.optional(),
}).openapi("VmLatency") satisfies z.ZodType<VmLatency>;

/** What machines can be made of. */
export const guestsSchema = z.strictObject({
  /** Names for `guest`. */
  bundled: z.array(z.strictObject({
    name: z.string(),
    kind: z.enum(["micro", "linux"]),
  })),
  /** Folders whose files a request may name. */
  folders: z.array(z.string()).readonly(),
  files: z.array(z.strictObject({ path: z.string(), bytes: count })),
}).openapi("Guests");

/** A record of a run or a benchmark; what else it has differs by its schema. */
const recordSchema = z.looseObject({
  schema: z.string(),
  name: z.string(),
  host: hostSchema,
  rows: z.array(experimentRowSchema.clone().openapi("Row")),
}).openapi("Record");

/** A record with its number in the store. */
export const runSchema = z.strictObject({
  id: z.int(),
  at: z.string(),
  record: recordSchema,
}).openapi("Run");

/** A page of records, newest first. */
export const runsSchema = z.strictObject({
  runs: z.array(z.strictObject({
    id: z.int(),
    at: z.string(),
    schema: z.string(),
    name: z.string(),
    /** How many rows it has. */
    rows: z.int(),
  })),
  /** For `before`, when there are more. */
  next: z.int().optional(),
}).openapi("Runs");

/** What the record of an experiment shows. */
export const figuresSchema = z.strictObject({
  /** In sentences. */
  summary: z.array(z.string()).readonly(),
  /** In pictures. */
  figures: z.array(z.strictObject({
    title: z.string(),
    /** An `svg` element that stands alone; a page may set its `color` and the `fill` of `.ground`. */
    svg: z.string(),
  })).readonly(),
}).openapi("Figures");

/** How the record of an experiment differs from another. */
export const comparisonSchema = comparisonRecordSchema.extend({
  rows: z.array(comparedRowSchema.clone().openapi("ComparedRow")),
}).openapi("Comparison");

/** An experiment that can be started. */
const experimentSchema = z.strictObject({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  /** JSON Schema (2020-12) of `parameters`. */
  parameters: z.record(z.string(), z.unknown()),
}).openapi("Experiment");

/** An experiment that was started. */
export const experimentJobSchema = z.strictObject({
  id: z.string(),
  experiment: z.string(),
  state: z.enum(["running", "done", "failed", "cancelled"]),
  /** 0 to 1. */
  progress: share,
  /** What it does now, or why it failed. */
  message: z.string(),
  /** At most, as far as the measurements so far tell; absent before the first and after the end. */
  secondsLeft: z.number().min(0).optional(),
  startedAt: z.string(),
  endedAt: z.string().optional(),
  /** Its record, once it is kept. */
  run: z.int().optional(),
}).openapi("ExperimentJob");

/** All that can be started, and all that was. */
export const experimentsSchema = z.strictObject({
  experiments: z.array(experimentSchema).readonly(),
  jobs: z.array(experimentJobSchema).readonly(),
}).openapi("Experiments");

/** What starts an experiment. */
export const experimentRequestSchema = z.strictObject({
  name: z.string().min(1).max(100),
  parameters: z.record(z.string(), z.unknown()).default({}),
}).openapi("ExperimentRequest");

/** Whether the runtime is well. */
export const healthSchema = z.strictObject({
  status: z.literal("ok"),
  machines: z.int(),
}).openapi("Health");

export type Snapshot = z.infer<typeof snapshotSchema>;
export type CoreActivity = z.infer<typeof coreActivitySchema>;
export type CoreRole = z.infer<typeof coreRoleSchema>;
export type MachineActivity = z.infer<typeof machineActivitySchema>;
export type VmResource = z.infer<typeof vmSchema>;
export type Experiment = z.infer<typeof experimentSchema>;
export type Figures = z.infer<typeof figuresSchema>;
export type ExperimentJob = z.infer<typeof experimentJobSchema>;
