/** The host's cores as sysfs tells them, and which of them this process may use. */
import { join } from "node:path";
import { parseCpuList } from "./cpu_list.ts";

/** A logical CPU of the host. */
export interface HostCore {
  readonly cpu: number;
  /** CPUs of the same physical core, this one included. */
  readonly siblings: readonly number[];
  readonly package: number;
  /** NUMA node. */
  readonly node: number;
  /** CPUs that share the last-level cache, this one included. */
  readonly cacheGroup: readonly number[];
  /** Size of that cache in bytes, 0 when unknown. */
  readonly cacheBytes: number;
  readonly online: boolean;
  /** Kept free of other work by the kernel (`isolcpus`). */
  readonly isolated: boolean;
  /** Inside the process's affinity mask, and so inside its cgroup's cpuset. */
  readonly allowed: boolean;
}

/** All cores of a host, by CPU number. */
export interface Topology {
  readonly cores: readonly HostCore[];
  /** True for one read from a description instead of the host. */
  readonly simulated: boolean;
}

/** Where to read; another root serves tests. */
export interface TopologySource {
  /** The `cpu` folder of sysfs. */
  readonly sys: string;
  /** The `status` file of the process in procfs. */
  readonly status: string;
}

const HOST: TopologySource = { sys: "/sys/devices/system/cpu", status: "/proc/self/status" };

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return undefined;
  }
}

function readNumber(path: string, otherwise: number): number {
  const text = read(path);
  return text === undefined || !/^\d+$/.test(text) ? otherwise : Number(text);
}

function bytesOf(text: string | undefined): number {
  const match = /^(\d+)([KMG]?)$/.exec(text ?? "");
  if (!match) return 0;
  return Number(match[1]) * 1024 ** ["", "K", "M", "G"].indexOf(match[2]!);
}

function lastLevelCache(folder: string, cpu: number): { group: number[]; bytes: number } {
  let level = 0, group = [cpu], bytes = 0;
  for (let index = 0; index < 10; index++) {
    const cache = join(folder, "cache", `index${index}`);
    const here = readNumber(join(cache, "level"), 0);
    if (here <= level) continue;
    level = here;
    group = parseCpuList(read(join(cache, "shared_cpu_list")) ?? String(cpu));
    bytes = bytesOf(read(join(cache, "size")));
  }
  return { group, bytes };
}

function nodeOf(folder: string): number {
  try {
    for (const entry of Deno.readDirSync(folder)) {
      const match = /^node(\d+)$/.exec(entry.name);
      if (match) return Number(match[1]);
    }
  } catch {
    // The CPU is offline.
  }
  return 0;
}

/**
 * Reads the topology.
 *
 * @param source where sysfs and procfs are; the host's by default
 */
export function readTopology(source: TopologySource = HOST): Topology {
  const allowedText = /^Cpus_allowed_list:\s*(.*)$/m.exec(read(source.status) ?? "")?.[1] ?? "";
  const allowed = new Set(parseCpuList(allowedText));
  const online = new Set(parseCpuList(read(join(source.sys, "online")) ?? allowedText));
  const isolated = new Set(parseCpuList(read(join(source.sys, "isolated")) ?? ""));
  const present = parseCpuList(read(join(source.sys, "present")) ?? allowedText);
  const cores = present.map((cpu): HostCore => {
    const folder = join(source.sys, `cpu${cpu}`);
    const cache = lastLevelCache(folder, cpu);
    const siblings = read(join(folder, "topology", "thread_siblings_list"));
    return {
      cpu,
      siblings: siblings ? parseCpuList(siblings) : [cpu],
      package: readNumber(join(folder, "topology", "physical_package_id"), 0),
      node: nodeOf(folder),
      cacheGroup: cache.group,
      cacheBytes: cache.bytes,
      online: online.has(cpu),
      isolated: isolated.has(cpu),
      allowed: allowed.has(cpu),
    };
  });
  return { cores, simulated: false };
}

/** The cores that a plan may use. */
export function usableCores(topology: Topology): HostCore[] {
  return topology.cores.filter((core) => core.online && core.allowed);
}
