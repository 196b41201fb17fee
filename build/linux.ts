/** Builds the Linux guest: Debian's kernel, its virtio modules, busybox, and an init of ours. */
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, contentHash, exists, makeInCache } from "./cache.ts";
import { compile } from "./compiler.ts";
import { type ArchiveEntry, cpioArchive } from "./cpio.ts";
import { debianPackage, hasPackages, INSTALLED_RELEASE } from "./debian.ts";
import { debianKernel } from "./debian_kernel.ts";
import { modulesWithDependencies } from "./kernel_modules.ts";
import type { Progress } from "./stub.ts";

const MODULES = ["virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_rng"];
/** File systems that a root may be on, by the names of the kernel's modules. */
const FILE_SYSTEMS = ["ext4", "xfs", "btrfs", "squashfs", "erofs"] as const;
const FOLDERS = ["proc", "sys", "dev", "tmp", "etc", "sbin", "usr/bin", "usr/sbin", "root"];
const PROGRAM_FLAGS = [
  ...["-std=gnu11", "-O2", "-Wall", "-Wextra", "-ffreestanding", "-fno-stack-protector"],
  ...["-fcf-protection=none", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none"],
];

const GUEST = fileURLToPath(new URL("../guests/linux/", import.meta.url));
const INIT = join(GUEST, "init");
const SELFTEST = join(GUEST, "selftest.sh");
const DEBUG_EXIT = join(GUEST, "debug_exit.c");
/** Files that decide what is made of the packages. */
const MAKERS = [
  ...[INIT, SELFTEST, DEBUG_EXIT],
  ...["linux.ts", "cpio.ts", "kernel_modules.ts"]
    .map((name) => fileURLToPath(new URL(name, import.meta.url))),
];

/** A file system that a root may be on. */
export type FileSystem = typeof FILE_SYSTEMS[number];

/** A Linux that runs a script and powers off. */
export interface LinuxGuest {
  /** Path of a bzImage. */
  readonly kernel: string;
  /** Path of an uncompressed cpio archive. */
  readonly initrd: string;
  /** Path of another archive for {@link initrdWith}: modules of the file systems. */
  readonly fileSystems: string;
  /** Of the kernel's package. */
  readonly version: string;
}

function guestIn(folder: string): LinuxGuest {
  return {
    kernel: join(folder, "vmlinuz"),
    initrd: join(folder, "initrd"),
    fileSystems: join(folder, "file-systems"),
    version: Deno.readTextFileSync(join(folder, "version")),
  };
}

/** How long a guest passes for one of the current packages: to ask what they are takes seconds. */
const FRESH_MS = 24 * 3600 * 1000;

function isFresh(folder: string): boolean {
  return Date.now() - (Deno.statSync(folder).mtime?.getTime() ?? 0) < FRESH_MS;
}

/** The youngest guest that the cache has, of whatever packages. */
function youngest(prefix: string): string | undefined {
  const made = (folder: string) => Deno.statSync(folder).mtime?.getTime() ?? 0;
  return [...Deno.readDirSync(cacheFolder())]
    .filter((entry) => entry.name.startsWith(prefix))
    .map((entry) => join(cacheFolder(), entry.name))
    .sort((one, other) => made(other) - made(one))[0];
}

/** Modules, and the order in which init loads them as `splitx/modules/LIST`. */
function moduleEntries(folder: string, names: readonly string[], list: string): ArchiveEntry[] {
  const modules = modulesWithDependencies(folder, names);
  const order = modules.map((module) => `${module.name}\n`).join("");
  return [
    ...modules.map(({ name, bytes }) => ({ path: `splitx/modules/${name}.ko`, bytes })),
    { path: `splitx/modules/${list}`, bytes: new TextEncoder().encode(order) },
  ];
}

/**
 * Builds the Linux guest unless the cache has it, made of the packages that were current at most a day
 * ago. A host that has no Debian packages takes what the cache has.
 *
 * Its init runs `/splitx/script`, or what `splitx.script=` on the kernel command line names
 * (`/splitx/selftest` is there), or a shell on the console; prints `splitx: exit N`, writes N to the
 * debug exit port 0xf4, and powers off. `splitx.root=` names the file system on /dev/vda that becomes
 * the root, or the format of the archive `splitx/root.FORMAT`, such as `tar` or `tar.xz`; then the script is one of that root's, or its
 * `/sbin/init` runs instead of a shell.
 *
 * @param source where the kernel comes from
 */
export async function buildLinuxGuest(
  progress: Progress,
  source = INSTALLED_RELEASE,
): Promise<LinuxGuest> {
  const prefix = `linux-${contentHash(MAKERS, [...MODULES, ...PROGRAM_FLAGS, source.name])}-`;
  const made = youngest(prefix);
  if (made !== undefined && (isFresh(made) || !await hasPackages())) return guestIn(made);
  const kernel = await debianKernel(progress, source);
  const busybox = await debianPackage("busybox-static", progress);
  const packages = [kernel.package, busybox];
  const folder = join(
    cacheFolder(),
    prefix + contentHash([], packages.map((one) => basename(one.folder))),
  );
  if (exists(folder)) {
    Deno.utimeSync(folder, new Date(), new Date());
    return guestIn(folder);
  }
  progress("building the Linux guest");
  await makeInCache(folder, async (path, scratch) => {
    const debugExit = join(scratch, "debug_exit");
    await compile([...PROGRAM_FLAGS, "-o", debugExit, DEBUG_EXIT], scratch);
    const file = (path: string, from: string): ArchiveEntry => (
      { path, bytes: Deno.readFileSync(from), executable: true }
    );
    const archive = cpioArchive([
      file("init", INIT),
      file("bin/busybox", join(busybox.folder, "bin/busybox")),
      { path: "bin/sh", target: "busybox" },
      file("splitx/debug_exit", debugExit),
      file("splitx/selftest", SELFTEST),
      ...moduleEntries(kernel.modules, MODULES, "order"),
      ...FOLDERS.map((path) => ({ path })),
    ]);
    Deno.mkdirSync(path);
    Deno.copyFileSync(kernel.image, join(path, "vmlinuz"));
    Deno.writeFileSync(join(path, "initrd"), archive);
    Deno.writeFileSync(
      join(path, "file-systems"),
      cpioArchive(
        FILE_SYSTEMS.flatMap((name) => moduleEntries(kernel.modules, [name], `${name}.order`)),
      ),
    );
    Deno.writeTextFileSync(join(path, "version"), kernel.package.version);
  });
  return guestIn(folder);
}

/**
 * An initial file system with more files in it.
 *
 * @param archives paths of uncompressed cpio archives, such as {@link LinuxGuest.initrd}
 * @param files what they do not have, such as `splitx/script`, or what stands in the place of theirs
 */
export function initrdWith(
  archives: readonly string[],
  files: readonly ArchiveEntry[],
): Uint8Array<ArrayBuffer> {
  const parts = [...archives.map((path) => Deno.readFileSync(path)), cpioArchive(files)];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
