/** A root file system that has programs of Debian's, with the libraries that they load, and busybox. */
import { dirname, join } from "node:path";
import { debianPackages } from "../../build/debian.ts";
import { command } from "../support.ts";

const LIBRARY = /^(lib|zlib)/;
/** Only for reading, or for linking by others than tcc. */
const UNWANTED = /^usr\/share\/|^usr\/lib\/debug\/|(^|\/)lib(?!tcc|c_nonshared)[^/]*\.a$/;

/** What packages cannot do without: other packages of libraries, and theirs. */
async function librariesOf(names: readonly string[]): Promise<string[]> {
  const { stdout } = await command("apt-cache", ["depends", "--recurse", "--important", ...names]);
  return stdout.split("\n").filter((line) => LIBRARY.test(line));
}

function filesIn(folder: string, below = ""): string[] {
  return [...Deno.readDirSync(join(folder, below))].flatMap((entry) => {
    const path = join(below, entry.name);
    return entry.isDirectory ? filesIn(folder, path) : [path];
  });
}

/**
 * Fills an empty folder, in which everything is below `usr/`.
 *
 * @param programs names of packages
 */
export async function makeDebianRoot(folder: string, programs: readonly string[]): Promise<void> {
  for (const name of ["proc", "sys", "dev", "tmp", "usr"]) Deno.mkdirSync(join(folder, name));
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    Deno.mkdirSync(join(folder, "usr", name));
    Deno.symlinkSync(`usr/${name}`, join(folder, name));
  }
  Deno.symlinkSync("busybox", join(folder, "usr/bin/sh"));
  const names = new Set(["busybox-static", ...programs, ...await librariesOf(programs)]);
  for (const { folder: from } of await debianPackages([...names], () => {})) {
    for (const path of filesIn(from)) {
      if (UNWANTED.test(path) || /^(etc|var)\//.test(path)) continue;
      const to = join(folder, "usr", path.replace(/^usr\//, ""));
      Deno.mkdirSync(dirname(to), { recursive: true });
      const stat = Deno.lstatSync(join(from, path));
      if (stat.isSymlink) Deno.symlinkSync(Deno.readLinkSync(join(from, path)), to);
      else Deno.copyFileSync(join(from, path), to);
    }
  }
}
