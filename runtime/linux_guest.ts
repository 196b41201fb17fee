/** A Linux guest as a configuration: Debian's kernel with an init of ours, or a user's own files. */
import { buildLinuxGuest, initrdWith } from "../build/linux.ts";
import type { Progress } from "../build/stub.ts";
import { usageError } from "../errors.ts";
import type { VmConfigInput } from "./config.ts";

/** What may be different from the Linux that is built. */
export interface LinuxOptions {
  /** Path of a bzImage or vmlinux. */
  readonly kernel?: string;
  /** Path of an initial RAM disk. */
  readonly initrd?: string;
  /** Path of a shell script that runs instead of a shell; the machine ends with it. */
  readonly script?: string;
  /** Words added to the kernel's command line. */
  readonly cmdline?: string;
}

/** The serial port is the console; a panic ends the machine. */
const COMMAND_LINE = "console=ttyS0 quiet panic=-1";
const MEMORY = "256M";

function readScript(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch {
    throw usageError("script-unreadable", `script ${path} cannot be read`);
  }
}

/**
 * The configuration of a Linux machine.
 *
 * @param progress told what is being built
 * @throws SplitXError when a file cannot be read, or the Linux guest cannot be built
 */
export async function linuxConfig(
  options: LinuxOptions,
  progress: Progress,
): Promise<VmConfigInput> {
  const built = options.kernel === undefined || options.initrd === undefined
    ? await buildLinuxGuest(progress)
    : undefined;
  const script = options.script === undefined ? undefined : readScript(options.script);
  const initrd = options.initrd ?? built!.initrd;
  return {
    guest: options.kernel ?? built!.kernel,
    machine: "pc",
    memory: MEMORY,
    initrd: script === undefined
      ? initrd
      : initrdWith(initrd, [{ path: "splitx/script", bytes: script }]),
    cmdline: [COMMAND_LINE, options.cmdline ?? ""].join(" ").trim(),
  };
}

/**
 * The exit code of the script of a Linux guest, from its machine's: it comes through the debug exit
 * port, which never says 0.
 *
 * @param code what the machine powered off with
 */
export function scriptExitCode(code: number): number {
  return code >> 1;
}
