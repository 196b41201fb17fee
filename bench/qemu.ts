/** The same guest image on an unmodified QEMU. */
import { runError } from "../errors.ts";
import { readGuestReport } from "../runtime/guest_report.ts";
import type { Histogram } from "../runtime/histogram.ts";

const PROGRAM = "qemu-system-x86_64";
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

/** A finished run. */
export interface QemuRun {
  readonly output: string;
  /** QEMU's exit code: `(code << 1) | 1` for a guest that ended itself. */
  readonly code: number;
}

/**
 * Boots a micro guest on QEMU's microvm machine.
 *
 * @param accelerator `kvm` or `tcg`
 * @param image path of a PVH ELF image
 * @param more options of QEMU's
 */
export async function runOnQemu(
  accelerator: "kvm" | "tcg",
  image: string,
  commandLine: string,
  more: readonly string[] = [],
): Promise<QemuRun> {
  const child = new Deno.Command(PROGRAM, {
    args: [
      ...["-M", "microvm", "-accel", accelerator, "-m", "64", "-nodefaults", "-no-reboot"],
      ...["-display", "none", "-serial", "stdio"],
      ...["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
      ...["-kernel", image, "-append", commandLine],
      ...(accelerator === "tcg" ? ["-cpu", "max"] : []),
      ...more,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  const { code, stdout } = await child.output();
  clearTimeout(timer);
  return { output: new TextDecoder().decode(stdout).replaceAll("\r", ""), code };
}

/** Port-I/O exits of the `exits` image on QEMU with KVM, in TSC ticks. */
export async function portExitsOnQemu(image: string, n: number): Promise<Histogram> {
  const { output } = await runOnQemu("kvm", image, `ops=out n=${n}`);
  const histogram = readGuestReport(output).histograms.get("out");
  if (!histogram) throw runError("qemu-failed", `QEMU gave no figures: ${output.slice(0, 200)}`);
  return histogram;
}
