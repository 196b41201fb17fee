/** How host cores lie: nodes hold packages, packages hold pairs of SMT siblings. */
import type { Schemas } from "../../runtime/api/client.ts";

export type HostCore = Schemas["HostCore"];

export interface PackageCores {
  readonly package: number;
  /** Cores that share their execution units stand together. */
  readonly pairs: readonly (readonly HostCore[])[];
}

export interface NodeCores {
  readonly node: number;
  readonly packages: readonly PackageCores[];
}

function grouped<Key>(cores: readonly HostCore[], keyOf: (core: HostCore) => Key) {
  const groups = new Map<Key, HostCore[]>();
  for (const core of cores) {
    const key = keyOf(core);
    groups.set(key, [...groups.get(key) ?? [], core]);
  }
  return [...groups];
}

/** Puts cores where they lie. */
export function coreGrid(cores: readonly HostCore[]): NodeCores[] {
  return grouped(cores, (core) => core.node).map(([node, inNode]) => ({
    node,
    packages: grouped(inNode, (core) => core.package).map(([number, inPackage]) => ({
      package: number,
      pairs: grouped(inPackage, (core) => Math.min(core.cpu, ...core.siblings))
        .map(([, pair]) => pair),
    })),
  }));
}
