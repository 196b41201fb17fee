/** Who may ask: hosts, origins, tokens, rates. */
import { match, ok, strictEqual } from "node:assert";
import { createClient } from "../../runtime/api/client.ts";
import { ConsoleHubs } from "../../runtime/api/console_hub.ts";
import { serveApi } from "../../runtime/api/listen.ts";
import { parseListen } from "../../runtime/api/listening.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { engineTest } from "../support.ts";
import { TestApi } from "./support.ts";

const TOKEN = "a-secret-of-our-own";

engineTest("a Host that is not this host's is refused: DNS rebinding", async () => {
  await using api = await TestApi.open();
  for (
    const host of ["evil.example", "evil.example:8787", "127.0.0.1.evil.example", "10.0.0.1", "@"]
  ) {
    await api.refused("host-not-allowed", 403, "GET", "/api/host", undefined, { host });
  }
  for (const host of ["localhost:8787", "127.0.0.1", "[::1]:8787", "LOCALHOST"]) {
    strictEqual((await api.request("GET", "/api/host", undefined, { host })).status, 200, host);
  }
});

engineTest("pages of other sites get nothing, and no WebSocket", async () => {
  await using api = await TestApi.open();
  await api.request("POST", "/api/vms", { guest: "hello" });
  const upgrade = { upgrade: "websocket", connection: "Upgrade" };
  const strangers = [
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:9999" },
    { origin: "file://" },
    { "sec-fetch-site": "cross-site" },
  ];
  for (const headers of strangers) {
    await api.refused("origin-not-allowed", 403, "GET", "/api/host", undefined, headers);
    await api.refused("origin-not-allowed", 403, "POST", "/api/vms", { guest: "hello" }, headers);
    await api.refused("origin-not-allowed", 403, "GET", "/api/vms/1/console", undefined, {
      ...headers,
      ...upgrade,
    });
  }
  const own = { origin: "http://127.0.0.1:8787", "sec-fetch-site": "same-origin" };
  strictEqual((await api.request("GET", "/api/host", undefined, own)).status, 200);
});

engineTest("with a token nobody asks without it, but for health", async () => {
  await using api = await TestApi.open({ reach: "network", token: TOKEN });
  const host = "192.0.2.1:8787";
  for (
    const authorization of ["", "Bearer", "Bearer wrong-secret-of-ours", `Basic ${TOKEN}`, TOKEN]
  ) {
    const answer = await api.refused("token-needed", 401, "GET", "/api/host", undefined, {
      host,
      authorization,
    });
    strictEqual(answer.headers.get("www-authenticate"), "Bearer");
  }
  strictEqual((await api.request("GET", "/healthz", undefined, { host })).status, 200);
  for (
    const headers of [{ authorization: `Bearer ${TOKEN}` }, { cookie: `splitx_token=${TOKEN}` }]
  ) {
    strictEqual(
      (await api.request("GET", "/api/host", undefined, { host, ...headers })).status,
      200,
    );
  }
  const authorization = `Bearer ${TOKEN}`;
  const session = await api.request("POST", "/api/session", undefined, { host, authorization });
  const cookie = session.headers.get("set-cookie")!;
  match(cookie, /^splitx_token=\S+; Path=\/; HttpOnly; SameSite=Strict$/);
  await api.refused("token-needed", 401, "POST", "/api/session", undefined, { host });
  await api.refused("host-not-allowed", 403, "GET", "/api/host", undefined, {
    host: "evil.example",
    authorization: `Bearer ${TOKEN}`,
  });
});

engineTest("a client that asks too often is told to wait", async () => {
  await using api = await TestApi.open({ rate: { perSecond: 1, burst: 5 } });
  for (let i = 0; i < 5; i++) strictEqual((await api.request("GET", "/healthz")).status, 200);
  await api.refused("too-many-requests", 429, "GET", "/healthz");
});

engineTest("every answer restricts browsers", async () => {
  await using api = await TestApi.open();
  for (const path of ["/api/host", "/reference", "/nothing", "/metrics"]) {
    const { headers } = await api.request("GET", path);
    match(headers.get("content-security-policy")!, /frame-ancestors 'none'/);
    ok(!/unsafe/.test(headers.get("content-security-policy")!));
    strictEqual(headers.get("x-content-type-options"), "nosniff");
    strictEqual(headers.get("access-control-allow-origin"), null);
  }
});

async function refusedToListen(text: string, code: string, token?: string): Promise<void> {
  await using runtime = await Runtime.open();
  try {
    await using _server = serveApi({
      ...contextOf(runtime),
      ...(token === undefined ? {} : { token }),
    }, parseListen(text));
  } catch (error) {
    return strictEqual((error as { code: string }).code, code);
  }
  throw new Error(`${text} was listened on`);
}

function contextOf(runtime: Runtime) {
  const consoles = new ConsoleHubs();
  return { runtime, consoles, imageFolders: [], now: Date.now, log: () => {} };
}

engineTest("an address beyond loopback needs a token of some length", async () => {
  await refusedToListen("0.0.0.0:0", "token-needed");
  await refusedToListen("[::]:0", "token-needed");
  await refusedToListen("0.0.0.0:0", "bad-token", "short");
});

engineTest("a port in use is told", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await refusedToListen(String((taken.addr as Deno.NetAddr).port), "in-use");
});

engineTest("a Unix socket is its owner's, replaces a stale one, and goes away", async () => {
  await using runtime = await Runtime.open();
  const folder = Deno.makeTempDirSync({ prefix: "splitx-api-" });
  const path = `${folder}/api.sock`;
  const listening = parseListen(path);
  for (let i = 0; i < 2; i++) {
    await using server = serveApi(contextOf(runtime), listening);
    strictEqual(server.address, path);
    strictEqual(Deno.lstatSync(path).mode! & 0o777, 0o600);
    await refusedToListen(path, "in-use");
    using http = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    const client = createClient({
      address: "http://localhost",
      fetch: (request) => fetch(request, { client: http }),
    });
    const { data } = await client.GET("/healthz");
    strictEqual(data?.status, "ok");
  }
  strictEqual([...Deno.readDirSync(folder)].length, 0);
  Deno.writeTextFileSync(path, "somebody's file");
  await refusedToListen(path, "in-use");
  Deno.removeSync(folder, { recursive: true });
});
