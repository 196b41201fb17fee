/** Recognises a root file system for a Linux guest: a disk image, a tar archive, or a folder. */
import { join } from "node:path";
import type { FileSystem } from "../build/linux.ts";
import { runProgram } from "../build/program.ts";
import { usageError } from "../errors.ts";

/** What a root file system is. */
export type RootFileSystem =
  /** A whole disk. */
  | { readonly kind: "image"; readonly path: string; readonly fileSystem: FileSystem }
  /** An archive, which is unpacked in memory. */
  | {
    readonly kind: "archive";
    readonly format: ArchiveFormat;
    readonly bytes: Uint8Array<ArrayBuffer>;
  };

/** What busybox's tar unpacks. */
type ArchiveFormat = "tar" | "tar.gz" | "tar.bz2" | "tar.xz";

/** Where a format has which bytes. */
type Magic = readonly [at: number, bytes: readonly number[]];

function text(words: string): number[] {
  return [...new TextEncoder().encode(words)];
}

/** Of each superblock; that of ext4 is ext2's and ext3's too. */
const FILE_SYSTEMS: readonly (readonly [FileSystem, Magic])[] = [
  ["ext4", [1024 + 56, [0x53, 0xef]]],
  ["xfs", [0, text("XFSB")]],
  ["btrfs", [0x10000 + 64, text("_BHRfS_M")]],
  ["squashfs", [0, text("hsqs")]],
  ["erofs", [1024, [0xe2, 0xe1, 0xf5, 0xe0]]],
];

const ARCHIVES: readonly (readonly [ArchiveFormat, Magic])[] = [
  ["tar", [257, text("ustar")]],
  ["tar.gz", [0, [0x1f, 0x8b]]],
  ["tar.bz2", [0, text("BZh")]],
  ["tar.xz", [0, [0xfd, ...text("7zXZ"), 0]]],
];

/** A boot sector's end; partition tables are in one. */
const BOOT_SECTOR: Magic = [510, [0x55, 0xaa]];

const HEAD_BYTES = 0x11000;
const WANTED = "a disk image with ext4, xfs, btrfs, squashfs or erofs, a tar file or a folder";

function has(head: Uint8Array, [at, bytes]: Magic): boolean {
  return bytes.every((byte, i) => head[at + i] === byte);
}

function unusable(path: string, why: string): Error {
  return usageError("rootfs-unusable", `rootfs ${path} ${why}`);
}

function statOf(path: string): Deno.FileInfo {
  try {
    return Deno.statSync(path);
  } catch (error) {
    throw unusable(
      path,
      error instanceof Deno.errors.NotFound ? "does not exist" : "cannot be read",
    );
  }
}

/** Opens a file, or says why not. */
function opened(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path);
  } catch {
    throw unusable(path, "cannot be read");
  }
}

function headOf(path: string): Uint8Array {
  using file = opened(path);
  const head = new Uint8Array(HEAD_BYTES);
  let length = 0;
  for (let count; (count = file.readSync(head.subarray(length)) ?? 0) > 0;) length += count;
  return head.subarray(0, length);
}

/** A folder's files as they are; those of a user who is not root become root's. */
async function pack(folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const archive = Deno.makeTempFileSync({ prefix: "splitx-root-" });
  try {
    const owner = Deno.uid() === 0 ? [] : ["--owner=0", "--group=0"];
    const { success, stderr } = await runProgram(
      "tar",
      ["-c", "-f", archive, "-C", folder, "--numeric-owner", ...owner, "."],
      "no tar on this host: install it, for example with: apt-get install -y tar",
    );
    if (!success) throw unusable(folder, `cannot be packed: ${stderr.split("\n")[0]}`);
    return Deno.readFileSync(archive);
  } finally {
    Deno.removeSync(archive);
  }
}

/** Whether something has this name, if only a link that leads nowhere on this host. */
function isNamed(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads what a Linux guest shall have as its root.
 *
 * @param hasScript whether something else than the root's own `/sbin/init` will run
 * @throws SplitXError `rootfs-unusable` (exit code 2) with the reason
 */
export async function readRootFileSystem(
  path: string,
  hasScript: boolean,
): Promise<RootFileSystem> {
  const stat = statOf(path);
  if (stat.isDirectory) {
    if (!hasScript && !isNamed(join(path, "sbin/init"))) {
      throw unusable(path, "has no sbin/init: give it one, or a script to run");
    }
    return { kind: "archive", format: "tar", bytes: await pack(path) };
  }
  if (!stat.isFile) throw unusable(path, "is neither a regular file nor a folder");
  if (stat.size === 0) throw unusable(path, "is empty");
  const head = headOf(path);
  const fileSystem = FILE_SYSTEMS.find(([, magic]) => has(head, magic))?.[0];
  if (fileSystem !== undefined) return { kind: "image", path, fileSystem };
  const format = ARCHIVES.find(([, magic]) => has(head, magic))?.[0];
  if (format !== undefined) return { kind: "archive", format, bytes: Deno.readFileSync(path) };
  throw unusable(
    path,
    has(head, BOOT_SECTOR)
      ? `is a disk with partitions, and one file system is wanted: copy its partition out`
      : `is no file system: ${WANTED} is wanted`,
  );
}
