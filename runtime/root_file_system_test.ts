import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import { join } from "node:path";
import { readRootFileSystem } from "./root_file_system.ts";

/** A folder of its own, away at the end. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "splitx-test-" });

  /** A file with bytes at places and zeros elsewhere. */
  file(size: number, parts: readonly (readonly [at: number, text: string])[]): string {
    const bytes = new Uint8Array(size);
    for (const [at, text] of parts) {
      for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
    }
    const path = join(this.path, "file");
    Deno.writeFileSync(path, bytes);
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

const SUPERBLOCKS = [
  ["ext4", 1080, "\x53\xef"],
  ["xfs", 0, "XFSB"],
  ["btrfs", 65600, "_BHRfS_M"],
  ["squashfs", 0, "hsqs"],
  ["erofs", 1024, "\xe2\xe1\xf5\xe0"],
] as const;

Deno.test("readRootFileSystem() knows file systems by their superblocks", async () => {
  using folder = new Folder();
  for (const [fileSystem, at, magic] of SUPERBLOCKS) {
    // A boot sector may stand before it.
    const path = folder.file(100_000, [[510, "\x55\xaa"], [at, magic]]);
    deepStrictEqual(await readRootFileSystem(path, false), { kind: "image", path, fileSystem });
  }
});

Deno.test("readRootFileSystem() knows archives, and reads them", async () => {
  using folder = new Folder();
  const formats = [["tar", 257, "ustar"], ["tar.gz", 0, "\x1f\x8b"], [
    "tar.bz2",
    0,
    "BZh",
  ]] as const;
  for (const [format, at, magic] of formats) {
    const path = folder.file(3000, [[at, magic]]);
    const root = await readRootFileSystem(path, true);
    deepStrictEqual(root, { kind: "archive", format, bytes: Deno.readFileSync(path) });
  }
});

Deno.test("readRootFileSystem() packs a folder with an init, or any for a script", async () => {
  using folder = new Folder();
  await rejects(
    readRootFileSystem(folder.path, false),
    /^SplitXError: rootfs .* has no sbin\/init/,
  );
  Deno.mkdirSync(join(folder.path, "sbin"));
  Deno.symlinkSync("/lib/nowhere-on-this-host", join(folder.path, "sbin/init"));
  for (const hasScript of [false, true]) {
    const root = await readRootFileSystem(folder.path, hasScript);
    strictEqual(root.kind === "archive" && root.format, "tar");
    const text = new TextDecoder("latin1").decode((root as { bytes: Uint8Array }).bytes);
    strictEqual(text.includes("./sbin/init\0"), true);
    strictEqual(text.includes("/lib/nowhere-on-this-host\0"), true);
  }
});

Deno.test("readRootFileSystem() refuses what is no file system, with the reason", async () => {
  using folder = new Folder();
  const refused = (path: string, reason: RegExp) => rejects(readRootFileSystem(path, true), reason);
  await refused(join(folder.path, "none"), /rootfs .*none does not exist$/);
  await refused("/dev/null", /rootfs \/dev\/null is neither a regular file nor a folder$/);
  await refused(folder.file(0, []), /is empty$/);
  await refused(folder.file(40, [[0, "words"]]), /is no file system: a disk image with ext4, /);
  await refused(folder.file(4096, [[510, "\x55\xaa"]]), /is a disk with partitions, and one file /);
});
