/** The C side of the benchmarks, built like the stub. */
import { fileURLToPath } from "node:url";
import { buildLibrary, type Library, libraryPath, type Progress } from "../build/stub.ts";

const LIBRARY: Library = {
  name: "bench",
  include: fileURLToPath(new URL("../stub/", import.meta.url)),
  sources: [fileURLToPath(new URL("./native.c", import.meta.url))],
  headers: [fileURLToPath(new URL("../stub/abi.h", import.meta.url))],
};

const SYMBOLS = {
  bench_ping_pong: {
    parameters: ["u32", "u32", "buffer", "u32"],
    result: "i32",
    nonblocking: true,
  },
  bench_tap_round_trips: {
    parameters: ["buffer", "u32", "u32", "buffer", "u32"],
    result: "i32",
    nonblocking: true,
  },
  bench_respond: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
} as const;

/** The library's functions. */
export type Native = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Builds the library unless the cache has it. */
export async function buildNative(progress: Progress): Promise<void> {
  await buildLibrary(LIBRARY, progress);
}

/** Loads the library, which has been built. */
export function openNative(): Native {
  return Deno.dlopen(libraryPath(LIBRARY), SYMBOLS).symbols;
}
