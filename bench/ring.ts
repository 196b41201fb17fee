/**
 * The synchronous ring alone, answered by TypeScript and by C in turn: quick enough to hold two
 * versions of the polling loop against each other while the host changes its speed.
 */
import { Histogram } from "../runtime/histogram.ts";
import type { Row } from "../runtime/records.ts";
import { Runtime } from "../runtime/runtime.ts";
import { distribution } from "./measurement.ts";
import { buildNative } from "./native.ts";
import { C_RESPONDER, ringTrip, runTrip, tripEngine } from "./trip.ts";

const ROUNDS = 40;
/** V8 compiles the loop while these run. */
const WARM_UP = 3;
const CALLS = 40_000;
const TYPESCRIPT = ringTrip(CALLS, "typescript"), C = ringTrip(CALLS, "c");

/**
 * Runs the benchmark.
 *
 * @param say told what is going on
 * @returns both distributions, and that of the ratio of the two medians of a round
 */
export async function benchRing(say: (line: string) => void): Promise<Row[]> {
  await buildNative(say);
  const { engine } = await tripEngine(say);
  await using typescript = await Runtime.open({ progress: say });
  await using c = await Runtime.open({ progress: say, workerModule: C_RESPONDER });
  const inTypescript = new Histogram(), inC = new Histogram(), ratios = new Histogram();
  for (let round = 1 - WARM_UP; round <= ROUNDS; round++) {
    const one = (await runTrip(typescript, TYPESCRIPT)).values;
    const other = (await runTrip(c, C)).values;
    if (round < 1) continue;
    inTypescript.merge(one);
    inC.merge(other);
    ratios.add(one.quantile(0.5) / other.quantile(0.5));
  }
  return [
    distribution(TYPESCRIPT.name, { ...TYPESCRIPT.knobs, engine }, "ns", inTypescript),
    distribution(C.name, { ...C.knobs, engine }, "ns", inC),
    distribution("TypeScript to C, medians of one round", {}, "ratio", ratios),
  ];
}
