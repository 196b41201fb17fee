/**
 * Run in a network namespace of its own: the micro guest `net` asks the host for echoes over a TAP
 * interface, once on each side in every round, in turn. Prints a line of JSON for each run.
 */
import { buildGuests } from "../build/guests.ts";
import { Runtime } from "../runtime/runtime.ts";
import { type NetSide, type NetSideRun, QEMU_NET_SET_UPS } from "./net.ts";
import { GUEST_ADDRESS, HOST_ADDRESS, makeHostInterface } from "./net_host.ts";
import { PCI_MACHINES, runOnQemu } from "./qemu.ts";

const TAP = "sxbench";
const say = (line: string) => console.error(line);

async function ours(runtime: Runtime, cmdline: string): Promise<NetSideRun> {
  await using vm = runtime.createVm({ guest: "net", network: `tap:${TAP}`, cmdline });
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

const [rounds, options, ...sides] = Deno.args as [string, string, ...NetSide[]];
const cmdline = `role=ask host=${HOST_ADDRESS} address=${GUEST_ADDRESS} ${options}`;
const image = `${await buildGuests(say)}/net.elf`;
await using runtime = sides.includes("splitx") ? await Runtime.open({ progress: say }) : undefined;
makeHostInterface(TAP);
for (let round = 0; round < Number(rounds); round++) {
  for (const side of sides) {
    const runs = side === "splitx"
      ? [await ours(runtime!, cmdline)]
      : await qemu(side, image, cmdline);
    for (const run of runs) console.log(JSON.stringify(run));
  }
}
