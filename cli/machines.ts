/** Runs the machines of a configuration together and shows their consoles. */
import type { VmConfigInput } from "../runtime/config.ts";
import type { RunRecord } from "../runtime/records.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Vm, VmEnd } from "../runtime/vm.ts";
import { interruptible } from "./command.ts";
import { Terminal } from "./terminal.ts";

/** One machine's console, as it is alone and line by line with its name among others. */
async function showConsole(vm: Vm, alone: boolean, say: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of vm.console) {
    const text = decoder.decode(bytes, { stream: true });
    if (alone) {
      say(text);
      continue;
    }
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) say(`${vm.config.name}: ${line}\n`);
  }
  if (rest) say(`${vm.config.name}: ${rest}\n`);
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
 * @param say where consoles and words go
 */
export async function runMachines(
  runtime: Runtime,
  configs: readonly VmConfigInput[],
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<Pick<RunRecord, "ends" | "rows">> {
  const vms = configs.map((config, i) =>
    runtime.createVm({ ...config, name: config.name ?? (configs.length > 1 ? `vm${i}` : "vm") })
  );
  const run = async (vm: Vm) => {
    const shown = showConsole(vm, vms.length === 1, say);
    await vm.start();
    const end = await vm.ended;
    await shown;
    say(describeEnd(vm, end));
    const { traceHash } = traceHashOf(vm);
    if (traceHash !== undefined) say(`${vm.config.name}: trace hash ${traceHash}\n`);
    return end;
  };
  const alone = vms.length === 1 && vms[0]!.config.machine === "pc" && Terminal.present;
  using _terminal = alone
    ? new Terminal(runtime.stub, vms[0]!, () => void vms[0]!.stop())
    : undefined;
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
  };
}
