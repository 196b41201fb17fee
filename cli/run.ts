/** `deno task run`: the demonstration, or one guest, or the machines of a file. */
import { z } from "zod";
import { corePlanSchema } from "../cores/core_plan.ts";
import { formatCpuList } from "../cores/cpu_list.ts";
import { exitlessInterrupts } from "../cores/interrupt_delivery.ts";
import { usableCores } from "../cores/topology.ts";
import { EXIT, usageError } from "../errors.ts";
import { parseWith, type VmConfigInput, vmConfigSchema } from "../runtime/config.ts";
import { settleConfig, type SettledConfig } from "../runtime/engine_config.ts";
import { idleExitNames } from "../runtime/idling.ts";
import { linuxConfig, scriptExitCode } from "../runtime/linux_guest.ts";
import { passtInstalled } from "../runtime/network/passt.ts";
import { describeHost, type RunRecord, runRecordSchema } from "../runtime/records.ts";
import { Runtime } from "../runtime/runtime.ts";
import { runCommand } from "./command.ts";
import { defaultDisk, describePlan, POINTS, runDigestDemo } from "./digest_demo.ts";
import { runMachines } from "./machines.ts";
import { type OptionValues, readOptions, textOf, textsOf } from "./options.ts";
import { keepRecord } from "./keep_record.ts";

const OPTIONS = {
  guest: { type: "string" },
  engine: { type: "string" },
  placement: { type: "string" },
  notification: { type: "string" },
  irqchip: { type: "string" },
  clock: { type: "string" },
  seed: { type: "string" },
  epoch: { type: "string" },
  "trace-hash": { type: "boolean" },
  vcpus: { type: "string" },
  memory: { type: "string" },
  disk: { type: "string" },
  network: { type: "string" },
  console: { type: "string" },
  mac: { type: "string" },
  port: { type: "string", multiple: true },
  cmdline: { type: "string" },
  cpuid: { type: "string" },
  kernel: { type: "string" },
  initrd: { type: "string" },
  script: { type: "string" },
  rootfs: { type: "string" },
  writable: { type: "boolean" },
  plan: { type: "string" },
  config: { type: "string" },
  overcommit: { type: "boolean" },
  json: { type: "boolean" },
  verbose: { type: "boolean" },
  help: { type: "boolean" },
} as const;

const HELP = `deno task run [options]
Without options: the digest demonstration at every placement and notification.
  --guest NAME|FILE        a bundled guest (hello, digest, exits, crash) or a file:
                           a PVH ELF image, a Linux bzImage or a multiboot kernel
  --guest linux            a Linux with a shell on this terminal (leave by Ctrl-A x)
  --script FILE            what that Linux runs instead of a shell; its exit code is the run's
  --rootfs FILE|FOLDER     its root file system: a disk image, a tar file or a folder; what it runs
                           is /sbin/init there, or the script
  --kernel FILE            another kernel for it
  --initrd FILE            a file that the kernel finds in memory
  --engine auto|kvm|soft   what executes guest code; auto: kvm where it runs the guest natively
  --placement same-core|split
  --notification exit|polled
  --irqchip none|full|split
                           what the engine has of the machine's interrupt controllers (soft: no full)
  --clock host|virtual     guest time: the host's, or modelled cycles, the same in every run (engine soft)
  --seed N                 of a virtual clock's random numbers (1)
  --epoch SECONDS          what a virtual clock says at the start, seconds since 1970 (2000-01-01)
  --trace-hash             prints a hash over all that a machine on a virtual clock did
  --vcpus N   --memory SIZE   --cmdline TEXT
  --cpuid NAME|FILE        a CPUID template: dedicated, or a JSON file
  --disk FILE              a file that the guest reads through the block service or as a virtio disk
  --writable               the guest may write to it, and to the root file system
  --network NAME|tap:NAME|user|none
                           a network that machines share (see --config), a TAP interface, or the
                           host's sockets by passt, which is a Linux guest's where it is installed
  --mac ADDRESS            Ethernet address of the guest's network device
  --console serial|virtio  what typing goes to; Linux calls them ttyS0 and hvc0
  --port NAME=SOCKET       a port that the guest finds by name (Linux: /dev/virtio-ports/NAME), at a
                           Unix socket to which a program of the host may connect; any number of them
  --plan FILE              a core plan: {"housekeeping":[0],"hypervisor":[0],"guest":[1]}
  --config FILE            several machines: {"vms":[{"guest":"hello"}]}
  --overcommit             several vCPUs may share a guest core
  --json                   one JSON document on standard output, words on standard error
  --verbose                what the engine probe measured
`;

