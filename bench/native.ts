/** The C side of the benchmarks, built like the stub. */
import { fileURLToPath } from "node:url";
import { buildLibrary, type Progress } from "../build/stub.ts";

const SOURCE = fileURLToPath(new URL("./native.c", import.meta.url));
const ABI = fileURLToPath(new URL("../stub/abi.h", import.meta.url));

const SYMBOLS = {
  bench_ping_pong: {
    parameters: ["u32", "u32", "buffer", "u32"],
    result: "i32",
    nonblocking: true,
  },
  bench_respond: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
} as const;

/** Builds the library unless the cache has it, and loads it. */
export async function openNative(
  progress: Progress = () => {},
): Promise<Deno.DynamicLibrary<typeof SYMBOLS>["symbols"]> {
  const path = await buildLibrary("bench", [SOURCE], [ABI], progress);
  return Deno.dlopen(path, SYMBOLS).symbols;
}
