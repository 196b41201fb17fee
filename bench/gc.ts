/**
 * Garbage collections on the hypervisor core under load, read from V8's own trace. The worker
 * leaves a forced collection in the trace before and after the load: between these two marks of its
 * isolate every line is a collection that the load caused.
 */
import { fileURLToPath } from "node:url";
import { runError } from "../errors.ts";

const LOAD = fileURLToPath(new URL("./gc_load.ts", import.meta.url));
const LOAD_MS = 10_000;

/**
 * Every hypercall and exit in turn, a polled virtio disk with 32 requests in flight, or two guests
 * that flood a third with frames.
 */
export type Load = "exits" | "disk" | "frames";

/** What the trace said. */
export interface Collections {
  readonly count: number;
  /** What the guests did, to show that there was load: turns of a loop, requests or frames. */
  readonly turns: number;
}

/**
 * Counts the collections between the two forced ones of the isolate that has them.
 *
 * @param trace V8's `--trace-gc` output
 * @returns the count, or undefined when the two marks are not there
 *
 * @example
 * ```ts
 * import { countCollections } from "./gc.ts";
 * import { strictEqual } from "node:assert";
 * const mark = (isolate: string) => `[1:0x${isolate}] 9 ms: Mark-Compact 1 (2) -> 1 (2) MB; testing\n`;
 * const other = "[1:0xb] 9 ms: Scavenge 1 (2) -> 1 (2) MB\n";
 * const own = "[1:0xa] 9 ms: Scavenge 1 (2) -> 1 (2) MB\n";
 * strictEqual(countCollections(own + mark("a") + other + mark("a") + own), 0);
 * strictEqual(countCollections(mark("a") + own + other + mark("a")), 1);
 * strictEqual(countCollections(mark("a")), undefined);
 * ```
 */
export function countCollections(trace: string): number | undefined {
  const lines = [...trace.matchAll(/^\[\d+:(0x[0-9a-f]+)[^\]]*\].*$/gm)];
  const marks = lines.filter(([line]) => line.includes("testing"));
  const isolate = marks[0]?.[1];
  const own = lines.filter((line) => line[1] === isolate);
  const first = own.findIndex(([line]) => line.includes("testing"));
  const last = own.findLastIndex(([line]) => line.includes("testing"));
  return isolate === undefined || first === last ? undefined : last - first - 1;
}

/**
 * Loads a hypervisor core for ten seconds in a process of its own.
 *
 * @param load what its guests do; see `gc_load.ts`
 */
export async function collectionsUnderLoad(load: Load): Promise<Collections> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--v8-flags=--trace-gc,--expose-gc", LOAD, load, String(LOAD_MS)],
  }).output();
  const words = new TextDecoder().decode(stderr);
  const count = countCollections(new TextDecoder().decode(stdout));
  const turns = Number(/^turns (\d+)$/m.exec(words)?.[1]);
  if (!success || count === undefined || !turns) {
    throw runError("no-trace", `the load gave no trace: ${words}`);
  }
  return { count, turns };
}
