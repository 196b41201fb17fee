/** One kind of trip to the hypervisor, as a guest measures it. */
import type { EngineChoice } from "../cores/engine.ts";
import { readGuestReport } from "../runtime/guest_report.ts";
import { Histogram } from "../runtime/histogram.ts";
import { Runtime } from "../runtime/runtime.ts";
import type { Knobs } from "./measurement.ts";

/** The module of a hypervisor core's worker that answers the ring in C. */
export const C_RESPONDER = new URL("./c_responder_worker.ts", import.meta.url);

/** See the head of this file. */
export interface Trip {
  readonly name: string;
  readonly runtime: "typescript" | "c";
  /** Of its rows, but for the engine, which the host decides. */
  readonly knobs: Knobs & Required<Pick<Knobs, "placement" | "notification">>;
  /** The guest's operation and how often. */
  readonly operation: string;
  readonly n: number;
}

/** The engine on which trips are made here. */
export async function tripEngine(say: (line: string) => void): Promise<EngineChoice> {
  await using runtime = await Runtime.open({ progress: say });
  return runtime.engineFor({ machine: "micro", engine: "auto" });
}

/** A trip of the guest `exits`. */
export function trip(
  name: string,
  placement: "same-core" | "split",
  notification: "exit" | "polled",
  operation: string,
  n: number,
  runtime: "typescript" | "c" = "typescript",
): Trip {
  const knobs = { placement, notification, guest: "exits" } as const;
  return { name, runtime, knobs, operation, n };
}

/** A synchronous ring hypercall, answered by TypeScript or by C. */
export function ringTrip(n: number, runtime: "typescript" | "c"): Trip {
  const responder = runtime === "c" ? "C" : "TypeScript";
  return trip(`ring hypercall, ${responder} responder`, "split", "polled", "call_ring", n, runtime);
}

/** Runs the guest once: its histogram in nanoseconds, or the span of a posted run. */
export async function runTrip(runtime: Runtime, one: Trip) {
  const { placement, notification } = one.knobs;
  const cmdline = `ops=${one.operation} n=${one.n}`;
  await using vm = runtime.createVm({ guest: "exits", placement, notification, cmdline });
  await vm.start();
  const report = readGuestReport(await vm.output());
  const values = new Histogram();
  const ticks = report.histograms.get(one.operation);
  if (ticks) values.merge(ticks, runtime.nsPerTick);
  return { values, span: report.spans.get(one.operation) };
}
