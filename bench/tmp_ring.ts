import { Runtime } from "../runtime/runtime.ts";
import { readGuestReport } from "../runtime/guest_report.ts";
await using ts = await Runtime.open();
await using c = await Runtime.open({
  workerModule: new URL("./c_responder_worker.ts", import.meta.url),
});
for (let i = 0; i < 10; i++) {
  let line = "";
  for (const r of [ts, c]) {
    await using vm = r.createVm({ guest: "exits", cmdline: "ops=call_ring n=60000" });
    await vm.start();
    const h = readGuestReport(await vm.output()).histograms.get("call_ring")!;
    line += ` ${(h.quantile(0.5) * r.nsPerTick).toFixed(0)} ${
      (h.quantile(0.99) * r.nsPerTick).toFixed(0)
    } |`;
  }
  console.log(line);
}
