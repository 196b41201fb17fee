/** Builds the stub, and other shared libraries made of C, once for each content. */
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, contentHash, exists, makeInCache } from "./cache.ts";
import { compile } from "./compiler.ts";

const FLAGS = [
  "-std=c11",
  "-O2",
  "-Wall",
  "-Wextra",
  "-Werror=implicit-function-declaration",
  "-fPIC",
  "-shared",
  "-fvisibility=hidden",
  "-pthread",
];

const STUB = fileURLToPath(new URL("../stub/", import.meta.url));

/** Told what is being built, one line at a time. */
export type Progress = (line: string) => void;

/**
 * Builds a shared library from C sources unless the cache has it.
 *
 * @param name what it is called in the cache
 * @param sources C files to compile
 * @param headers files that they include
 * @returns path of the library
 */
export async function buildLibrary(
  name: string,
  sources: readonly string[],
  headers: readonly string[],
  progress: Progress,
): Promise<string> {
  const names = [...sources, ...headers].map((file) => basename(file));
  const hash = contentHash([...sources, ...headers], [...FLAGS, ...names]);
  const library = join(cacheFolder(), `${name}-${hash}.so`);
  if (exists(library)) return library;
  progress(`building ${name} (${sources.length} files)`);
  await makeInCache(
    library,
    (path, scratch) => compile([...FLAGS, "-o", path, ...sources], scratch),
  );
  return library;
}

/**
 * Builds the stub unless the cache has it.
 *
 * @returns path of the shared library
 */
export function buildStub(progress: Progress): Promise<string> {
  const files = [...Deno.readDirSync(STUB)].map((entry) => join(STUB, entry.name)).sort();
  const sources = files.filter((file) => file.endsWith(".c"));
  const headers = files.filter((file) => file.endsWith(".h"));
  return buildLibrary("stub", sources, headers, progress);
}
