/** `deno task run` with the API beside it: how long it stays, and where it listens. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { Running } from "../running.ts";
import { cliRun, engineTest, TempFile } from "../support.ts";

engineTest("run stays up with its API after the guest, until Ctrl-C", async () => {
  await using running = new Running(["--guest", "hello", "--listen", "0"]);
  const address = await running.address();
  match(running.output, /^hello from ring 3/m);
  const [vm] = await (await fetch(`${address}/api/vms`)).json();
  strictEqual(vm.end.code, 0);
  const made = await fetch(`${address}/api/vms`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ guest: "crash", cmdline: "do=loop" }),
  });
  const { id } = await made.json();
  strictEqual(
    (await (await fetch(`${address}/api/vms/${id}/start`, { method: "POST" })).json()).state,
    "running",
  );
  const events = await fetch(`${address}/api/events`);
  const { code, ms } = await running.interrupt();
  strictEqual(code, 130);
  ok(ms < 1500, `${ms} ms`);
  await events.body!.cancel().catch(() => {});
});

engineTest(
  "run --topology stays up with the dashboard of the host that a file describes",
  async () => {
    const args = ["--topology", "examples/two_sockets.json", "--guest", "hello", "--listen", "0"];
    await using running = new Running(args);
    const address = await running.address();
    match(running.output, /^nothing was started/m);
    const { simulated, cores } = await (await fetch(`${address}/api/host`)).json();
    deepStrictEqual([simulated, cores.length], [true, 128]);
    match(await (await fetch(address)).text(), /A host of 128 cores/);
    strictEqual((await running.interrupt()).code, 130);
  },
);

engineTest("run --adaptive has adaptive roles on", async () => {
  await using running = new Running(["--adaptive", "--guest", "hello", "--listen", "0"]);
  const address = await running.address();
  const { settings } = await (await fetch(`${address}/api/adaptive`)).json();
  strictEqual(settings.enabled, true);
  const refused = await cliRun(["--adaptive", "--topology", "examples/two_sockets.json"]);
  match(refused.stderr, /^run: --adaptive needs machines that run/m);
  strictEqual(refused.code, 2);
});

engineTest("run --no-ui ends with the guest, and --once with its exit code", async () => {
  const none = await cliRun(["--no-ui", "--guest", "hello"]);
  strictEqual(none.code, 0);
  ok(!none.stdout.includes("dashboard"));
  const failed = await cliRun(["--guest", "crash", "--cmdline", "do=exception", "--listen", "0"]);
  strictEqual(failed.code, 125);
  const json = await cliRun(["--guest", "hello", "--json"]);
  strictEqual(JSON.parse(json.stdout).schema, "splitx.run/1");
});

engineTest("run refuses a port in use, a wrong one, and one that others reach", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const refused = async (listen: string, code: number, line: RegExp) => {
    const result = await cliRun(["--guest", "hello", "--listen", listen]);
    match(result.stderr.trimEnd().split("\n").at(-1)!, line);
    strictEqual(result.code, code);
    ok(!result.stdout.includes("hello from"), "nothing ran");
  };
  await refused(String(port), 3, /^run: 127\.0\.0\.1:\d+ is in use: name another with --listen/);
  await refused("nowhere", 2, /^run: --listen nowhere: write a port, HOST:PORT or the path/);
  await refused("0.0.0.0:0", 2, /^run: other hosts can reach 0\.0\.0\.0:0: set SPLITX_TOKEN/);
});

engineTest("run listens on a Unix socket, which goes away with it", async () => {
  using folder = new TempFile("");
  const path = `${folder.folder}/api.sock`;
  await using running = new Running(["--guest", "hello", "--listen", path]);
  strictEqual(await running.address(), path);
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  strictEqual((await (await fetch("http://localhost/healthz", { client })).json()).machines, 1);
  strictEqual((await running.interrupt()).code, 130);
  strictEqual([...Deno.readDirSync(folder.folder)].length, 1);
});
