/** Builds the micro guests: every `guests/*.c` becomes one PVH ELF image. */
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, contentHash, exists, makeInCache } from "./cache.ts";
import { compile } from "./compiler.ts";
import type { Progress } from "./stub.ts";

const GUESTS = fileURLToPath(new URL("../guests/", import.meta.url));
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
  `-Wl,-T,${GUESTS}lib/link.ld`,
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

/**
 * Builds the micro guests unless the cache has them.
 *
 * @returns folder that holds `NAME.elf` for each of {@link guestNames}
 */
export async function buildGuests(progress: Progress): Promise<string> {
  const guests = filesIn(GUESTS, [".c"]);
  const library = filesIn(join(GUESTS, "lib"), [".c", ".S"]);
  const others = [ABI, ...filesIn(join(GUESTS, "lib"), [".h", ".ld"])];
  const flags = [...FLAGS, ...LINK_FLAGS.filter((flag) => !flag.includes(GUESTS))];
  const sources = [...guests, ...library, ...others];
  const names = sources.map((source) => basename(source));
  const hash = contentHash(sources, [...flags, ...names]);
  const folder = join(cacheFolder(), `guests-${hash}`);
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
    progress(`building the guest library (${library.length} files)`);
    const objects: string[] = [];
    for (const source of library) objects.push(await object(source));
    for (const guest of guests) {
      const name = basename(guest, ".c");
      progress(`building guest ${name}`);
      const main = await object(guest);
      const image = join(path, `${name}.elf`);
      await compile([...LINK_FLAGS, "-o", image, main, ...objects], scratch);
    }
  });
  return folder;
}
