/** Random requests of every route: none is a defect, and every answer is as documented. */
import { ok } from "node:assert";
import fc from "fast-check";
import { openApiDocument } from "../../runtime/api/app.ts";
import { engineTest } from "../support.ts";
import { TestApi } from "./support.ts";

const RUNS = 1000;

interface Route {
  readonly method: string;
  readonly path: string;
}

function routes(): Route[] {
  const { paths } = openApiDocument() as { paths: Record<string, Record<string, unknown>> };
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => ({ method: method.toUpperCase(), path }))
  );
}

const segment = fc.oneof(
  { arbitrary: fc.nat(5).map(String), weight: 2 },
  fc.integer().map(String),
  fc.string().map(encodeURIComponent),
  fc.constantFrom("%00", "..", "%2e%2e", "%ff", "-1", "1e3", "0x1", "a".repeat(300)),
);
const query = fc.oneof(
  fc.constant(""),
  fc.dictionary(fc.constantFrom("limit", "before", "name", "x"), fc.string(), { maxKeys: 3 })
    .map((pairs) => `?${new URLSearchParams(pairs)}`),
  fc.string().map((text) => `?${encodeURI(text.toWellFormed()).replaceAll("#", "")}`),
);
const path = fc.oneof(fc.string(), fc.constantFrom("disk.img", "../x", "/etc/passwd", "a\0b", "/"));
/** A configuration that may be right: its machine is made. */
const config = fc.record({
  guest: fc.oneof({ arbitrary: fc.constantFrom("hello", "exits"), weight: 6 }, path),
  memory: fc.constantFrom<unknown>("4M", 4 << 20, "5", -1, "64G", null),
  placement: fc.constantFrom("split", "same-core", "up"),
  notification: fc.constantFrom("exit", "polled"),
  vcpus: fc.constantFrom<unknown>(1, 2, 0, 9, "1"),
  machine: fc.constantFrom("micro", "pc"),
  engine: fc.constantFrom("auto", "soft", "kvm"),
  clock: fc.constantFrom("host", "virtual"),
  overcommit: fc.constant(true),
  cmdline: fc.string(),
  disk: path,
  disks: fc.array(fc.record({ file: path, writable: fc.boolean() }), { maxLength: 3 }),
  ports: fc.array(fc.record({ name: fc.string(), socket: path }), { maxLength: 2 }),
  initrd: path,
  network: fc.constantFrom("lan", "none", "bad network"),
  plan: fc.record({
    housekeeping: fc.array(fc.integer({ min: -1, max: 5 }), { maxLength: 2 }),
    hypervisor: fc.array(fc.integer({ min: -1, max: 5 }), { maxLength: 2 }),
    guest: fc.array(fc.integer({ min: -1, max: 5 }), { maxLength: 2 }),
  }),
}, { requiredKeys: ["guest"] });
const body = fc.oneof(
  { arbitrary: config.map((value) => JSON.stringify(value)), weight: 3 },
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.record({ name: fc.string(), parameters: fc.jsonValue() }).map((value) =>
    JSON.stringify(value)
  ),
  fc.string(),
);
const header = fc.record({
  "content-type": fc.constantFrom(
    "application/json",
    "application/json; charset=x",
    "text/plain",
    "",
  ),
  upgrade: fc.constantFrom("websocket", "h2c"),
  accept: fc.constantFrom("*/*", "text/html", ";;"),
}, { requiredKeys: [] });

for (const { method, path } of routes()) {
  engineTest(`random requests: ${method} ${path}`, async () => {
    await using api = await TestApi.open();
    await api.request("POST", "/api/vms", { guest: "hello", overcommit: true });
    await fc.assert(
      fc.asyncProperty(segment, query, body, header, async (id, search, text, headers) => {
        const sent = method === "POST" ? text : undefined;
        const at = path.replace("{id}", id || "0") + search;
        const { status, text: answer } = await api.request(method, at, sent, headers);
        ok(status !== 500, `${status}: ${answer}`);
        for (const vm of api.runtime.vms.slice(1)) await vm[Symbol.asyncDispose]();
      }),
      { numRuns: RUNS, interruptAfterTimeLimit: 60_000 },
    );
    ok(api.defects.length === 0, api.defects[0]);
  });
}
