/** The loads that `gc.ts` watches; run with `--v8-flags=--trace-gc,--expose-gc`. */
import type { VmConfigInput } from "../runtime/config.ts";
import { readGuestReport } from "../runtime/guest_report.ts";
import { Runtime } from "../runtime/runtime.ts";
import type { Vm } from "../runtime/vm.ts";
import type { Load } from "./gc.ts";

/** V8 compiles the loop and its handlers while this runs under the same load. */
const WARM_UP_MS = 3000;
const SLACK_MS = 500;
/** More requests and frames than fit that time. */
const ENDLESS = 2 ** 32 - 1;

/** A load: its machines, and what they have done when the time is over. */
interface LoadPlan {
  readonly machines: (milliseconds: number) => readonly VmConfigInput[];
  readonly turns: (vms: readonly Vm[], over: Promise<void>) => Promise<number>;
}

/** Reads a console to its end and keeps only the last part, in which the report is. */
async function turnsOfReport([vm]: readonly Vm[]): Promise<number> {
  const decoder = new TextDecoder();
  let last = "";
  for await (const bytes of vm!.console) {
    last = (last + decoder.decode(bytes, { stream: true })).slice(-4096);
  }
  return readGuestReport(last).spans.get("load")?.n ?? 0;
}

function net(role: string): VmConfigInput {
  const cmdline = `role=${role} n=${ENDLESS} size=1514`;
  return { guest: "net", network: "lan", cmdline, overcommit: true };
}

const LOADS: Readonly<Record<Load, LoadPlan>> = {
  exits: {
    machines: (ms) => [
      { guest: "exits", disk: Deno.execPath(), cmdline: `ops=load n=1 ms=${ms}` },
    ],
    turns: turnsOfReport,
  },
  disk: {
    machines: () => [{
      guest: "blk",
      disk: Deno.execPath(),
      cmdline: `n=${ENDLESS} depth=32`,
      polling: { startRate: 0 },
    }],
    turns: async ([vm], over) => {
      await over;
      return vm!.stats().queueRequests;
    },
  },
  frames: {
    machines: () => [net("sink"), net("source"), net("source")],
    turns: async ([sink], over) => {
      await over;
      return sink!.stats().framesReceived;
    },
  },
};

const { machines, turns } = LOADS[Deno.args[0] as Load];
const milliseconds = Number(Deno.args[1]);
await using runtime = await Runtime.open();
const vms = machines(WARM_UP_MS + milliseconds + SLACK_MS).map((one) => runtime.createVm(one));
const over = Promise.withResolvers<void>();
const counted = turns(vms, over.promise);
for (const vm of vms) await vm.start();
const core = runtime.hypervisorCores[0]!;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
await sleep(WARM_UP_MS);
await core.exchange({ type: "mark-trace" });
await sleep(milliseconds);
await core.exchange({ type: "mark-trace" });
over.resolve();
// V8 writes its trace to standard output behind our back.
console.error(`turns ${await counted}`);
