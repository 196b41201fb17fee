/** A Linux guest as a configuration: Debian's kernel with an init of ours, or a user's own files. */
import { buildLinuxGuest, initrdWith } from "../build/linux.ts";
import type { ArchiveEntry } from "../build/cpio.ts";
import type { Progress } from "../build/stub.ts";
import { usageError } from "../errors.ts";
import type { VmConfigInput } from "./config.ts";
import { readRootFileSystem } from "./root_file_system.ts";

/** What may be different from the Linux that is built. */
export interface LinuxOptions {
  /** Path of a bzImage or vmlinux. */
  readonly kernel?: string;
  /** Path of an initial RAM disk. */
  readonly initrd?: string;
  /** Path of a shell script that runs instead of a shell; the machine ends with it. */
  readonly script?: string;
  /**
   * Path of the root file system: a disk image, which becomes the first disk, or a tar file or a
   * folder, which is unpacked in memory. Its `/sbin/init` runs, or the script.
   */
  readonly rootfs?: string;
  /** Words added to the kernel's command line. */
  readonly cmdline?: string;
}

/** The serial port is the console; a panic ends the machine. */
const COMMAND_LINE = "console=ttyS0 quiet panic=-1";
const MEMORY = 256 * 1024 ** 2;
const PAGE = 4096;

function readScript(path: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(path);
  } catch {
    throw usageError("script-unreadable", `script ${path} cannot be read`);
  }
}

/** Memory for an archive and what it holds, which the guest has both for a while. */
function memoryWith(archive: Uint8Array): number {
  return MEMORY + 2 * Math.ceil(archive.length / PAGE) * PAGE;
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
  const { rootfs } = options;
  if (rootfs !== undefined && options.initrd !== undefined) {
    throw usageError("bad-config", "a root file system goes with the built initrd: leave one out");
  }
  const script = options.script === undefined ? undefined : readScript(options.script);
  const root = rootfs === undefined
    ? undefined
    : await readRootFileSystem(rootfs, script !== undefined);
  const built = options.kernel === undefined || options.initrd === undefined
    ? await buildLinuxGuest(progress)
    : undefined;
  const initrd = options.initrd ?? built!.initrd;
  const files: ArchiveEntry[] = [
    ...(script === undefined ? [] : [{ path: "splitx/script", bytes: script }]),
    ...(root?.kind === "archive"
      ? [{ path: `splitx/root.${root.format}`, bytes: root.bytes }]
      : []),
  ];
  const archives = root?.kind === "image" ? [initrd, built!.fileSystems] : [initrd];
  const rootWord = root && `splitx.root=${root.kind === "image" ? root.fileSystem : root.format}`;
  return {
    guest: options.kernel ?? built!.kernel,
    machine: "pc",
    memory: root?.kind === "archive" ? memoryWith(root.bytes) : MEMORY,
    initrd: archives.length + files.length > 1 ? initrdWith(archives, files) : initrd,
    ...(root?.kind === "image" ? { disk: root.path } : {}),
    cmdline: [COMMAND_LINE, rootWord, options.cmdline].filter(Boolean).join(" "),
  };
}

/**
 * The exit code of the script or shell of a Linux guest, from its machine's: it comes through the
 * debug exit port, which never says 0. A root's own init, which powers off, has 0.
 *
 * @param code what the machine powered off with
 */
export function scriptExitCode(code: number): number {
  return code >> 1;
}