/** The machines of a `--config` file. */
const machinesSchema = z.strictObject({ vms: z.array(vmConfigSchema).min(1).max(32) });

function readJson(path: string, what: string): unknown {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    throw usageError("bad-file", `${what} ${path} cannot be read`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usageError("bad-file", `${what} ${path} is not JSON: ${(error as Error).message}`);
  }
}

/** What `--guest` stands for when it is no file. */
async function guestOf(values: OptionValues): Promise<Record<string, unknown>> {
  const guest = textOf(values, "guest") ?? "digest";
  const { kernel, script, rootfs, initrd, cmdline } = values;
  if (guest === "linux") {
    const given = Object.entries({ kernel, script, rootfs, initrd, cmdline })
      .filter(([, value]) => value !== undefined);
    return { ...await linuxConfig(Object.fromEntries(given), (line) => console.error(line)) };
  }
  for (const [name, value] of Object.entries({ kernel, script, rootfs })) {
    if (value !== undefined) throw usageError("bad-option", `--${name} goes with --guest linux`);
  }
  return {
    guest,
    ...(initrd === undefined ? {} : { initrd }),
    ...(cmdline === undefined ? {} : { cmdline }),
  };
}

/** A port as `--port` writes it. */
function portOf(text: string): { name: string; socket: string } {
  const at = text.indexOf("=");
  if (at < 1 || at === text.length - 1) {
    throw usageError("bad-option", `--port ${text}: write NAME=SOCKET`);
  }
  return { name: text.slice(0, at), socket: text.slice(at + 1) };
}

/** The machine that the options describe. */
async function configOf(values: OptionValues): Promise<VmConfigInput> {
  const input = await guestOf(values);
  for (
    const name of [
      "engine",
      "placement",
      "notification",
      "memory",
      "network",
      "mac",
      "cpuid",
      "irqchip",
      "console",
      "clock",
    ]
  ) {
    const text = textOf(values, name);
    if (text !== undefined) input[name] = text;
  }
  if (values.guest === "linux" && input.network === undefined && input.placement !== "same-core") {
    input.network = passtInstalled() ? "user" : "none";
  }
  for (const name of ["vcpus", "seed", "epoch"]) {
    const text = textOf(values, name);
    if (text !== undefined) input[name] = /^\d+$/.test(text) ? Number(text) : text;
  }
  const plan = textOf(values, "plan");
  if (plan !== undefined) {
    input.plan = parseWith(corePlanSchema, readJson(plan, "core plan"), `core plan ${plan}`);
  }
  const disk = textOf(values, "disk");
  if (disk !== undefined) {
    // Behind the root file system, when that is a disk.
    if (input.disk === undefined) input.disk = disk;
    else input.disks = [{ file: disk, writable: values.writable === true }];
  }
  const ports = textsOf(values, "port");
  if (ports.length > 0) input.ports = ports.map(portOf);
  if (values.overcommit) input.overcommit = true;
  if (values.writable) input.writable = true;
  if (values["trace-hash"]) input.traceHash = true;
  parseWith(vmConfigSchema, input, "options");
  return input as VmConfigInput;
}

/** How a machine's interrupts reach it. */
function describeInterrupts({ engine }: SettledConfig): string {
  if (engine === "soft") {
    return "interrupts: delivered by the engine, without an exit to the hypervisor";
  }
  const processor = exitlessInterrupts();
  return processor
    ? `interrupts: exitless, by ${processor}`
    : "interrupts: each costs an exit: neither APICv nor AVIC is on";
}

