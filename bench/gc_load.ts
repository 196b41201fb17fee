/** The loads that `gc.ts` watches; run with `--v8-flags=--trace-gc,--expose-gc`. */
import type { VmConfigInput } from "../runtime/config.ts";
import { readGuestReport } from "../runtime/guest_report.ts";
import { Runtime } from "../runtime/runtime.ts";
import type { Vm } from "../runtime/vm.ts";
import type { Load } from "./gc.ts";

const REPORT_CHARS = 1000;

/** V8 compiles the loop and its handlers while this runs under the same load. */
const WARM_UP_MS = 3000;
const SLACK_MS = 500;

/** What a load is, and how much of it there was. */
interface LoadPlan {
  readonly config: (milliseconds: number) => VmConfigInput;
  /** Ends by itself, or `stop()`s the machine when `over`. */
  readonly turns: (vm: Vm, over: Promise<void>) => Promise<number>;
}

/** Swallows the guest's console but for its report. */
async function turnsOfReport(vm: Vm): Promise<number> {
  const decoder = new TextDecoder();
  let last = "";
  for await (const bytes of vm.console) last = last.slice(-REPORT_CHARS) + decoder.decode(bytes);
  return readGuestReport(last).spans.get("load")?.n ?? 0;
}

/** Counts what the queues served, and stops the machine. */
async function requestsUntil(vm: Vm, over: Promise<void>): Promise<number> {
  await over;
  await vm.stop();
  return vm.stats().queueRequests;
}

const LOADS: Readonly<Record<Load, LoadPlan>> = {
  exits: {
    config: (milliseconds) => ({
      guest: "exits",
      disk: Deno.execPath(),
      cmdline: `ops=load n=1 ms=${milliseconds}`,
    }),
    turns: turnsOfReport,
  },
  disk: {
    config: () => ({
      guest: "blk",
      disk: Deno.execPath(),
      cmdline: "n=1000000000000 depth=32",
      polling: { startRate: 0 },
    }),
    turns: requestsUntil,
  },
};

const { config, turns } = LOADS[Deno.args[0] as Load];
const milliseconds = Number(Deno.args[1]);
await using runtime = await Runtime.open();
await using vm = runtime.createVm(config(WARM_UP_MS + milliseconds + SLACK_MS));
const over = Promise.withResolvers<void>();
const counted = turns(vm, over.promise);
await vm.start();
const core = runtime.hypervisorCores[0]!;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
await sleep(WARM_UP_MS);
await core.exchange({ type: "mark-trace" });
await sleep(milliseconds);
await core.exchange({ type: "mark-trace" });
over.resolve();
// V8 writes its trace to standard output behind our back.
console.error(`turns ${await counted}`);
