/** The loads that `gc.ts` watches; run with `--v8-flags=--trace-gc,--expose-gc`. */
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

const load = Deno.args[0], milliseconds = Number(Deno.args[1]);

/** V8 compiles the loop and its handlers while this runs under the same load. */
const WARM_UP_MS = 3000;
const SLACK_MS = 500;
/** More frames than can be sent in that time. */
const ENDLESS = 2 ** 32 - 1;

await using runtime = await Runtime.open();
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Marks the time under load in the trace. */
async function mark(): Promise<void> {
  const core = runtime.hypervisorCores[0]!;
  await sleep(WARM_UP_MS);
  await core.exchange({ type: "mark-trace" });
  await sleep(milliseconds);
  await core.exchange({ type: "mark-trace" });
}

/** Hypercalls, port accesses and disk requests of one guest: turns of its loop. */
async function exits(): Promise<number> {
  await using vm = runtime.createVm({
    guest: "exits",
    disk: Deno.execPath(),
    cmdline: `ops=load n=1 ms=${WARM_UP_MS + milliseconds + SLACK_MS}`,
  });
  const turns = turnsOf(vm);
  await vm.start();
  await mark();
  return await turns;
}

/** Two guests that flood a third: frames that it got. */
async function frames(): Promise<number> {
  const machine = (role: string) =>
    runtime.createVm({
      guest: "net",
      network: "lan",
      cmdline: `role=${role} n=${ENDLESS} size=1514`,
      overcommit: true,
    });
  await using sink = machine("sink");
  await using one = machine("source");
  await using other = machine("source");
  for (const vm of [sink, one, other]) await vm.start();
  await mark();
  return sink.stats().framesReceived;
}

// V8 writes its trace to standard output behind our back.
console.error(`turns ${await (load === "frames" ? frames() : exits())}`);
