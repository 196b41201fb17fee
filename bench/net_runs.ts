/**
 * Run in a network namespace of its own: the micro guest `net` asks a peer of the host over a TAP
 * interface, once on each side in every round, in turn, and so does C without a guest. Prints a line
 * of JSON for each run.
 */
import { fileURLToPath } from "node:url";
import { buildGuests } from "../build/guests.ts";
import { formatCpuList, parseCpuList } from "../cores/cpu_list.ts";
import { parseWith, vmConfigSchema } from "../runtime/config.ts";
import { Runtime } from "../runtime/runtime.ts";
import { buildNative, openNative } from "./native.ts";
import { FLOOR, type NetSide, type NetSideRun, QEMU_NET_SET_UPS } from "./net.ts";
import { ONLINE, PCI_MACHINES, runOnQemu } from "./qemu.ts";

const PEER = fileURLToPath(new URL("./net_peer.ts", import.meta.url));
const TAP = "sxbench";
const CONFIG = { guest: "net", network: `tap:${TAP}` } as const;

const say = (line: string) => console.error(line);

/** The peer on the interface, gone when it is disposed of. */
async function startPeer(cpus: string): Promise<AsyncDisposable> {
  const child = new Deno.Command("taskset", {
    args: ["-c", cpus, Deno.execPath(), "run", "-A", PEER, TAP],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader(), { value } = await reader.read();
  const ready = value !== undefined;
  await reader.cancel();
  const end = async () => {
    if (ready) child.kill();
    await child.status;
  };
  if (ready) return { [Symbol.asyncDispose]: end };
  await end();
  throw new Error("the peer did not start");
}

async function ours(runtime: Runtime, cmdline: string): Promise<NetSideRun> {
  await using vm = runtime.createVm({ ...CONFIG, cmdline });
  await vm.start();
  const output = await vm.output();
  return { setUp: "splitx", output, code: (await vm.ended).code ?? 0, errors: "" };
}

async function qemu(side: "kvm" | "tcg", image: string, cmdline: string): Promise<NetSideRun[]> {
  const runs: NetSideRun[] = [];
  for (const { name, netdev } of QEMU_NET_SET_UPS) {
    const { output, code, errors } = await runOnQemu(side, image, cmdline, [
      ...PCI_MACHINES.q35,
      ...["-netdev", `tap,id=n0,ifname=${TAP},script=no,downscript=no,${netdev}`],
      ...["-device", "virtio-net-pci,netdev=n0,disable-legacy=on,mac=52:54:00:00:00:01"],
    ]);
    runs.push({ setUp: `QEMU ${name}`, output, code: code >> 1, errors });
  }
  return runs;
}

/** The same requests by C on a core of the host: what is left of them without guest and hypervisor. */
async function floor(cpu: number, n: number, size: number): Promise<NetSideRun> {
  const ticks = new Uint32Array(n), name = new TextEncoder().encode(`${TAP}\0`);
  const error = await openNative().bench_tap_round_trips(name, cpu, size, ticks, n);
  const took = ticks.reduce((sum, each) => sum + each, 0);
  const values = Array.from(ticks, (each) => `${each}:1`).join(" ");
  const output = error === 0 ? `@hist round_trip ${values}\n@ticks round_trip ${n} ${took}\n` : "";
  return { setUp: FLOOR, output, code: error, errors: error === 0 ? "" : `errno ${error}` };
}

const [rounds, n, size, ...sides] = Deno.args as [string, string, string, ...NetSide[]];
const cmdline = `role=client n=${n} size=${size}`;
const image = `${await buildGuests(say)}/net.elf`;
if (sides.includes("floor")) await buildNative(say);
await using runtime = sides.includes("splitx") ? await Runtime.open({ progress: say }) : undefined;
const plan = runtime?.planFor(parseWith(vmConfigSchema, CONFIG, "bench"));
const online = parseCpuList(Deno.readTextFileSync(ONLINE));
// Where nothing of the guest's runs, on any side.
const cpus = formatCpuList(plan?.housekeeping ?? online);

/** One run of a side, or one at each of its set-ups. */
async function runs(side: NetSide): Promise<NetSideRun[]> {
  if (side === "splitx") return [await ours(runtime!, cmdline)];
  if (side === "floor") {
    return [await floor((plan?.hypervisor ?? online)[0]!, Number(n), Number(size))];
  }
  return await qemu(side, image, cmdline);
}

await using _peer = await startPeer(cpus);
for (let round = 0; round < Number(rounds); round++) {
  for (const side of sides) {
    for (const run of await runs(side)) console.log(JSON.stringify(run));
  }
}
