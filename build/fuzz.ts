/** Builds the fuzz target of the soft engine, and the program that runs its inputs once more. */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { hostError, runError } from "../errors.ts";
import { cacheFolder, contentHash, exists, makeInCache } from "./cache.ts";
import { runProgram } from "./program.ts";
import { COMPILE_SOFT, type Progress } from "./stub.ts";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const STUB = join(PROJECT, "stub/");
const SOFT = join(STUB, "soft");
const TARGET = join(PROJECT, "tests/fuzz/");

/** What the engine needs of the rest of the stub; what else it calls, the target has. */
const SHARED = ["clock.c", "errors.c", "event.c", "futex.c"];

/** Functions that the target stands before. */
const WRAPPED = [
  ...["machine_serve", "code_find", "apic_deadline", "futex_wait"],
  ...["mmap", "munmap", "calloc", "aligned_alloc", "free"],
];

const COMPILE = [
  ...["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror=implicit-function-declaration"],
  ...["-pthread", "-I", STUB, "-I", TARGET, ...COMPILE_SOFT],
];
const LINK = ["-pthread", ...WRAPPED.map((name) => `-Wl,--wrap=${name}`)];

/**
 * Alignment is not checked: guests reach their memory at any address, and the host is an x86 as well,
 * to whose compiler no vectors of this code are left (see COMPILE_SOFT). Uses after a return are not
 * looked for: the engine leaves functions by longjmp, which makes the search slow.
 */
const SANITIZE = [
  ...["-fsanitize=address,undefined", "-fno-sanitize=alignment", "-fno-sanitize-recover=all"],
  ...["-fsanitize-address-use-after-return=never", "-msse4.2"],
  ...["-Wno-unknown-pragmas", "-Wno-excessive-regsave"],
];

const COMPILERS = 2;
const CLANGS = ["clang-19", "clang", "clang-16", "clang-15", "clang-14"];
const NO_CLANG = "no clang on this host: apt-get install -y clang-19 libclang-rt-19-dev";
const NO_CC = "no C compiler (cc) on this host: apt-get install -y gcc libc6-dev";

function filesIn(folder: string, end: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => join(folder, entry.name))
    .filter((path) => path.endsWith(end)).sort();
}

function filesBelow(folder: string, end: string): string[] {
  return [...Deno.readDirSync(folder)].sort((one, other) => one.name < other.name ? -1 : 1)
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory ? filesBelow(path, end) : path.endsWith(end) ? [path] : [];
    });
}

interface Program {
  readonly name: string;
  readonly compiler: string;
  readonly missing: string;
  readonly compile: readonly string[];
  readonly link: readonly string[];
}

async function make(program: Program, progress: Progress): Promise<string> {
  const { name, compiler, missing } = program;
  const run = async (args: readonly string[]) => {
    const { success, stderr } = await runProgram(compiler, args, missing);
    if (!success) throw runError("compile-failed", `${compiler} failed:`, stderr);
  };
  const sources = [
    ...filesBelow(SOFT, ".c"),
    ...SHARED.map((file) => join(STUB, file)),
    ...filesIn(TARGET, ".c"),
  ];
  const headers = [
    ...[STUB, TARGET].flatMap((folder) => filesIn(folder, ".h")),
    ...filesBelow(SOFT, ".h"),
  ];
  const files = [...sources, ...headers];
  const words = [compiler, ...program.compile, ...program.link]
    .map((word) => word.replace(PROJECT, ""));
  const hash = contentHash(files, [...words, ...files.map((file) => relative(PROJECT, file))]);
  const path = join(cacheFolder(), `${name}-${hash}`);
  if (exists(path)) return path;
  progress(`building ${name} (${sources.length} files)`);
  await makeInCache(path, async (made, scratch) => {
    const objects = sources.map((_, i) => join(scratch, `${i}.o`));
    const waiting = sources.entries();
    const compileWaiting = async () => {
      for (const [i, source] of waiting) {
        await run([...program.compile, "-c", "-o", objects[i]!, source]);
      }
    };
    await Promise.all(Array.from({ length: COMPILERS }, compileWaiting));
    await run([...program.link, "-o", made, ...objects]);
  });
  return path;
}

async function findClang(): Promise<string> {
  for (const clang of CLANGS) {
    try {
      if ((await runProgram(clang, ["--version"], NO_CLANG)).success) return clang;
    } catch {
      // Perhaps another one.
    }
  }
  throw hostError("no-clang", NO_CLANG);
}

/**
 * Builds libFuzzer's target, with AddressSanitizer and UndefinedBehaviorSanitizer, unless the cache
 * has it.
 *
 * @returns path of the program
 * @throws SplitXError `no-clang` (exit code 3), `compile-failed`
 */
export async function buildFuzzTarget(progress: Progress): Promise<string> {
  return await make({
    name: "soft-fuzz",
    compiler: await findClang(),
    missing: NO_CLANG,
    compile: [...COMPILE, ...SANITIZE, "-fsanitize=fuzzer-no-link"],
    link: [...LINK, "-fsanitize=fuzzer,address,undefined"],
  }, progress);
}

/**
 * Builds the program that runs inputs without sanitizers, by the compiler of the stub, unless the
 * cache has it.
 *
 * @returns its path
 */
export async function buildFuzzReplay(progress: Progress): Promise<string> {
  return await make({
    name: "soft-replay",
    compiler: "cc",
    missing: NO_CC,
    compile: [...COMPILE, "-DREPLAY"],
    link: LINK,
  }, progress);
}
