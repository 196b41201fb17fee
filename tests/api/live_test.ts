/** Live statistics: many listeners, slow ones, and none. */
import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { createClient, liveSnapshots } from "../../runtime/api/client.ts";
import { Activity } from "../../runtime/api/activity.ts";
import { ConsoleHubs } from "../../runtime/api/console_hub.ts";
import { serveApi } from "../../runtime/api/listen.ts";
import { parseListen } from "../../runtime/api/listening.ts";
import { Live } from "../../runtime/api/live.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { engineTest, eventually } from "../support.ts";

const LISTENERS = 100;

engineTest("100 listeners get the same events, made once", async () => {
  await using runtime = await Runtime.open();
  await using vm = runtime.createVm({ guest: "crash", cmdline: "do=loop" });
  await vm.start();
  await using server = serveApi({
    runtime,
    consoles: new ConsoleHubs(),
    imageFolders: [],
    now: Date.now,
    log: () => {},
  }, parseListen("0"));
  const client = createClient({ address: server.address });
  const listen = async () => {
    const seen: number[] = [];
    for await (const { number, machines } of liveSnapshots(client)) {
      strictEqual(machines[0]!.name, "vm");
      seen.push(number);
      if (seen.length === 5) return seen;
    }
    return seen;
  };
  const all = await Promise.all(Array.from({ length: LISTENERS }, listen));
  for (const seen of all) {
    strictEqual(seen.length, 5);
    ok(seen.every((number, i) => i === 0 || number > seen[i - 1]!), seen.join());
  }
  ok(new Set(all.flat()).size < 200, "looks are shared");
  const { data } = await client.GET("/api/plan");
  const roles = data!.cores.flatMap((core) => core.roles.map(({ role }) => role));
  deepStrictEqual(new Set(roles), new Set(["housekeeping", "hypervisor", "guest"]));
});

Deno.test("a listener that does not read costs one event, and misses those between", async () => {
  let looks = 0;
  const activity = { look: () => snapshot(++looks) } as unknown as Activity;
  const live = new Live(activity);
  const reader = live.listen().getReader();
  await eventually("it looks", () => looks > 5);
  const text = async () => new TextDecoder().decode((await reader.read()).value);
  const first = Number(/id: (\d+)/.exec(await text())![1]);
  const second = Number(/id: (\d+)/.exec(await text())![1]);
  strictEqual(first, 1);
  ok(second >= 5, `${second}`);
  await reader.cancel();
  strictEqual(live.listeners, 0);
  const before = looks;
  await new Promise((resolve) => setTimeout(resolve, 250));
  strictEqual(looks, before, "nobody listens, nobody looks");
});

function snapshot(number: number) {
  return { number, at: "", spanMs: 100, cores: [], machines: [] };
}

engineTest("a connection that is not read does not grow memory", async () => {
  await using runtime = await Runtime.open();
  await using server = serveApi({
    runtime,
    consoles: new ConsoleHubs(),
    imageFolders: [],
    now: Date.now,
    log: () => {},
  }, parseListen("0"));
  const { port } = new URL(server.address);
  const idle: Deno.Conn[] = [];
  for (let i = 0; i < 50; i++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    const head = `GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head));
    idle.push(connection);
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = Deno.memoryUsage().rss;
  await new Promise((resolve) => setTimeout(resolve, 4000));
  const grown = Deno.memoryUsage().rss - before;
  for (const connection of idle) connection.close();
  ok(grown < 32 * 1024 ** 2, `${(grown / 1024 ** 2).toFixed(1)} MiB`);
});
