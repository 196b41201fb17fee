/** The load that `gc.ts` watches; run with `--v8-flags=--trace-gc,--expose-gc`. */
import { readGuestReport } from "../runtime/guest_report.ts";
import { Runtime } from "../runtime/runtime.ts";

const milliseconds = Number(Deno.args[0]);

await using runtime = await Runtime.open();
const machine = { guest: "exits", disk: Deno.execPath() };
{
  // The first machine lets V8 compile; the core it starts stays.
  await using warmUp = runtime.createVm({ ...machine, cmdline: "ops=load n=1 ms=1500" });
  await warmUp.start();
  await warmUp.output();
}
const core = runtime.hypervisorCores[0]!;
await using vm = runtime.createVm({ ...machine, cmdline: `ops=load n=1 ms=${milliseconds}` });
await core.exchange({ type: "mark-trace" });
await vm.start();
const report = readGuestReport(await vm.output());
await core.exchange({ type: "mark-trace" });
console.log(`turns ${report.spans.get("load")?.n ?? 0}`);
