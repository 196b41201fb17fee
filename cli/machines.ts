/** Runs the machines of a configuration together and shows their consoles. */
import type { ConsoleHub, ConsoleHubs } from "../runtime/api/console_hub.ts";
import type { VmConfigInput } from "../runtime/config.ts";
import type { RunRecord } from "../runtime/records.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Vm, VmEnd } from "../runtime/vm.ts";
import { interruptible } from "./command.ts";
import { Terminal } from "./terminal.ts";

/** What came of machines that were run to their ends. */
export interface MachinesResult extends Pick<RunRecord, "ends" | "rows"> {
  /** Whether the user left the terminal, and with it the command. */
  readonly left?: boolean;
}

/** One machine's console, as it is alone and line by line with its name among others. */
async function showConsole(
  { config: { name } }: Vm,
  hub: ConsoleHub,
  alone: boolean,
  say: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  hub.watch({
    show: (bytes) => {
      const text = decoder.decode(bytes, { stream: true });
      if (alone) {
        say(text);
        return true;
      }
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) say(`${name}: ${line}\n`);
      return true;
    },
    end: () => {},
  });
  await hub.ended;
  if (rest) say(`${name}: ${rest}\n`);
}

function describeEnd(vm: Vm, end: VmEnd): string {
  if (end.state === "stopped") {
    return `${vm.config.name} powered off with code ${end.code ?? "none"}\n`;
  }
  const at = end.lastExit ? ` at rip 0x${end.lastExit.rip.toString(16)}` : "";
  return `${vm.config.name} failed: ${end.reason}${at}\n`;
}

function traceHashOf(vm: Vm): { traceHash?: string } {
  const hash = vm.virtualClock?.traceHash;
  return hash === undefined ? {} : { traceHash: hash };
}

/**
 * Runs machines until all have ended.
 *
 * @param consoles by which others may watch too
 * @param say where consoles and words go
 */
export async function runMachines(
  runtime: Runtime,
  configs: readonly VmConfigInput[],
  consoles: ConsoleHubs,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<MachinesResult> {
  const vms = configs.map((config, i) =>
    runtime.createVm({ ...config, name: config.name ?? (configs.length > 1 ? `vm${i}` : "vm") })
  );
  const run = async (vm: Vm) => {
    const shown = showConsole(vm, consoles.of(vm), vms.length === 1, say);
    await vm.start();
    const end = await vm.ended;
    await shown;
    say(describeEnd(vm, end));
    const { traceHash } = traceHashOf(vm);
    if (traceHash !== undefined) say(`${vm.config.name}: trace hash ${traceHash}\n`);
    return end;
  };
  const alone = vms.length === 1 && vms[0]!.config.machine === "pc" && Terminal.present;
  let left = false;
  const leave = () => {
    left = true;
    vms[0]!.stop();
  };
  using _terminal = alone ? new Terminal(runtime.stub, vms[0]!, leave) : undefined;
  const ends = await interruptible(signal, Promise.all(vms.map(run)));
  const row = (vm: Vm, what: string, unit: string, value: number): RunRecord["rows"][number] => ({
    name: `${vm.config.name}: ${what}`,
    engine: vm.config.engine,
    placement: vm.config.placement,
    notification: vm.config.notification,
    guest: vm.config.guest,
    clock: vm.config.clock,
    kind: vm.config.clock === "virtual" ? "modelled" : "measured",
    unit,
    n: 1,
    value,
  });
  const rows = vms.flatMap((vm) => {
    const { vcpus, engine } = vm.stats();
    const clock = vm.virtualClock;
    const exits = vcpus.reduce((sum, vcpu) => sum + vcpu.exitsTotal, 0);
    return [
      row(vm, "exits on the guest core", "count", exits),
      // Those that the kernel handles are among them; not every kernel counts.
      ...(engine.exits === undefined
        ? []
        : [row(vm, "exits counted by KVM", "count", engine.exits)]),
      ...(clock === undefined ? [] : [row(vm, "guest time", "ns", clock.guestNs)]),
    ];
  });
  return {
    ends: ends.map((end, i) => ({
      name: vms[i]!.config.name,
      state: end.state,
      ...(end.code === undefined ? {} : { code: end.code }),
      ...(end.reason === undefined ? {} : { reason: end.reason }),
      firstRunTicks: vms[i]!.stats().vcpus[0]!.firstRunTicks,
      ...traceHashOf(vms[i]!),
    })),
    rows,
    left,
  };
}
