/** A root file system that has Debian's lspci, with the libraries that it loads and busybox. */
import { dirname, join } from "node:path";
import { debianPackage } from "../build/debian.ts";
import { command } from "./support.ts";

const PROGRAM = "pciutils", OWN = ["busybox-static", PROGRAM];
const LIBRARY = /^(lib|zlib)/;
/** Programs and libraries, below `usr/` or not, as a package's release has them. */
const WANTED = /^(usr\/)?(s?bin\/(lspci|busybox)|lib(64)?\/([^/]*-linux-gnu\/)?[^/]*\.so[^/]*)$/;

async function dependenciesOf(name: string): Promise<string[]> {
  const { stdout } = await command("apt-cache", ["depends", "--important", name]);
  return [...stdout.matchAll(/^ *(?:Pre)?Depends: ([^<\s]+)$/gm)].map((found) => found[1]!);
}

/** Its libraries, and those of its libraries. */
async function packageNames(): Promise<string[]> {
  const names = new Set(OWN);
  for (const direct of await dependenciesOf(PROGRAM)) {
    names.add(direct);
    for (const further of await dependenciesOf(direct)) names.add(further);
  }
  return [...names].filter((name) => LIBRARY.test(name) || OWN.includes(name));
}

function filesIn(folder: string, below = ""): string[] {
  return [...Deno.readDirSync(join(folder, below))].flatMap((entry) => {
    const path = join(below, entry.name);
    return entry.isDirectory ? filesIn(folder, path) : [path];
  });
}

/** Fills an empty folder, in which everything is below `usr/`. */
export async function makeLspciRoot(folder: string): Promise<void> {
  for (const name of ["proc", "sys", "dev", "tmp", "usr"]) Deno.mkdirSync(join(folder, name));
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    Deno.mkdirSync(join(folder, "usr", name));
    Deno.symlinkSync(`usr/${name}`, join(folder, name));
  }
  Deno.symlinkSync("busybox", join(folder, "usr/bin/sh"));
  for (const name of await packageNames()) {
    const from = (await debianPackage(name, () => {})).folder;
    for (const path of filesIn(from)) {
      if (!WANTED.test(path)) continue;
      const to = join(folder, "usr", path.replace(/^usr\//, ""));
      Deno.mkdirSync(dirname(to), { recursive: true });
      const stat = Deno.lstatSync(join(from, path));
      if (stat.isSymlink) Deno.symlinkSync(Deno.readLinkSync(join(from, path)), to);
      else Deno.copyFileSync(join(from, path), to);
    }
  }
}
