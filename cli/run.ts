/** `deno task run`: the demonstration, or one guest, or the machines of a file, and the API beside. */
import { z } from "zod";
import { formatCpuList } from "../cores/cpu_list.ts";
import { exitlessInterrupts } from "../cores/interrupt_delivery.ts";
import { readSimulatedTopology } from "../cores/simulated_topology.ts";
import { usableCores } from "../cores/topology.ts";
import { EXIT, usageError } from "../errors.ts";
import { defaultDisk, MATRIX } from "../experiments/digest.ts";
import { ConsoleHubs } from "../runtime/api/console_hub.ts";
import { DEFAULT_LISTEN } from "../runtime/api/listening.ts";
import { parseWith, type VmConfigInput, vmConfigSchema } from "../runtime/config.ts";
import { settleConfig, type SettledConfig } from "../runtime/engine_config.ts";
import { idleExitNames } from "../runtime/idling.ts";
import { scriptExitCode } from "../runtime/linux_guest.ts";
import { describeHost, type RunRecord, runRecordSchema } from "../runtime/records.ts";
import { Runtime } from "../runtime/runtime.ts";
import { interruptible, runCommand } from "./command.ts";
import { describePlan, runDigestDemo } from "./digest_demo.ts";
import { type MachinesResult, runMachines } from "./machines.ts";
import { configOf, MACHINE_HELP, MACHINE_OPTIONS, readJson } from "./machine_options.ts";
import { type OptionValues, readOptions, textOf, textsOf } from "./options.ts";
import { planOnly } from "./plan_only.ts";
import { keepRecord } from "./keep_record.ts";
import type { Serving } from "./serve.ts";
import { endsWithGuests, listeningOf } from "./serving_options.ts";

const OPTIONS = {
  ...MACHINE_OPTIONS,
  config: { type: "string" },
  topology: { type: "string" },
  adaptive: { type: "boolean" },
  once: { type: "boolean" },
  "no-ui": { type: "boolean" },
  listen: { type: "string" },
  images: { type: "string", multiple: true },
  json: { type: "boolean" },
  verbose: { type: "boolean" },
  help: { type: "boolean" },
} as const;

const HELP = `deno task run [options]
Without options: the digest demonstration at every placement and notification. Then the dashboard
stays up until Ctrl-C, on http://${DEFAULT_LISTEN}; its API is described at /reference.
${MACHINE_HELP}
  --config FILE            several machines: {"vms":[{"guest":"hello"}]}
  --topology FILE          plans them on the host that a file describes, and starts nothing; the
                           dashboard lets more be tried there
  --adaptive               more or fewer host cores poll, by how busy they are; the dashboard shows the
                           decisions and sets the thresholds
  --once                   ends with the guests; serves the API meanwhile only where --listen says
  --no-ui                  serves nothing, and ends with the guests
  --listen PORT|HOST:PORT|SOCKET
                           where the API listens; 0 takes a free port, a path is a Unix socket. For an
                           address that other hosts reach, SPLITX_TOKEN holds what they must send
  --images FOLDER          whose files the API may make machines of; any number of them
                           ($XDG_DATA_HOME/splitx/images)
  --json                   (--json and --script imply --once) one JSON document on standard output, words on standard error
  --verbose                what the engine probe measured
`;

/** The machines of a `--config` file. */
const machinesSchema = z.strictObject({ vms: z.array(vmConfigSchema).min(1).max(32) });

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

/** What a virtual clock promises. */
function describeClock({ machine }: SettledConfig): string {
  const but = machine === "pc" ? ", but for what is typed" : "";
  return `clock: virtual, in modelled cycles; every run does the same${but}`;
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
    ...new Set(settled.filter(({ clock }) => clock === "virtual").map(describeClock)),
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

/** Keeps the dashboard up until the user ends it. */
async function stayUp(
  { address, name }: Serving,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  say(`the ${name} is on ${address} until Ctrl-C\n`);
  await interruptible(signal, new Promise(() => {}));
}

/** Plans machines on a host that is only described, and has the dashboard try more. */
async function runSimulated(
  file: string,
  configs: readonly VmConfigInput[],
  values: OptionValues,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (values.adaptive) throw usageError("bad-option", "--adaptive needs machines that run");
  const listening = listeningOf(values), topology = readSimulatedTopology(file);
  const record = planOnly(topology, file, configs, say);
  if (values.json) console.log(JSON.stringify(record));
  if (!listening || endsWithGuests(values)) return;
  await using runtime = await Runtime.open({ topology, progress: (line) => console.error(line) });
  const { serveBeside } = await import("./serve.ts");
  await using server = await serveBeside(runtime, new ConsoleHubs(), listening, []);
  await stayUp(server, say, signal);
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
    ? [await configOf(values, "digest")]
    : parseWith(machinesSchema, readJson(file, "configuration"), `configuration ${file}`).vms;
  const topology = textOf(values, "topology");
  if (topology !== undefined) {
    await runSimulated(topology, configs, values, say, signal);
    return EXIT.ok;
  }
  const demo = file === undefined && configs[0]!.guest === "digest";

  await using runtime = await Runtime.open({ progress: (line) => console.error(line) });
  if (values.adaptive) runtime.adaptive.configure({ enabled: true });
  const consoles = new ConsoleHubs();
  const listening = listeningOf(values);
  await using server = listening &&
    await (await import("./serve.ts")).serveBeside(
      runtime,
      consoles,
      listening,
      textsOf(values, "images"),
    );
  say(introduce(runtime, configs, values.verbose === true));
  const points = MATRIX.filter((point) =>
    point.placement === (values.placement ?? point.placement) &&
    point.notification === (values.notification ?? point.notification)
  );
  const { engine } = runtime.engineFor(parseWith(vmConfigSchema, configs[0], "options"));
  const result: MachinesResult = demo
    ? await runDigestDemo(
      runtime,
      { ...configs[0]!, disk: configs[0]!.disk ?? await defaultDisk(engine) },
      points,
      say,
      signal,
    )
    : await runMachines(runtime, configs, consoles, say, signal);
  const record: RunRecord = runRecordSchema.parse({
    schema: "splitx.run/1",
    name: demo ? "digest" : configs.map((config) => config.guest).join(","),
    host: describeHost(runtime),
    ends: result.ends,
    rows: result.rows,
  });
  keepRecord(record);
  if (json) console.log(JSON.stringify(record));
  if (server && !endsWithGuests(values) && !result.left) {
    await stayUp(server, say, signal);
  }
  const failed = record.ends.find((end) => end.state === "failed");
  const code = record.ends[0]!.code ?? EXIT.ok;
  if (failed) return EXIT.failed;
  return values.guest === "linux" ? scriptExitCode(code) : code;
}

await runCommand("run", (signal) => main(Deno.args, signal));
