/** What a machine is made of, as a user writes it. */
import { z } from "zod";
import { MEMORY_MAX } from "../cores/abi.ts";
import { corePlanSchema } from "../cores/core_plan.ts";
import { usageError } from "../errors.ts";
import { cpuidTemplateSchema } from "./cpuid/template.ts";
import { parseMac } from "./network/mac.ts";
import { parseNetwork } from "./network/network_name.ts";

const KIB = 1024;
const PAGE = 4096;
const SMALLEST_MEMORY = 2 * KIB ** 2;

/**
 * Reads a size.
 *
 * @param text bytes, or a number with K, M or G
 * @returns bytes, or undefined when the text is no size
 *
 * @example
 * ```ts
 * import { parseSize } from "./config.ts";
 * import { strictEqual } from "node:assert";
 * strictEqual(parseSize("64M"), 67_108_864);
 * ```
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)(?:([KMG])(?:i?B)?|B)?$/i.exec(text.trim());
  if (!match) return undefined;
  return Number(match[1]) * KIB ** ["", "K", "M", "G"].indexOf((match[2] ?? "").toUpperCase());
}

const memorySchema = z.union([z.number(), z.string()]).transform((given, context) => {
  const bytes = typeof given === "number" ? given : parseSize(given);
  const refuse = (message: string) => {
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  };
  if (bytes === undefined) return refuse(`"${given}" is no size: write bytes, or 64M, or 1G`);
  if (!Number.isInteger(bytes) || bytes % PAGE !== 0) {
    return refuse(`${given} is not a multiple of ${PAGE} bytes`);
  }
  if (bytes < SMALLEST_MEMORY) return refuse(`${given} is too small: at least 2M`);
  if (bytes > MEMORY_MAX) return refuse(`${given} is too large: at most 64G`);
  return bytes;
});

/** When a device queue is polled under `polled` notification; the defaults are ELVIS's. */
const pollingSchema = z.strictObject({
  /** Notifications in a millisecond that start polling a queue; 0 polls it always. */
  startRate: z.number().min(0).default(1),
  /** Milliseconds without work after which the queue goes back to notifications. */
  stopIdleMs: z.number().positive().default(3000),
  /** Requests of one queue that are served before the next queue's turn. */
  quantum: z.int().min(1).max(256).default(64),
  /** Requests of it that are served between two looks at the other queues. */
  leastQuantum: z.int().min(1).max(256).default(8),
  /** Microseconds for which another queue has had few requests, and no new ones, to be served then. */
  stuckUs: z.number().min(0).default(10),
});

const MOST_DISKS = 16;

/** A virtio disk. */
const diskSchema = z.strictObject({
  /** A regular file; its size is the disk's. */
  file: z.string().min(1),
  /** Whether the guest may write to it. */
  writable: z.boolean().default(false),
  /** What the guest finds it by; `splitx-N` for the Nth disk when absent. */
  serial: z.string().regex(/^[!-~]{1,20}$/, "1 to 20 printable characters").optional(),
  /** Queues on which the guest may send requests side by side. */
  queues: z.int().min(1).max(8).default(1),
});

const MOST_PORTS = 16;

/** A named port of a virtio console. */
const portSchema = z.strictObject({
  /** What the guest finds it by: `/dev/virtio-ports/NAME` in Linux. */
  name: z.string().regex(/^[!-.0-~]{1,64}$/, "1 to 64 printable characters without /"),
  /** Path of a Unix socket that is made, to which a program of the host may connect. */
  socket: z.string().min(1),
});

const NETWORK_WORDS = "is no network: write up to 32 small letters, digits and -, a letter first," +
  " user, tap:NAME or none";
const MAC_WORDS = "is no address of a device: write six bytes as 02:00:00:00:00:01";

