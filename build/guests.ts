/** Builds the guests: every `guests/*.c` and `guests/system/*.c` becomes one PVH ELF image. */
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, contentHash, exists, makeInCache } from "./cache.ts";
import { compile } from "./compiler.ts";
import type { Progress } from "./stub.ts";

const GUESTS = fileURLToPath(new URL("../guests/", import.meta.url));
const SYSTEM_GUESTS = fileURLToPath(new URL("../guests/system/", import.meta.url));
const ABI = fileURLToPath(new URL("../stub/abi.h", import.meta.url));

const FLAGS = [
  "-std=gnu11",
  "-O2",
  "-Wall",
  "-Wextra",
  "-ffreestanding",
  "-fno-pic",
  "-fno-pie",
  "-mno-red-zone", // exceptions arrive on the same stack
  "-fno-stack-protector",
  "-fcf-protection=none",
  "-fno-asynchronous-unwind-tables",
  "-fno-tree-loop-distribute-patterns", // no memset made of the loop inside memset
];
/** Vector registers only where a file asks for them. */
const INTEGER_ONLY = "-mgeneral-regs-only";
const LINK_FLAGS = [
  "-nostdlib",
  "-static",
  "-no-pie",
  "-Wl,--build-id=none",
  "-Wl,-z,max-page-size=4096",
  "-Wl,-z,noexecstack",
  "-Wl,--no-warn-rwx-segments", // one segment: the tables are written by the processor
];

function filesIn(folder: string, endings: readonly string[]): string[] {
  return [...Deno.readDirSync(folder)]
    .filter((entry) => entry.isFile && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => join(folder, entry.name))
    .sort();
}

/** Names of the micro guests, such as `hello`. */
export function guestNames(): string[] {
  return filesIn(GUESTS, [".c"]).map((file) => basename(file, ".c"));
}

/** Names of the guests in ring 0 that show a processor's behaviour, such as `page_faults`. */
export function systemGuestNames(): string[] {
  return filesIn(SYSTEM_GUESTS, [".c"]).map((file) => basename(file, ".c"));
}

/**
 * Builds the micro guests unless the cache has them.
 *
 * @returns folder that holds `NAME.elf` for each of {@link guestNames}
 */
export async function buildGuests(progress: Progress): Promise<string> {
  return await build(GUESTS, "guests", progress);
}

/**
 * Builds the guests in ring 0 unless the cache has them.
 *
 * @returns folder that holds `NAME.elf` for each of {@link systemGuestNames}
 */
export async function buildSystemGuests(progress: Progress): Promise<string> {
  return await build(SYSTEM_GUESTS, "system-guests", progress);
}

/** Each C file of a folder with all of the library in its `lib`. */
async function build(from: string, cacheName: string, progress: Progress): Promise<string> {
  const guests = filesIn(from, [".c"]);
  const library = filesIn(join(from, "lib"), [".c", ".S"]);
  const others = [ABI, ...filesIn(join(from, "lib"), [".h", ".ld"])];
  const sources = [...guests, ...library, ...others];
  const names = sources.map((source) => basename(source));
  const hash = contentHash(sources, [...FLAGS, ...LINK_FLAGS, ...names]);
  const folder = join(cacheFolder(), `${cacheName}-${hash}`);
  if (exists(folder)) return folder;
  await makeInCache(folder, async (path, scratch) => {
    Deno.mkdirSync(path);
    const object = async (source: string) => {
      const to = join(scratch, `${basename(source)}.o`);
      const vectors = basename(source).includes("instructions");
      await compile(
        [...FLAGS, ...(vectors ? [] : [INTEGER_ONLY]), "-c", "-o", to, source],
        scratch,
      );
      return to;
    };
    progress(`building the library of the ${cacheName} (${library.length} files)`);
    const objects: string[] = [];
    for (const source of library) objects.push(await object(source));
    const link = [...LINK_FLAGS, `-Wl,-T,${join(from, "lib/link.ld")}`];
    for (const guest of guests) {
      const name = basename(guest, ".c");
      progress(`building guest ${name}`);
      const main = await object(guest);
      await compile([...link, "-o", join(path, `${name}.elf`), main, ...objects], scratch);
    }
  });
  return folder;
}
