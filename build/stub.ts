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

/** Where the cache has, or will have, a shared library made of these files. */
export function libraryPath(
  name: string,
  sources: readonly string[],
  headers: readonly string[],
): string {
  const files = [...sources, ...headers];
  const hash = contentHash(files, [...FLAGS, ...files.map((file) => basename(file))]);
  return join(cacheFolder(), `${name}-${hash}.so`);
}

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
  const library = libraryPath(name, sources, headers);
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
