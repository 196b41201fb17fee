/** A host that is described in a file: for planning at a scale that is not at hand. */
import { z } from "zod";
import { usageError } from "../errors.ts";
import type { HostCore, Topology } from "./topology.ts";

const MOST_CORES = 256;
const number = z.int().min(0).max(8191);

/** A logical CPU as a description has it: what it shares with others is told by common numbers. */
const simulatedCoreSchema = z.strictObject({
  cpu: number,
  /** Physical core, in its package: CPUs that have it in common are SMT siblings. The CPU's own number by default. */
  core: number.optional(),
  package: number.default(0),
  node: number.default(0),
  /** Last-level cache, in its package: CPUs that have it in common are near each other. */
  cache: number.default(0),
  cacheBytes: z.int().min(0).default(0),
  online: z.boolean().default(true),
  isolated: z.boolean().default(false),
});

/** A host as a file describes it. */
export const simulatedTopologySchema = z.strictObject({
  cores: z.array(simulatedCoreSchema).min(1).max(MOST_CORES),
}).refine(({ cores }) => new Set(cores.map(({ cpu }) => cpu)).size === cores.length, {
  path: ["cores"],
  error: "two cores have the same cpu",
});

/** A description of a host as it is written down. */
export type SimulatedTopologyInput = z.input<typeof simulatedTopologySchema>;

/**
 * The topology that a description stands for; every core of it may be used.
 *
 * @param description checked by {@link simulatedTopologySchema}
 */
export function simulateTopology(
  description: z.output<typeof simulatedTopologySchema>,
): Topology {
  const described = description.cores.toSorted((one, other) => one.cpu - other.cpu);
  const together = (part: "core" | "cache") => {
    const groups = new Map<string, number[]>();
    const key = (core: typeof described[number]) => `${core.package} ${core[part] ?? core.cpu}`;
    for (const core of described) {
      groups.set(key(core), [...groups.get(key(core)) ?? [], core.cpu]);
    }
    return (core: typeof described[number]) => groups.get(key(core))!;
  };
  const siblings = together("core"), cacheGroup = together("cache");
  const cores = described.map((core): HostCore => ({
    cpu: core.cpu,
    siblings: siblings(core),
    package: core.package,
    node: core.node,
    cacheGroup: cacheGroup(core),
    cacheBytes: core.cacheBytes,
    online: core.online,
    isolated: core.isolated,
    allowed: true,
  }));
  return { cores, simulated: true };
}

/**
 * Reads the description of a host.
 *
 * @throws SplitXError `bad-topology` with what is wrong with it
 */
export function readSimulatedTopology(path: string): Topology {
  const wrong = (why: string) => usageError("bad-topology", `topology ${path}: ${why}`);
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    throw wrong("it cannot be read");
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw wrong(`it is not JSON: ${(error as Error).message}`);
  }
  const parsed = simulatedTopologySchema.safeParse(json);
  if (parsed.success) return simulateTopology(parsed.data);
  const { path: at, message } = parsed.error.issues[0]!;
  throw wrong(at.length > 0 ? `${at.join(".")}: ${message}` : message);
}
