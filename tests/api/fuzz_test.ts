/** Random requests of every route: none is a defect, and every answer is as documented. */
import { ok } from "node:assert";
import fc from "fast-check";
import { experimentResults } from "../../experiments/results.ts";
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
  fc.dictionary(fc.constantFrom("limit", "before", "name", "a", "b", "x"), fc.string(), {
    maxKeys: 3,
  }).map((pairs) => `?${new URLSearchParams(pairs)}`),
  fc.record({ a: fc.nat(5), b: fc.nat(5) }).map(({ a, b }) => `?a=${a}&b=${b}`),
  fc.string().map((text) => `?${encodeURI(text.toWellFormed()).replaceAll("#", "")}`),
);
const path = fc.oneof(fc.string(), fc.constantFrom("disk.img", "../x", "/etc/passwd", "a\0b", "/"));
/** Mostly what is right. */
function seldom<T>(right: fc.Arbitrary<T>, wrong: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ arbitrary: right, weight: 15 }, wrong);
}
const cpus = fc.array(fc.integer({ min: -1, max: 5 }), { maxLength: 2 });
const plan = seldom<unknown>(
  fc.constant({ housekeeping: [0], hypervisor: [0], guest: [1] }),
  fc.record({ housekeeping: cpus, hypervisor: cpus, guest: cpus }),
);
/** A configuration that may be right: its machine is made. */
const config = fc.record({
  guest: fc.oneof({ arbitrary: fc.constantFrom("hello", "exits"), weight: 6 }, path),
  memory: seldom<unknown>(fc.constantFrom("4M", 4 << 20, "64G"), fc.constantFrom("5", -1, null)),
  placement: seldom(fc.constantFrom("split", "same-core"), fc.string()),
  notification: fc.constantFrom("exit", "polled"),
  vcpus: seldom<unknown>(fc.constantFrom(1, 2), fc.constantFrom(0, 9, "1")),
  machine: fc.constantFrom("micro", "pc"),
  engine: seldom(fc.constantFrom("auto", "soft"), fc.constant("kvm")),
  clock: seldom(fc.constant("host"), fc.constant("virtual")),
  overcommit: fc.constant(true),
  cmdline: fc.string(),
  disk: seldom(fc.constant("disk.img"), path),
  disks: fc.array(fc.record({ file: seldom(fc.constant("disk.img"), path) }), { maxLength: 3 }),
  ports: fc.array(fc.record({ name: fc.string(), socket: seldom(fc.constant("s"), path) }), {
    maxLength: 1,
  }),
  initrd: seldom(fc.constant("disk.img"), path),
  network: seldom(fc.constantFrom("lan", "none"), fc.string()),
  plan,
}, { requiredKeys: ["guest", "overcommit"] });
const body = fc.oneof(
  { arbitrary: config.map((value) => JSON.stringify(value)), weight: 3 },
  plan.map((value) => JSON.stringify(value)),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.record({ name: fc.string(), parameters: fc.jsonValue() }).map((value) =>
    JSON.stringify(value)
  ),
  fc.string(),
);
const header = fc.record({
  "content-type": seldom(
    fc.constantFrom("application/json", "application/json; charset=x"),
    fc.constantFrom("text/plain", ""),
  ),
  upgrade: fc.constantFrom("websocket", "h2c"),
  accept: fc.constantFrom("*/*", "text/html", ";;"),
}, { requiredKeys: [] });

for (const { method, path } of routes()) {
  engineTest(`random requests: ${method} ${path}`, async () => {
    await using api = await TestApi.open({ results: experimentResults });
    await api.request("POST", "/api/vms", { guest: "hello", overcommit: true });
    const statuses = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(segment, query, body, header, async (id, search, text, headers) => {
        const sent = method === "GET" || method === "DELETE" ? undefined : text;
        const at = path.replace("{id}", id || "0") + search;
        const { status, text: answer } = await api.request(method, at, sent, headers);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        ok(status !== 500, `${status}: ${answer}`);
        for (const vm of api.runtime.vms.slice(1)) await vm[Symbol.asyncDispose]();
      }),
      { numRuns: RUNS, interruptAfterTimeLimit: 300_000 },
    );
    ok(api.defects.length === 0, api.defects[0]);
    const total = [...statuses.values()].reduce((sum, count) => sum + count, 0);
    ok(total >= RUNS, `only ${total} in time`);
    if (`${method} ${path}` !== "POST /api/vms") return;
    ok((statuses.get(201) ?? 0) > RUNS / 50, "machines are made: " + JSON.stringify([...statuses]));
  });
}
