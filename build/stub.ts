/** Builds the stub, and other shared libraries made of C, once for each content. */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, contentHash, exists, makeInCache } from "./cache.ts";
import { compile } from "./compiler.ts";

const COMPILE = [
  "-std=gnu11",
  "-O2",
  "-Wall",
  "-Wextra",
  "-Werror=implicit-function-declaration",
  "-fPIC",
  "-fvisibility=hidden",
  "-pthread",
];
const LINK = ["-shared", "-pthread"];
/**
 * For the software processor. Its ops call from inline assembly, which must find no red zone; guest
 * registers and memory are seen in several sizes; and vector registers would only be in the way.
 */
export const COMPILE_SOFT = ["-mno-red-zone", "-fno-strict-aliasing", "-fno-tree-vectorize"];

/** Compilers at once. */
const COMPILERS = 2;

const STUB = fileURLToPath(new URL("../stub/", import.meta.url));

/** Told what is being built, one line at a time. */
export type Progress = (line: string) => void;

/** A shared library made of C. */
export interface Library {
  /** What it is called in the cache. */
  readonly name: string;
  /** The folder from which sources name the headers that they include. */
  readonly include: string;
  /** Files to compile. */
  readonly sources: readonly string[];
  /** Files that they include. */
  readonly headers: readonly string[];
  /** More options for the sources of one folder. */
  readonly special?: { readonly folder: string; readonly options: readonly string[] };
}

function optionsFor({ include, special }: Library, source: string): string[] {
  const options = special && source.startsWith(special.folder) ? special.options : [];
  return [...COMPILE, ...options, "-I", include];
}

/** Where the cache has, or will have, a shared library. */
export function libraryPath({ name, include, sources, headers, special }: Library): string {
  const files = [...sources, ...headers];
  const names = files.map((file) => relative(include, file));
  const options = [...COMPILE, ...LINK, ...special?.options ?? []];
  return join(cacheFolder(), `${name}-${contentHash(files, [...options, ...names])}.so`);
}

async function link(library: Library, path: string, scratch: string): Promise<void> {
  const objects = library.sources.map((_, i) => join(scratch, `${i}.o`));
  const waiting = library.sources.entries();
  const compileWaiting = async () => {
    for (const [i, source] of waiting) {
      const options = optionsFor(library, source);
      await compile([...options, "-c", "-o", objects[i]!, source], scratch);
    }
  };
  await Promise.all(Array.from({ length: COMPILERS }, compileWaiting));
  await compile([...LINK, "-o", path, ...objects], scratch);
}

/**
 * Builds a shared library unless the cache has it.
 *
 * @returns its path
 */
export async function buildLibrary(library: Library, progress: Progress): Promise<string> {
  const path = libraryPath(library);
  if (exists(path)) return path;
  progress(`building ${library.name} (${library.sources.length} files)`);
  await makeInCache(path, (made, scratch) => link(library, made, scratch));
  return path;
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory ? filesIn(path) : [path];
  });
}

/** The stub as a library. */
export function stubLibrary(): Library {
  const files = filesIn(STUB).sort();
  const sources = files.filter((file) => file.endsWith(".c"));
  const headers = files.filter((file) => file.endsWith(".h"));
  const special = { folder: join(STUB, "soft/"), options: COMPILE_SOFT };
  return { name: "stub", include: STUB, sources, headers, special };
}

/**
 * Builds the stub unless the cache has it.
 *
 * @returns path of the shared library
 */
export function buildStub(progress: Progress): Promise<string> {
  return buildLibrary(stubLibrary(), progress);
}
