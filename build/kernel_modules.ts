/** Which kernel modules must be loaded, and in which order, for some of them to load. */
import { Buffer } from "node:buffer";
import { basename, join } from "node:path";
import { decompressSync as unxz } from "@napi-rs/lzma/xz";
import { hostError } from "../errors.ts";

/** A module and the bytes that `insmod` takes. */
export interface KernelModule {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A module's file, which newer kernels pack. */
const MODULE_FILE = /\.ko(\.xz)?$/;

/** The kernel takes `-` and `_` in a module's name for the same. */
function canonical(name: string): string {
  return basename(name).replace(MODULE_FILE, "").replaceAll("-", "_");
}

function readModule(path: string): Uint8Array<ArrayBuffer> {
  const bytes = Deno.readFileSync(path);
  return path.endsWith(".xz") ? new Uint8Array(unxz(Buffer.from(bytes.buffer))) : bytes;
}

function modulesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory) return modulesIn(path);
    return MODULE_FILE.test(entry.name) ? [path] : [];
  });
}

/**
 * The names in a module's `depends=` entry. Its section `.modinfo` is text with NUL at each end of
 * an entry, and only there the word stands behind a NUL.
 */
function dependenciesOf(bytes: Uint8Array): string[] {
  const text = new TextDecoder("latin1").decode(bytes);
  const names = /\0depends=([^\0]*)\0/.exec(text)?.[1];
  return names ? names.split(",") : [];
}

/**
 * Modules by name with all that they need, each behind those it needs. A package holds no
 * `modules.dep`, which an installation makes, so the modules themselves are asked.
 *
 * @param folder of one kernel version: `lib/modules/VERSION`
 * @param names modules; those built into the kernel are left out
 */
export function modulesWithDependencies(folder: string, names: readonly string[]): KernelModule[] {
  const paths = new Map(modulesIn(folder).map((path) => [canonical(path), path]));
  const builtIn = new Set(
    Deno.readTextFileSync(join(folder, "modules.builtin")).trim().split("\n").map(canonical),
  );
  const modules = new Map<string, KernelModule>();
  const add = (name: string) => {
    if (modules.has(name) || builtIn.has(name)) return;
    const path = paths.get(name);
    if (path === undefined) throw hostError("no-module", `there is no kernel module ${name}`);
    const bytes = readModule(path);
    dependenciesOf(bytes).map(canonical).forEach(add);
    modules.set(name, { name, bytes });
  };
  names.map(canonical).forEach(add);
  return [...modules.values()];
}
