/** The same guest image on an unmodified QEMU. */
import { runError } from "../errors.ts";
import { readGuestReport } from "../runtime/guest_report.ts";
import type { Histogram } from "../runtime/histogram.ts";

const PROGRAM = "qemu-system-x86_64";
/**
 * Where QEMU may run. A process whose machines run is confined to its housekeeping cores, and its
 * children would be too: QEMU's threads would share one core.
 */
export const ONLINE = "/sys/devices/system/cpu/online";
/** QEMU stops without ending when its KVM meets an instruction that it cannot run. */
const LIMIT_MS = 30_000;

/** Whether QEMU is on this host. */
export async function qemuInstalled(): Promise<boolean> {
  try {
    return (await new Deno.Command(PROGRAM, { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}

/** Whether this QEMU joins two machines by datagrams of a Unix socket. */
export async function qemuHasDatagrams(): Promise<boolean> {
  try {
    const args = ["-M", "none", "-netdev", "help"];
    const { stdout } = await new Deno.Command(PROGRAM, { args }).output();
    return /^dgram$/m.test(new TextDecoder().decode(stdout));
  } catch {
    return false;
  }
}

/** Options of a machine without PCI, the quickest to boot. */
export const MICROVM: readonly string[] = ["-M", "microvm"];

/** Options of machines with PCI, whose firmware leaves the devices to the guest. */
export const PCI_MACHINES = {
  q35: ["-M", "q35", "-bios", "qboot.rom"],
  pc: ["-M", "pc", "-bios", "qboot.rom"],
} as const satisfies Record<string, readonly string[]>;

/** A finished run. */
export interface QemuRun {
  readonly output: string;
  /** QEMU's exit code: `(code << 1) | 1` for a guest that ended itself. */
  readonly code: number;
  /** What QEMU itself said. */
  readonly errors: string;
}

/**
 * Boots a micro guest on QEMU.
 *
 * @param accelerator `kvm` or `tcg`
 * @param image path of a PVH ELF image
 * @param machine QEMU's options for the machine and its devices
 * @param processor the CPU model of its software processor
 */
export async function runOnQemu(
  accelerator: "kvm" | "tcg",
  image: string,
  commandLine: string,
  machine: readonly string[] = MICROVM,
  processor = "max",
): Promise<QemuRun> {
  const child = new Deno.Command("taskset", {
    args: [
      ...["-c", Deno.readTextFileSync(ONLINE).trim(), PROGRAM],
      ...machine,
      ...["-accel", accelerator, "-m", "64", "-nodefaults", "-no-reboot"],
      ...["-display", "none", "-serial", "stdio"],
      ...["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
      ...["-kernel", image, "-append", commandLine],
      ...(accelerator === "tcg" ? ["-cpu", processor] : []),
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const decoder = new TextDecoder();
  const output = decoder.decode(stdout).replaceAll("\r", "");
  return { output, code, errors: decoder.decode(stderr) };
}

/** Port-I/O exits of the `exits` image on QEMU with KVM, in TSC ticks. */
export async function portExitsOnQemu(image: string, n: number): Promise<Histogram> {
  const { output } = await runOnQemu("kvm", image, `ops=out n=${n}`);
  const histogram = readGuestReport(output).histograms.get("out");
  if (!histogram) throw runError("qemu-failed", `QEMU gave no figures: ${output.slice(0, 200)}`);
  return histogram;
}
