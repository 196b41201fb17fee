/** Consoles on WebSockets, with guests behind them. */
import { ok, strictEqual } from "node:assert";
import { createClient } from "../../runtime/api/client.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { engineTest, eventually } from "../support.ts";
import { serve, Watching } from "../watching.ts";

engineTest("the console of hello is shown, before and after its end", async () => {
  await using runtime = await Runtime.open();
  await using server = serve(runtime);
  const client = createClient({ address: server.address });
  const { data: vm } = await client.POST("/api/vms", { body: { guest: "hello" } });
  const early = new Watching(server, vm!.id);
  await eventually("it watches", () => early.socket.readyState === WebSocket.OPEN);
  await client.POST("/api/vms/{id}/start", { params: { path: { id: vm!.id } } });
  await early.sees("hello from ring");
  strictEqual((await early.end()).code, 1000);
  const late = new Watching(server, vm!.id);
  await late.sees("hello from ring");
  strictEqual((await late.end()).code, 1000);
});

engineTest("what is typed reaches the guest, and every watcher sees its answer", async () => {
  await using runtime = await Runtime.open();
  await using server = serve(runtime);
  const client = createClient({ address: server.address });
  const body = { guest: "echo", machine: "pc", irqchip: "split" } as const;
  const { data: vm, error } = await client.POST("/api/vms", { body });
  ok(vm, JSON.stringify(error));
  await client.POST("/api/vms/{id}/start", { params: { path: { id: vm.id } } });
  const [one, two] = [new Watching(server, vm.id), new Watching(server, vm.id)];
  await one.sees("type\n");
  await two.sees("type\n");
  one.type("first\n");
  await two.sees("echo: first\n");
  one.socket.send(JSON.stringify({ resize: { columns: 100, rows: 30 } }));
  two.type("second\n");
  await one.sees("echo: second\n");
  const { data } = await client.GET("/api/vms/{id}", { params: { path: { id: vm.id } } });
  strictEqual(data!.watchers, 2);
  one.type("\x04");
  strictEqual((await one.end()).code, 1000);
  await two.end();
});

engineTest("a message that is none ends the connection, not the machine", async () => {
  await using runtime = await Runtime.open();
  await using server = serve(runtime);
  await using vm = runtime.createVm({ guest: "crash", cmdline: "do=loop" });
  await vm.start();
  for (const message of ["{", `{"resize":{"columns":0,"rows":1}}`, "typed", `{"other":1}`]) {
    const watching = new Watching(server, vm.id);
    await eventually("it watches", () => watching.socket.readyState === WebSocket.OPEN);
    watching.socket.send(message);
    strictEqual((await watching.end()).code, 1008, message);
  }
  strictEqual(vm.state, "running");
});

engineTest("a watcher that does not read is dropped, and the guest goes on", async () => {
  await using runtime = await Runtime.open();
  await using server = serve(runtime);
  await using vm = runtime.createVm({ guest: "exits", cmdline: "ops=posted n=20000000" });
  const { port } = new URL(server.address);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  const head = `GET /api/vms/${vm.id}/console HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
  await connection.write(new TextEncoder().encode(head));
  const client = createClient({ address: server.address });
  const watchers = async () =>
    (await client.GET("/api/vms/{id}", { params: { path: { id: vm.id } } })).data!.watchers;
  while (await watchers() === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const before = Deno.memoryUsage().rss;
  await vm.start();
  const end = performance.now() + 20_000;
  while (await watchers() > 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  strictEqual(await watchers(), 0);
  const calls = vm.stats().vcpus[0]!.postedCalls;
  await eventually(
    "it goes on",
    () => vm.stats().vcpus[0]!.postedCalls > calls || vm.end !== undefined,
  );
  const grown = Deno.memoryUsage().rss - before;
  ok(grown < 64 * 1024 ** 2, `${(grown / 1024 ** 2).toFixed(1)} MiB`);
  connection.close();
});
