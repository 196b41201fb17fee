/** Every route answers as its document says, and wrong requests get problem documents. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { readSimulatedTopology } from "../../cores/simulated_topology.ts";
import { experimentResults } from "../../experiments/results.ts";
import { Activity } from "../../runtime/api/activity.ts";
import { Live } from "../../runtime/api/live.ts";
import type { ExperimentCatalogue } from "../../runtime/api/context.ts";
import type { ExperimentJob } from "../../runtime/api/schemas.ts";
import { describeHost } from "../../runtime/records.ts";
import { engineTest, eventually, PROJECT } from "../support.ts";
import { TestApi } from "./support.ts";

engineTest("host, plan, guests, health and metrics answer as documented", async () => {
  await using api = await TestApi.open();
  const host = await api.request("GET", "/api/host");
  strictEqual(host.status, 200);
  ok(host.json.cores.length >= 2);
  const plan = await api.request("GET", "/api/plan");
  strictEqual(
    plan.json.cores.length,
    host.json.cores.filter((c: { allowed: boolean }) => c.allowed).length,
  );
  const guests = await api.request("GET", "/api/guests");
  ok(guests.json.bundled.some(({ name }: { name: string }) => name === "hello"));
  deepStrictEqual(guests.json.files, [{ path: `${api.folder}/images/disk.img`, bytes: 8192 }]);
  strictEqual((await api.request("GET", "/healthz")).json.status, "ok");
  const metrics = await api.request("GET", "/metrics");
  match(metrics.text, /^splitx_core_share\{cpu="0",state="idle"\} /m);
  match(metrics.text, /^splitx_http_request_duration_seconds_count\{.*route="\/api\/host".*\} 1$/m);
  deepStrictEqual(api.defects, []);
});

engineTest("the document is OpenAPI 3.1, and the page shows it without a script", async () => {
  await using api = await TestApi.open();
  const { json } = await api.request("GET", "/openapi.json");
  strictEqual(json.openapi, "3.1.0");
  const page = await api.request("GET", "/reference");
  match(page.type, /^text\/html/);
  for (const path of Object.keys(json.paths)) ok(page.text.includes(path), path);
  ok(!/<script|style=|https?:|\son\w+=/i.test(page.text.replace(/<pre>.*?<\/pre>/gs, "")));
  match(page.headers.get("content-security-policy")!, /default-src 'none'; script-src 'self';/);
  match((await api.request("GET", "/reference.css")).type, /^text\/css/);
});

engineTest("a plan is previewed, or the reason is told", async () => {
  await using api = await TestApi.open();
  const preview = async (body: unknown) =>
    (await api.request("POST", "/api/plan/preview", body)).json;
  const possible = await preview({ guest: "hello" });
  strictEqual(possible.possible, true);
  strictEqual(possible.plan.guest.length, 1);
  const [hypervisor] = possible.plan.hypervisor;
  ok(
    possible.effects.some(({ text }: { text: string }) =>
      text.endsWith(`hypervisor core ${hypervisor}`)
    ),
  );
  const shared = await preview({ guest: "hello", hypervisors: 3, overcommit: true });
  strictEqual(shared.plan.hypervisor.length, 3);
  const cores = api.runtime.topology.cores.length;
  if (cores > 8) return;
  const refused = await preview({ guest: "hello", vcpus: 8 });
  deepStrictEqual([refused.possible, refused.code], [false, "plan-impossible"]);
  match(refused.reason, /more roles than cores/);
});

engineTest("a machine lives through the API, and a deleted one gives back its cores", async () => {
  await using api = await TestApi.open();
  const config = { name: "looper", guest: "crash", cmdline: "do=loop", memory: "16M" };
  const made = await api.request("POST", "/api/vms", config);
  strictEqual(made.status, 201, made.text);
  const path = made.headers.get("location")!;
  strictEqual(made.json.state, "created");
  strictEqual(made.json.config.memory, 16 * 1024 ** 2);
  const [guestCore] = made.json.plan.guest;
  await api.refused("bad-state", 409, "POST", `${path}/pause`);
  strictEqual((await api.request("POST", `${path}/start`)).json.state, "running");
  await api.refused("bad-state", 409, "POST", `${path}/start`);
  const { json: plan } = await api.request("GET", "/api/plan");
  const core = plan.cores.find(({ cpu }: { cpu: number }) => cpu === guestCore);
  deepStrictEqual(core.roles, [{ role: "guest", vm: made.json.id, vcpu: 0 }]);
  strictEqual((await api.request("POST", `${path}/pause`)).json.state, "paused");
  strictEqual((await api.request("POST", `${path}/resume`)).json.state, "running");
  const stats = await api.request("GET", `${path}/stats`);
  ok(stats.json.vcpus[0].cpuNs > 0);
  const stopped = await api.request("POST", `${path}/stop`);
  deepStrictEqual([stopped.json.state, stopped.json.end], ["stopped", { state: "stopped" }]);
  strictEqual((await api.request("GET", path)).json.state, "stopped");
  strictEqual((await api.request("GET", "/api/vms")).json.length, 1);
  strictEqual((await api.request("GET", `${path}/stats`)).status, 200);
  strictEqual((await api.request("DELETE", path)).status, 204);
  await api.refused("no-such-vm", 404, "GET", path);
  const after = await api.request("POST", "/api/plan/preview", { guest: "hello" });
  strictEqual(after.json.possible, true);
});

engineTest("a running machine's cores are taken until it is deleted", async () => {
  await using api = await TestApi.open();
  const cores = api.runtime.topology.cores.filter((core) => core.allowed && core.online).length;
  const vcpus = cores - 1;
  if (vcpus > 8) return;
  const config = { guest: "crash", cmdline: "do=loop", vcpus };
  const { json: { id } } = await api.request("POST", "/api/vms", config);
  await api.request("POST", `/api/vms/${id}/start`);
  await api.refused("plan-impossible", 409, "POST", "/api/vms", config);
  await api.request("DELETE", `/api/vms/${id}`);
  strictEqual((await api.request("POST", "/api/vms", config)).status, 201);
});

engineTest(
  "a machine's roles move to another plan, which is held against the host first",
  async () => {
    await using api = await TestApi.open();
    const body = { guest: "compute", cmdline: "ops=integer n=1000000000000" };
    const { id, plan } = (await api.request("POST", "/api/vms", body)).json;
    await api.request("POST", `/api/vms/${id}/start`);
    const swapped = {
      housekeeping: plan.guest,
      hypervisor: plan.guest,
      sidecore: [],
      guest: plan.hypervisor,
    };
    const path = `/api/vms/${id}/plan`, preview = `${path}/preview`;
    const previewed = (await api.request("POST", preview, swapped)).json;
    strictEqual(previewed.possible, true);
    ok(previewed.effects.length > 0);
    const both = { ...plan, guest: plan.hypervisor };
    const refused = (await api.request("POST", preview, both)).json;
    deepStrictEqual([refused.possible, refused.code], [false, "plan-impossible"]);
    await api.refused("plan-impossible", 409, "PUT", path, both);
    deepStrictEqual((await api.request("GET", `/api/vms/${id}`)).json.plan, plan);
    const moved = (await api.request("PUT", path, swapped)).json;
    deepStrictEqual(moved.plan, swapped);
    const vcpu = moved.moves.find((move: { role: string }) => move.role === "guest");
    deepStrictEqual([vcpu.from, vcpu.to], [plan.guest, plan.hypervisor]);
    ok(vcpu.pauseNs > 0);
    await api.request("DELETE", `/api/vms/${id}`);
  },
);

engineTest("adaptive roles are switched by the API, which tells their decisions", async () => {
  await using api = await TestApi.open();
  const path = "/api/adaptive";
  const off = (await api.request("GET", path)).json;
  deepStrictEqual([off.settings.enabled, off.decisions], [false, []]);
  const { json: { id } } = await api.request("POST", "/api/vms", {
    guest: "crash",
    cmdline: "do=loop",
  });
  await api.request("POST", `/api/vms/${id}/start`);
  const wanted = { enabled: true, least: 2, looks: 1 };
  const { settings } = (await api.request("PUT", path, wanted)).json;
  deepStrictEqual(settings, { ...wanted, addAbove: 0.8, removeBelow: 0.5 });
  await eventually("it decides", () => api.runtime.adaptive.state.decisions.length > 0);
  const { decisions: [decision], cores } = (await api.request("GET", path)).json;
  strictEqual(decision.action, "add");
  match(decision.refused, /no host core has several hypervisor cores/);
  strictEqual(cores.length, 1);
  const again = (await api.request("PUT", path, { enabled: false })).json;
  deepStrictEqual([again.settings.enabled, again.settings.least], [false, 1]);
  strictEqual(again.decisions.length, 1);
});

engineTest("a simulated host is planned on, marked as such, and gets no machine", async () => {
  await using api = await TestApi.open({}, {
    topology: readSimulatedTopology(`${PROJECT}examples/two_sockets.json`),
  });
  const host = (await api.request("GET", "/api/host")).json;
  deepStrictEqual([host.simulated, host.cores.length], [true, 128]);
  const { cores } = (await api.request("GET", "/api/plan")).json;
  ok(
    cores.every(({ busy, roles }: { busy: number; roles: unknown[] }) =>
      busy === 0 && roles.length === 0
    ),
  );
  const body = { guest: "hello", vcpus: 70, hypervisors: 2 };
  const { plan, effects } = (await api.request("POST", "/api/plan/preview", body)).json;
  deepStrictEqual([plan.guest.length, plan.hypervisor], [70, [1, 2]]);
  ok(effects.some(({ text }: { text: string }) => text.includes("on another NUMA node")));
  await api.refused("simulated-topology", 422, "POST", "/api/vms", { guest: "hello" });
  await api.refused("bad-request", 422, "POST", "/api/vms", { guest: "hello", vcpus: 70 });
});

engineTest("a machine that ends by itself says how", async () => {
  await using api = await TestApi.open();
  for (const [cmdline, state] of [["", "stopped"], ["do=triple", "failed"]] as const) {
    const guest = state === "stopped" ? "hello" : "crash";
    const { json: { id } } = await api.request("POST", "/api/vms", {
      guest,
      cmdline,
      overcommit: true,
    });
    await api.request("POST", `/api/vms/${id}/start`);
    await eventually(
      "it ends",
      () => api.runtime.vms.find((vm) => vm.id === id)!.end !== undefined,
    );
    const { json } = await api.request("GET", `/api/vms/${id}`);
    strictEqual(json.end.state, state);
    if (state === "failed") strictEqual(json.end.reason, "triple fault");
    else strictEqual(json.end.code, 0);
  }
});

engineTest("records are listed by pages and read", async () => {
  await using api = await TestApi.open();
  const ids = (json: { runs: { id: number }[] }) => json.runs.map(({ id }) => id);
  const first = (await api.request("GET", "/api/runs?limit=2")).json;
  deepStrictEqual([ids(first), first.next], [[3, 2], 2]);
  const second = (await api.request("GET", `/api/runs?limit=2&before=${first.next}`)).json;
  deepStrictEqual([ids(second), second.next], [[1], undefined]);
  deepStrictEqual(ids((await api.request("GET", "/api/runs?name=one")).json), [3, 1]);
  strictEqual((await api.request("GET", "/api/runs/2")).json.record.name, "two");
  deepStrictEqual(ids((await api.request("GET", "/api/runs?schema=splitx.run/1")).json), []);
  await api.refused("no-such-run", 404, "GET", "/api/runs/77");
});

/** Keeps a record of the experiment `placement`, or of another name, with such repetitions. */
function keepRun(api: TestApi, samples: number[], name = "placement"): number {
  const [placement, notification] = ["split", "polled"] as const;
  const figure = { name: "throughput", unit: "MB/s", placement, notification };
  return api.context.store!.add({
    schema: "splitx.experiment/1",
    name,
    host: describeHost(api.runtime),
    parameters: {},
    rows: [
      { ...figure, kind: "measured", n: samples.length, value: samples[0]!, samples },
      { ...figure, kind: "modelled", n: 1, value: 70, samples: [70] },
    ],
  });
}

