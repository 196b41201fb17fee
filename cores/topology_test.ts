import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { dirname, join } from "node:path";
import { type HostCore, readTopology, type Topology, usableCores } from "./topology.ts";

/** Files of a host: those of sysfs below `cpu/`, and `status`. */
type Files = Record<string, string>;

function readFrom(files: Files): Topology {
  const root = Deno.makeTempDirSync({ prefix: "splitx-topology-" });
  try {
    for (const [path, text] of Object.entries(files)) {
      Deno.mkdirSync(dirname(join(root, path)), { recursive: true });
      Deno.writeTextFileSync(join(root, path), `${text}\n`);
    }
    return readTopology({ sys: join(root, "cpu"), status: join(root, "status") });
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

function cpuFiles(cpu: number, siblings: string, place: number, cache: string): Files {
  const folder = `cpu/cpu${cpu}`;
  return {
    [`${folder}/topology/thread_siblings_list`]: siblings,
    [`${folder}/topology/physical_package_id`]: `${place}`,
    [`${folder}/node${place}/cpulist`]: "",
    [`${folder}/cache/index0/level`]: "1",
    [`${folder}/cache/index0/size`]: "32K",
    [`${folder}/cache/index0/shared_cpu_list`]: siblings,
    [`${folder}/cache/index1/level`]: "3",
    [`${folder}/cache/index1/size`]: "16M",
    [`${folder}/cache/index1/shared_cpu_list`]: cache,
  };
}

function statusFile(allowed: string): Files {
  return { status: `Name:\tdeno\nCpus_allowed:\tff\nCpus_allowed_list:\t${allowed}` };
}

const twoPackages: Files = {
  "cpu/present": "0-3",
  "cpu/online": "0-3",
  "cpu/isolated": "",
  ...cpuFiles(0, "0,2", 0, "0,2"),
  ...cpuFiles(2, "0,2", 0, "0,2"),
  ...cpuFiles(1, "1,3", 1, "1,3"),
  ...cpuFiles(3, "1,3", 1, "1,3"),
  ...statusFile("0-3"),
};

function field<K extends keyof HostCore>(topology: Topology, name: K): HostCore[K][] {
  return topology.cores.map((core) => core[name]);
}

Deno.test("readTopology() tells SMT siblings, packages, nodes and last-level caches apart", () => {
  const topology = readFrom(twoPackages);
  strictEqual(topology.simulated, false);
  deepStrictEqual(field(topology, "cpu"), [0, 1, 2, 3]);
  deepStrictEqual(field(topology, "siblings"), [[0, 2], [1, 3], [0, 2], [1, 3]]);
  deepStrictEqual(field(topology, "package"), [0, 1, 0, 1]);
  deepStrictEqual(field(topology, "node"), [0, 1, 0, 1]);
  deepStrictEqual(field(topology, "cacheGroup"), [[0, 2], [1, 3], [0, 2], [1, 3]]);
  deepStrictEqual(field(topology, "cacheBytes"), Array(4).fill(16 * 1024 ** 2));
});

Deno.test("readTopology() knows a CPU that is offline and has no folders of its own", () => {
  const files: Files = { "cpu/present": "0-2", "cpu/online": "0-1", ...statusFile("0-2") };
  const topology = readFrom({ ...files, ...cpuFiles(0, "0", 0, "0-1") });
  deepStrictEqual(field(topology, "online"), [true, true, false]);
  deepStrictEqual(field(topology, "siblings"), [[0], [1], [2]]);
  deepStrictEqual(usableCores(topology).map((core) => core.cpu), [0, 1]);
});

Deno.test("readTopology() marks the CPUs that the kernel isolates", () => {
  const topology = readFrom({ ...twoPackages, "cpu/isolated": "2-3" });
  deepStrictEqual(field(topology, "isolated"), [false, false, true, true]);
});

Deno.test("readTopology() keeps present CPUs that lie outside the mask, usableCores() does not", () => {
  const topology = readFrom({ ...twoPackages, ...statusFile("1,3") });
  deepStrictEqual(field(topology, "allowed"), [false, true, false, true]);
  deepStrictEqual(usableCores(topology).map((core) => core.cpu), [1, 3]);
});

Deno.test("readTopology() takes a CPU without cache folder for a group of its own", () => {
  const files = Object.entries(twoPackages).filter(([path]) => !path.includes("cpu1/cache"));
  const core = readFrom(Object.fromEntries(files)).cores[1]!;
  deepStrictEqual(core.cacheGroup, [1]);
  strictEqual(core.cacheBytes, 0);
  deepStrictEqual(core.siblings, [1, 3]);
});

Deno.test("readTopology() falls back on the mask when sysfs is not there", () => {
  const topology = readFrom(statusFile("2-3"));
  deepStrictEqual(field(topology, "cpu"), [2, 3]);
  deepStrictEqual(field(topology, "online"), [true, true]);
});

Deno.test("readTopology() finds at least one core here, and every allowed one online", () => {
  const { cores } = readTopology();
  const allowed = cores.filter((core) => core.allowed);
  ok(allowed.length >= 1);
  for (const core of allowed) {
    ok(core.online);
    ok(core.siblings.includes(core.cpu));
    ok(core.cacheGroup.includes(core.cpu));
  }
});