/** Host, plan and engine, and with `verbose` the probe's figures. */
function introduce(runtime: Runtime, configs: VmConfigInput[], verbose: boolean): string {
  const cores = usableCores(runtime.topology);
  const machines = configs.map((config) => parseWith(vmConfigSchema, config, "options"));
  const plans = machines.map((machine) => runtime.planFor(machine));
  const choices = machines.map((machine) => runtime.engineFor(machine));
  const settled = machines.map((machine, i) => settleConfig(machine, choices[i]!.engine));
  const lines = [
    `host: ${cores.length} usable cores (${formatCpuList(cores.map((core) => core.cpu))}), ${
      describeHost(runtime).cpu
    }`,
    ...plans.map((plan) => `plan: ${describePlan(plan)}`),
    ...new Set(choices.map(({ engine, why }) => `engine: ${engine}, because ${why}`)),
    ...new Set(settled.filter(({ machine }) => machine === "pc").map(describeInterrupts)),
  ];
  if (verbose) {
    const { probe } = runtime;
    lines.push(
      `probe: ring 0 ${probe.ring0Ns.toFixed(2)} ns a turn, ring 3 ${
        probe.ring3Ns.toFixed(2)
      } ns, exit ${
        (probe.exitNs / 1000).toFixed(1)
      } us; irqchip ${probe.irqchip}, split irqchip ${probe.splitIrqchip}, exits that can be disabled 0x${
        probe.disableExits.toString(16)
      }, at most ${probe.maxVcpus} vCPUs`,
    );
    for (const [i, machine] of settled.entries()) {
      const disabled = runtime.disabledExits(machine, plans[i]!);
      lines.push(`${machine.name}: exits disabled: ${idleExitNames(disabled)}`);
    }
    for (const core of cores) {
      lines.push(
        `core ${core.cpu}: package ${core.package}, node ${core.node}, siblings ${
          formatCpuList(core.siblings)
        }, last-level cache ${core.cacheBytes / 1024 ** 2} MiB shared by ${
          formatCpuList(core.cacheGroup)
        }${core.isolated ? ", isolated" : ""}`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values } = readOptions(args, OPTIONS);
  if (values.help) {
    console.log(HELP.trimEnd());
    return EXIT.ok;
  }
  const json = values.json === true;
  const encoder = new TextEncoder();
  const say = (text: string) =>
    void (json ? Deno.stderr : Deno.stdout).writeSync(encoder.encode(text));

  const file = textOf(values, "config");
  const configs = file === undefined
    ? [await configOf(values)]
    : parseWith(machinesSchema, readJson(file, "configuration"), `configuration ${file}`).vms;
  const demo = file === undefined && configs[0]!.guest === "digest";

  await using runtime = await Runtime.open({ progress: (line) => console.error(line) });
  say(introduce(runtime, configs, values.verbose === true));
  const points = POINTS.filter((point) =>
    point.placement === (values.placement ?? point.placement) &&
    point.notification === (values.notification ?? point.notification)
  );
  const result = demo
    ? await runDigestDemo(
      runtime,
      { ...configs[0]!, disk: configs[0]!.disk ?? defaultDisk() },
      points,
      say,
      signal,
    )
    : await runMachines(runtime, configs, say, signal);
  const record: RunRecord = runRecordSchema.parse({
    schema: "splitx.run/1",
    name: demo ? "digest" : configs.map((config) => config.guest).join(","),
    host: describeHost(runtime),
    ...result,
  });
  keepRecord(record);
  if (json) console.log(JSON.stringify(record));
  const failed = record.ends.find((end) => end.state === "failed");
  const code = record.ends[0]!.code ?? EXIT.ok;
  if (failed) return EXIT.failed;
  return values.guest === "linux" ? scriptExitCode(code) : code;
}

await runCommand("run", (signal) => main(Deno.args, signal));
