/** The network driver of the micro guests between machines of this runtime. */
import { ok, strictEqual, throws } from "node:assert";
import { readGuestReport } from "../../runtime/guest_report.ts";
import type { VmConfigInput } from "../../runtime/config.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { engineTest, runVm } from "../support.ts";

/** Runs machines side by side, on one core when there are no more: by their names. */
async function together(machines: Record<string, Partial<VmConfigInput>>) {
  await using runtime = await Runtime.open();
  const runs = Object.entries(machines).map(async ([name, config]) =>
    [
      name,
      await runVm(runtime, { guest: "net", network: "lan", name, overcommit: true, ...config }),
    ] as const
  );
  return Object.fromEntries(await Promise.all(runs));
}

for (const notification of ["exit", "polled"] as const) {
  for (const size of [60, 61, 1514]) {
    engineTest(`net answers every request of ${size} bytes, ${notification}`, async () => {
      const n = 200;
      const { server, client } = await together({
        server: { cmdline: "role=server", notification },
        client: { cmdline: `role=client n=${n} size=${size}`, notification },
      });
      for (const { end, output } of [server!, client!]) {
        strictEqual(end.code, 0, output);
        strictEqual(readGuestReport(output).text, "");
      }
      const asked = readGuestReport(client!.output), answered = readGuestReport(server!.output);
      strictEqual(asked.spans.get("round_trip")?.n, n);
      ok(answered.counts.get("answered")! >= n);
      ok(client!.stats.framesReceived >= n && client!.stats.framesSent >= n);
    });
  }
}

engineTest("what a source streams arrives whole or is counted as lost", async () => {
  const n = 5000, size = 1000;
  const { sink, source } = await together({
    sink: { cmdline: "role=sink" },
    source: { cmdline: `role=source n=${n} size=${size}` },
  });
  const sent = readGuestReport(source!.output), got = readGuestReport(sink!.output);
  strictEqual(sent.text + got.text, "");
  strictEqual(sent.counts.get("bytes"), n * size);
  const arrived = got.spans.get("sink")!.n;
  strictEqual(arrived + got.counts.get("lost")!, n);
  strictEqual(got.counts.get("bytes"), arrived * size);
  // The ring keeps that many for a sink that has no time.
  ok(arrived >= Math.min(n, 256), `${arrived} arrived`);
  ok(source!.stats.framesDropped >= n - arrived, `${source!.stats.framesDropped} dropped`);
});

engineTest("a conversation goes on beside a stream, and networks are apart", async () => {
  const n = 50;
  const { client, server, sink } = await together({
    sink: { cmdline: "role=sink" },
    source: { cmdline: "role=source n=20000 size=1514" },
    server: { cmdline: "role=server", network: "other" },
    client: { cmdline: `role=client n=${n}`, network: "other" },
  });
  strictEqual(readGuestReport(client!.output).spans.get("round_trip")?.n, n);
  ok(server!.stats.framesReceived <= client!.stats.framesSent);
  ok(readGuestReport(sink!.output).spans.get("sink")!.n > 0);
});

engineTest("two machines cannot have one address on a network", async () => {
  await using runtime = await Runtime.open();
  const config = {
    guest: "net",
    network: "lan",
    mac: "02:00:00:00:00:07",
    overcommit: true,
  } as const;
  await using _first = runtime.createVm({ ...config, name: "first" });
  throws(
    () => runtime.createVm({ ...config, name: "second" }),
    /^SplitXError: second and first have the address 02:00:00:00:00:07 on network lan/,
  );
  await using _third = runtime.createVm({ ...config, network: "wan" });
});
