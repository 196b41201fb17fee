/** The network driver of the micro guests between machines of this runtime. */
import { match, ok, strictEqual, throws } from "node:assert";
import { readGuestReport } from "../../runtime/guest_report.ts";
import type { VmConfigInput } from "../../runtime/config.ts";
import { Runtime } from "../../runtime/runtime.ts";
import {
  command,
  engineNamespaceTest,
  engineTest,
  type Finished,
  namespaceTest,
  runVm,
} from "../support.ts";

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

/** Runs two machines on TAP interfaces that a bridge joins, where nobody else's network is. */
async function bridged(passive: string, active: string) {
  const program = ["run", "-A", "tests/end_to_end/two_taps.ts", passive, active];
  const { code, stdout, stderr } = await command("unshare", ["--net", Deno.execPath(), ...program]);
  strictEqual(code, 0, stderr);
  return JSON.parse(stdout) as { passive: Finished; active: Finished };
}

for (const size of [60, 1514]) {
  engineNamespaceTest(
    `net answers every request of ${size} bytes over TAP interfaces`,
    async () => {
      const { passive, active } = await bridged("role=server", `role=client n=100 size=${size}`);
      const asked = readGuestReport(active.output), answered = readGuestReport(passive.output);
      strictEqual(asked.text + answered.text, "");
      strictEqual(asked.spans.get("round_trip")?.n, 100);
      ok(answered.counts.get("answered")! >= 100);
    },
  );
}

engineNamespaceTest(
  "net streams over TAP interfaces, and what is lost is lost in the host",
  async () => {
    const { passive, active } = await bridged("role=sink", "role=source n=3000 size=1000");
    const arrived = readGuestReport(passive.output).spans.get("sink")!.n;
    ok(arrived >= 256 && arrived <= 3000, `${arrived} arrived`);
    strictEqual(readGuestReport(active.output).spans.get("source")!.n, 3000);
  },
);

namespaceTest("a tap that cannot be is refused in one line", async () => {
  const refused = async (script: string) => {
    const { code, stderr } = await command("unshare", ["--net", "--mount", "sh", "-ec", script]);
    return { code, line: stderr.trimEnd().split("\n").at(-1)! };
  };
  const run = (tap: string) =>
    `${Deno.execPath()} run -A cli/run.ts --once --guest net --network ${tap}`;
  const missing = await refused(`mount -t tmpfs none /dev/net && ${run("tap:sxtap9")}`);
  match(missing.line, /^run: \/dev\/net\/tun is not there: load it with: modprobe tun$/);
  strictEqual(missing.code, 3);
  const kind = await refused(run("tap:lo"));
  match(kind.line, /^run: lo is an interface of another kind than tap$/);
  strictEqual(kind.code, 2);
  const unprivileged = "setpriv --bounding-set=-net_admin --inh-caps=-net_admin";
  const denied = await refused(
    `ip tuntap add dev sxtap9 mode tap user 12345 && ${unprivileged} ${run("tap:sxtap9")}`,
  );
  match(denied.line, /^run: tap sxtap9 may not be opened: .* ip tuntap add dev sxtap9 mode tap/);
  strictEqual(denied.code, 3);
});