const SLOW = [50, 51, 52, 53, 54, 55], FAST = SLOW.map((value) => value + 50);

engineTest("the record of an experiment has pictures, a report and rows", async () => {
  await using api = await TestApi.open({ results: experimentResults });
  const id = keepRun(api, SLOW), other = keepRun(api, SLOW, "unknown");
  const { figures, summary } = (await api.request("GET", `/api/runs/${id}/figures`)).json;
  deepStrictEqual(summary, []);
  strictEqual(figures[0].title, "Throughput");
  match(figures[0].svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" role="img"/);
  const report = await api.request("GET", `/api/runs/${id}/report`);
  match(report.text, /^<!doctype html>/);
  match(report.headers.get("content-security-policy")!, /^default-src 'none'/);
  const csv = await api.request("GET", `/api/runs/${id}/csv`);
  match(csv.type, /^text\/csv/);
  deepStrictEqual(csv.text.trimEnd().split("\r\n"), [
    "name,kind,placement,notification,unit,n,value",
    "throughput,measured,split,polled,MB/s,6,50",
    "throughput,modelled,split,polled,MB/s,1,70",
  ]);
  for (const run of [1, other]) {
    await api.refused("no-figures", 404, "GET", `/api/runs/${run}/figures`);
    await api.refused("no-report", 404, "GET", `/api/runs/${run}/report`);
    strictEqual((await api.request("GET", `/api/runs/${run}/csv`)).status, 200);
  }
  await api.refused("no-such-run", 404, "GET", "/api/runs/77/figures");
  await api.refused("no-such-run", 404, "GET", "/api/runs/77/csv");
});

engineTest("two records of one experiment are compared", async () => {
  await using api = await TestApi.open({ results: experimentResults });
  const a = keepRun(api, SLOW), b = keepRun(api, FAST), other = keepRun(api, SLOW, "unknown");
  const compared = (await api.request("GET", `/api/runs/compare?a=${a}&b=${b}`)).json;
  deepStrictEqual([compared.name, compared.a.run, compared.b.run], ["placement", a, b]);
  const [measured, modelled] = compared.rows;
  deepStrictEqual([measured.kind, measured.difference, measured.verdict], [
    "measured",
    50,
    "higher",
  ]);
  ok(measured.interval.low > 40 && measured.interval.high < 60 && measured.p < 0.05);
  deepStrictEqual([modelled.kind, modelled.difference, modelled.interval], [
    "modelled",
    0,
    undefined,
  ]);
  const refused = (code: string, status: number, query: string) =>
    api.refused(code, status, "GET", `/api/runs/compare${query}`);
  await refused("no-such-run", 404, `?a=${a}&b=77`);
  await refused("bad-comparison", 422, `?a=${a}&b=${other}`);
  await refused("bad-comparison", 422, `?a=1&b=${a}`);
  for (const query of ["", `?a=${a}`, `?a=${a}&b=x`, `?a=${a}&b=${b}&c=1`]) {
    await refused("bad-request", 422, query);
  }
});

/** One experiment that never ends by itself. */
function catalogue(): ExperimentCatalogue {
  const jobs: ExperimentJob[] = [];
  return {
    list: () => [{
      name: "sweep",
      title: "Sweep",
      description: "",
      parameters: { type: "object", properties: { disk: { type: "string", format: "host-file" } } },
    }],
    jobs: () => jobs,
    start: (experiment) => {
      const startedAt = new Date().toISOString();
      jobs.push({ id: "a1", experiment, state: "running", progress: 0.5, message: "", startedAt });
      return jobs[0]!;
    },
    cancel: () => Promise.resolve(void (jobs[0]!.state = "cancelled")),
  };
}

engineTest("experiments are those of the catalogue that is handed in", async () => {
  await using api = await TestApi.open({ experiments: catalogue() });
  strictEqual((await api.request("GET", "/api/experiments")).json.experiments[0].name, "sweep");
  await api.refused("no-such-experiment", 404, "POST", "/api/experiments", { name: "other" });
  const outside = { name: "sweep", parameters: { disk: "/etc/passwd" } };
  await api.refused("path-not-allowed", 403, "POST", "/api/experiments", outside);
  const started = await api.request("POST", "/api/experiments", { name: "sweep" });
  strictEqual(started.status, 202);
  const path = started.headers.get("location")!;
  strictEqual((await api.request("GET", path)).json.progress, 0.5);
  strictEqual((await api.request("DELETE", path)).json.state, "cancelled");
  await api.refused("no-such-job", 404, "GET", "/api/experiments/b2");
});

engineTest("without a catalogue there are no experiments", async () => {
  await using api = await TestApi.open();
  deepStrictEqual((await api.request("GET", "/api/experiments")).json, {
    experiments: [],
    jobs: [],
  });
  await api.refused("no-such-experiment", 404, "POST", "/api/experiments", { name: "sweep" });
  await api.refused("no-comparison", 404, "GET", "/api/runs/compare?a=1&b=2");
});

engineTest("a machine's waits are told by reason, and to Prometheus", async () => {
  await using api = await TestApi.open();
  const body = { guest: "exits", notification: "exit", cmdline: "ops=in,call_ring n=500" };
  const { id } = (await api.request("POST", "/api/vms", { ...body, name: "meter" })).json;
  const path = `/api/vms/${id}/latency`;
  deepStrictEqual((await api.request("GET", path)).json.exits, {});
  await api.request("POST", `/api/vms/${id}/start`);
  await api.runtime.vms.find((vm) => vm.id === id)!.ended;
  const { json: { boundsNs, exits, calls } } = await api.request("GET", path);
  ok(exits.io.n >= 500 && calls.n > 0);
  strictEqual(exits.io.counts.length, boundsNs.length);
  const { text } = await api.request("GET", "/metrics");
  const of = `\\{vm="${id}",name="meter",reason="io"`;
  const figures = (name: string) =>
    [...text.matchAll(new RegExp(`^splitx_exit_wait_seconds_${name}${of}.*\\} (\\S+)$`, "gm"))]
      .map(([, value]) => Number(value));
  const buckets = figures("bucket");
  ok(buckets.length > 10 && buckets.every((value, i) => value >= (buckets[i - 1] ?? 0)));
  deepStrictEqual([buckets.at(-1), figures("count")], [exits.io.n, [exits.io.n]]);
  ok(Math.abs(figures("sum")[0]! - exits.io.n * exits.io.meanNs / 1e9) < 1e-9);
  deepStrictEqual(api.defects, []);
});

engineTest("the snapshot has how full rings and queues are, rates and faults", async () => {
  await using api = await TestApi.open();
  const body = { guest: "blk", disk: "disk.img", cmdline: "n=1000000000 size=512 depth=4" };
  const { id } = (await api.request("POST", "/api/vms", body)).json;
  await api.request("POST", `/api/vms/${id}/start`);
  const live = new Live(new Activity(api.runtime, Date.now));
  const machine = () => live.snapshot().machines[0]!;
  await eventually("its disk is used", () => machine().deviceRequestsPerSecond > 0);
  const { queues, faults, postedDepth, ringDepth } = machine();
  const [{ occupied, ...queue }] = queues as [typeof queues[number]];
  deepStrictEqual(queue, { device: "block", number: 0, queue: 0, input: false, size: queue.size });
  ok(occupied >= 0 && occupied <= queue.size);
  deepStrictEqual([postedDepth, ringDepth], [256, 256]);
  deepStrictEqual(faults, { wildPorts: 0, unmappedMemory: 0, unknownCalls: 0, lostInterrupts: 0 });
});

engineTest("the notification of a machine is switched while its guest runs", async () => {
  await using api = await TestApi.open();
  const body = { guest: "exits", notification: "polled", cmdline: "ops=load n=1000000000" };
  const { id, knobs } = (await api.request("POST", "/api/vms", body)).json;
  const path = `/api/vms/${id}`;
  deepStrictEqual(knobs, ["notification"]);
  await api.request("POST", `${path}/start`);
  const switched = await api.request("PATCH", path, { notification: "exit" });
  strictEqual(switched.json.config.notification, "exit");
  strictEqual((await api.request("GET", path)).json.config.notification, "exit");
  await api.refused("bad-request", 422, "PATCH", path, { notification: "never" });
  await api.refused("bad-request", 422, "PATCH", path, {});
  await api.refused("bad-request", 422, "PATCH", path, { notification: "exit", vcpus: 2 });
  const ended = await api.request("POST", `${path}/stop`);
  deepStrictEqual(ended.json.knobs, []);
  await api.refused("bad-state", 409, "PATCH", path, { notification: "polled" });
  await api.request("DELETE", path);
  const fixed = { guest: "hello", engine: "soft", clock: "virtual" };
  const other = (await api.request("POST", "/api/vms", fixed)).json;
  deepStrictEqual(other.knobs, []);
  await api.refused("knob-fixed", 409, "PATCH", `/api/vms/${other.id}`, { notification: "exit" });
});

/** One wrong request each: its code and status. */
const WRONG:
  readonly (readonly [string, number, string, string, unknown?, Record<string, string>?])[] = [
    ["no-such-path", 404, "GET", "/api/nothing"],
    ["no-such-path", 404, "GET", "/../etc/passwd"],
    ["method-not-allowed", 405, "PUT", "/api/vms"],
    ["method-not-allowed", 405, "DELETE", "/api/host"],
    ["no-such-vm", 404, "GET", "/api/vms/999"],
    ["bad-request", 422, "GET", "/api/vms/abc"],
    ["bad-request", 422, "GET", "/api/vms/99999999999"],
    ["bad-request", 422, "GET", "/api/vms/9999999999"],
    ["bad-request", 422, "GET", "/api/runs?limit=0"],
    ["bad-request", 422, "GET", "/api/runs?limit=x"],
    ["bad-request", 422, "GET", "/api/runs?other=1"],
    ["bad-request", 422, "GET", "/api/runs?schema=other"],
    ["bad-request", 400, "POST", "/api/vms", "{"],
    ["bad-request", 422, "POST", "/api/vms", "[]"],
    ["bad-request", 422, "POST", "/api/vms", {}],
    ["bad-request", 422, "POST", "/api/vms", { guest: "hello", colour: "red" }],
    ["bad-request", 422, "POST", "/api/vms", { guest: "hello", memory: "lots" }],
    ["bad-request", 422, "POST", "/api/vms", { guest: "hello", clock: "virtual", engine: "kvm" }],
    ["bad-request", 422, "PUT", "/api/adaptive", {}],
    ["bad-request", 422, "PUT", "/api/adaptive", { enabled: true, addAbove: 2 }],
    ["bad-config", 422, "PUT", "/api/adaptive", { enabled: true, addAbove: 0.4 }],
    ["bad-request", 422, "POST", "/api/plan/preview", { guest: "hello", hypervisors: 0 }],
    ["json-needed", 415, "POST", "/api/vms", "guest=hello", { "content-type": "text/plain" }],
    ["json-needed", 415, "POST", "/api/vms", "guest=hello", {
      "content-type": "application/x-www-form-urlencoded",
    }],
    ["too-large", 413, "POST", "/api/vms", { guest: "hello", cmdline: "x".repeat(300_000) }],
    ["path-not-allowed", 403, "POST", "/api/vms", { guest: "/etc/passwd" }],
    ["path-not-allowed", 403, "POST", "/api/vms", { guest: "hello", disk: "/etc/passwd" }],
    ["path-not-allowed", 403, "POST", "/api/vms", { guest: "hello", disks: [{ file: "../x" }] }],
    ["path-not-allowed", 403, "POST", "/api/vms", { guest: "hello", initrd: "/proc/self/mem" }],
    ["path-not-allowed", 403, "POST", "/api/vms", { guest: "hello", cpuid: "/etc/passwd" }],
    ["path-not-allowed", 403, "POST", "/api/vms", {
      guest: "hello",
      ports: [{ name: "a", socket: "/tmp/a" }],
    }],
    ["file-missing", 422, "POST", "/api/vms", { guest: "nobody" }],
    ["image-not-elf", 422, "POST", "/api/vms", { guest: "disk.img", overcommit: true }],
    ["upgrade-needed", 426, "GET", "/api/vms/1/console"],
  ];

engineTest("wrong requests get problem documents with their codes", async () => {
  await using api = await TestApi.open();
  await api.request("POST", "/api/vms", { guest: "hello" });
  for (const [code, status, method, path, body, headers] of WRONG) {
    const answer = await api.request(method, path, body, headers);
    strictEqual(
      `${answer.json?.code} ${answer.status}`,
      `${code} ${status}`,
      `${method} ${path}: ${answer.text}`,
    );
    strictEqual(answer.type, "application/problem+json");
    strictEqual(answer.json.type, `urn:splitx:problem:${code}`);
  }
  deepStrictEqual(api.defects, []);
});
