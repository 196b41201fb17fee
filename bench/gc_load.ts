/** The load that `gc.ts` watches; run with `--v8-flags=--trace-gc,--expose-gc`. */
import { readGuestReport } from "../runtime/guest_report.ts";
import { Runtime } from "../runtime/runtime.ts";
import type { Vm } from "../runtime/vm.ts";

const REPORT_CHARS = 1000;

/** Swallows the guest's console but for its report. */
async function turnsOf(vm: Vm): Promise<number> {
  const decoder = new TextDecoder();
  let last = "";
  for await (const bytes of vm.console) last = last.slice(-REPORT_CHARS) + decoder.decode(bytes);
  return readGuestReport(last).spans.get("load")?.n ?? 0;
}

const milliseconds = Number(Deno.args[0]);

/** V8 compiles the loop and its handlers while this runs under the same load. */
const WARM_UP_MS = 3000;
const SLACK_MS = 500;

await using runtime = await Runtime.open();
await using vm = runtime.createVm({
  guest: "exits",
  disk: Deno.execPath(),
  cmdline: `ops=load n=1 ms=${WARM_UP_MS + milliseconds + SLACK_MS}`,
});
const turns = turnsOf(vm);
await vm.start();
const core = runtime.hypervisorCores[0]!;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
await sleep(WARM_UP_MS);
await core.exchange({ type: "mark-trace" });
await sleep(milliseconds);
await core.exchange({ type: "mark-trace" });
// V8 writes its trace to standard output behind our back.
console.error(`turns ${await turns}`);