/** A machine's configuration; every field but `guest` has a default. */
export const vmConfigSchema = z.strictObject({
  /** Shown to people. */
  name: z.string().min(1).max(64).default("vm"),
  /** Name of a bundled micro guest, or path of a PVH ELF image, a bzImage or a multiboot kernel. */
  guest: z.string().min(1),
  /** A file that the kernel finds in memory: its path, or its bytes. */
  initrd: z.union([z.string().min(1), z.instanceof(Uint8Array)]).optional(),
  /** What executes guest code; `auto` is KVM where it runs the guest natively, else `soft`. */
  engine: z.enum(["auto", "kvm", "soft"]).default("auto"),
  /**
   * `micro`: every vCPU starts at the entry. `pc`: ACPI, APICs and timers, and the first vCPU starts
   * the others.
   */
  machine: z.enum(["micro", "pc"]).default("micro"),
  /**
   * Interrupt controllers: all in the engine, with a PIT (`full`, KVM only); only the local APICs
   * there, while the IOAPIC is the hypervisor's and there are no 8259 and no PIT (`split`); or none, as
   * a `micro` has unless told otherwise. A `pc` has the most that its engine has.
   */
  irqchip: z.enum(["none", "full", "split"]).optional(),
  /** Where the handler of an exit runs. */
  placement: z.enum(["same-core", "split"]).default("split"),
  /** How the guest tells the hypervisor: by an exit, or by memory that is polled. */
  notification: z.enum(["exit", "polled"]).default("polled"),
  /**
   * What guest time is: the host's time, or modelled cycles (`virtual`, engine soft): the same
   * configuration then runs the same way each time, but for what is typed.
   */
  clock: z.enum(["host", "virtual"]).default("host"),
  /** Of the random numbers that a guest on a virtual clock gets; 1 when absent. */
  seed: z.int().min(0).max(0xffffffff).optional(),
  /** What a virtual clock says at the start, seconds since the Unix epoch; 2000-01-01 when absent. */
  epoch: z.int().min(0).max(0xffffffff).optional(),
  /** Whether a hash over everything that a machine on a virtual clock does is kept. */
  traceHash: z.boolean().default(false),
  /** Records so many instructions from a number on (engine soft): see `Vm.trace()`. */
  trace: z.strictObject({
    from: z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
    count: z.int().min(1).max(Number.MAX_SAFE_INTEGER).default(Number.MAX_SAFE_INTEGER),
  }).optional(),
  vcpus: z.int().min(1).max(8).default(1),
  /** Guest memory in bytes, or as text such as `64M`. */
  memory: memorySchema.default(64 * KIB ** 2),
  /** A file served by the block service, and as the first virtio disk. */
  disk: z.string().min(1).optional(),
  /** Whether the guest may write to `disk`. */
  writable: z.boolean().default(false),
  /** More virtio disks, in the order in which the guest finds them. */
  disks: z.array(diskSchema).max(MOST_DISKS).default([]),
  /**
   * Name of a network that machines share; `tap:` and an interface of the host; `user`, the sockets
   * of the host by passt; or `none`.
   */
  network: z.string().refine((text) => parseNetwork(text) !== undefined, NETWORK_WORDS)
    .transform((text) => text === "none" ? undefined : text).optional(),
  /** Ethernet address of its network device; made from the machine's number when absent. */
  mac: z.string().refine((text) => parseMac(text) !== undefined, MAC_WORDS).optional(),
  /** What typing goes to: the serial port, or a virtio console, which Linux calls hvc0. */
  console: z.enum(["serial", "virtio"]).default("serial"),
  /** Lines of bytes between programs of the guest and of the host. */
  ports: z.array(portSchema).max(MOST_PORTS).default([]),
  cmdline: z.string().default(""),
  /** What the guest finds by CPUID besides: name or path of a template, or its content. */
  cpuid: z.union([z.string().min(1), cpuidTemplateSchema]).optional(),
  polling: pollingSchema.prefault({}),
  /** Which cores to use; planned when absent. */
  plan: corePlanSchema.optional(),
  /** Several vCPUs may share a guest core, and several hypervisor cores a host core. */
  overcommit: z.boolean().default(false),
}).superRefine((config, context) => {
  const field = (["seed", "epoch"] as const).find((name) => config[name] !== undefined) ??
    (config.traceHash ? "traceHash" : undefined);
  if (config.clock === "virtual" || field === undefined) return;
  context.addIssue({ code: "custom", path: [field], message: "goes with clock virtual" });
}).refine((config) => config.clock === "host" || config.engine !== "kvm", {
  path: ["clock"],
  message: "virtual needs the engine soft",
}).refine((config) => config.trace === undefined || config.engine === "soft", {
  path: ["trace"],
  message: "needs the engine soft",
}).refine((config) => config.trace === undefined || !config.traceHash, {
  path: ["traceHash"],
  message: "is of whole blocks: leave it away, or the trace",
}).refine((config) => config.clock === "host" || config.network === undefined, {
  path: ["network"],
  message: "needs clock host: frames come when they come",
}).refine((config) => config.placement === "split" || config.vcpus === 1, {
  path: ["vcpus"],
  message: "same-core placement serves one vCPU",
}).refine((config) => config.placement === "split" || config.network === undefined, {
  path: ["network"],
  message: "needs split placement, where a core polls for frames",
}).refine((config) => config.placement === "split" || config.console === "serial", {
  path: ["console"],
  message: "virtio needs split placement, where a core polls for input",
}).refine((config) => config.placement === "split" || config.ports.length === 0, {
  path: ["ports"],
  message: "need split placement, where a core polls for input",
}).refine((config) => new Set(config.ports.map((port) => port.name)).size === config.ports.length, {
  path: ["ports"],
  message: "two have one name",
}).refine((config) => config.mac === undefined || config.network !== undefined, {
  path: ["mac"],
  message: "is the address of a network device: name a network as well",
}).refine((config) => config.machine !== "pc" || config.irqchip !== "none", {
  path: ["irqchip"],
  message: "a pc has interrupt controllers",
});

/** A configuration as a user writes it. */
export type VmConfigInput = z.input<typeof vmConfigSchema>;
/** A configuration with every default filled in that no engine decides. */
export type VmConfig = z.output<typeof vmConfigSchema>;

/**
 * Checks input against a schema.
 *
 * @param what names the input in the message
 * @throws SplitXError `bad-config`: one line with the field and what would be right
 */
export function parseWith<T>(schema: z.ZodType<T>, input: unknown, what: string): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const field = issue.path.length > 0 ? `${issue.path.join(".")}: ` : "";
  throw usageError("bad-config", `${what}: ${field}${issue.message}`);
}
