/** One network over two hypervisor cores, which share a host core. */
import { match, ok, strictEqual } from "node:assert";
import type { CorePlan } from "../../cores/core_plan.ts";
import { readGuestReport } from "../../runtime/guest_report.ts";
import { Runtime } from "../../runtime/runtime.ts";
import type { Vm } from "../../runtime/vm.ts";
import { engineTest, eventually, finish } from "../support.ts";

/** A machine's number says which of the two serves it: odd ones the second, even ones the first. */
const PLAN: CorePlan = { housekeeping: [0], hypervisor: [0, 0], sidecore: [], guest: [1] };
/** More frames than a test has time for. */
const ENDLESS = 2_000_000_000;

class Network implements AsyncDisposable {
  readonly runtime: Runtime;
  #machines = 0;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  static async open(): Promise<Network> {
    return new Network(await Runtime.open());
  }

  /** A machine with the address 02:00:00:00:00:0N, N its number. */
  machine(cmdline: string, guest = "net"): Vm {
    const number = ++this.#machines;
    return this.runtime.createVm({
      guest,
      name: `net${number}`,
      network: "lan",
      mac: `02:00:00:00:00:${String(number).padStart(2, "0")}`,
      cmdline,
      plan: PLAN,
      overcommit: true,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runtime[Symbol.asyncDispose]();
  }
}

for (const size of [60, 1514]) {
  engineTest(`net answers every request of ${size} bytes from another core`, async () => {
    const n = 100;
    await using network = await Network.open();
    const server = network.machine("role=server");
    const client = network.machine(`role=client n=${n} size=${size}`);
    const [answered, asked] = await Promise.all([finish(server), finish(client)]);
    strictEqual(network.runtime.hypervisorCores.length, 2);
    for (const { end, output } of [answered, asked]) {
      strictEqual(end.code, 0, output);
      strictEqual(readGuestReport(output).text, "");
    }
    strictEqual(readGuestReport(asked.output).spans.get("round_trip")?.n, n);
    ok(readGuestReport(answered.output).counts.get("answered")! >= n);
  });
}

engineTest("what a source streams to another core arrives, or is counted as lost", async () => {
  const n = 5000;
  await using network = await Network.open();
  const sink = network.machine("role=sink"),
    source = network.machine(`role=source n=${n} size=999`);
  const [got, sent] = await Promise.all([finish(sink), finish(source)]);
  const report = readGuestReport(got.output);
  strictEqual(report.text + readGuestReport(sent.output).text, "");
  const arrived = report.spans.get("sink")!.n;
  strictEqual(arrived + report.counts.get("lost")!, n);
  ok(arrived >= 256, `${arrived} arrived`);
  ok(sent.stats.framesDropped >= n - arrived, `${sent.stats.framesDropped} dropped`);
});

engineTest("floods from both cores starve neither each other nor a conversation", async () => {
  await using network = await Network.open();
  const server = network.machine("role=server"),
    client = network.machine("role=client n=20 peer=1");
  const flooders = [1, 2].map(() => network.machine(`role=source n=${ENDLESS} size=300 peer=1`));
  const sent = () => flooders.map((vm) => vm.stats().framesSent);
  for (const vm of [server, ...flooders]) await vm.start();
  await eventually("both flood", () => Math.min(...sent()) > 100);
  const before = sent();
  const { output, end } = await finish(client);
  strictEqual(end.code, 0, output);
  strictEqual(readGuestReport(output).spans.get("round_trip")?.n, 20);
  const grown = sent().map((count, i) => count - before[i]!);
  ok(Math.min(...grown) > 0, `sent ${grown}`);
});

engineTest(
  "machines come, stop and crash while a conversation between two cores goes on",
  async () => {
    await using network = await Network.open();
    const server = network.machine("role=server");
    const client = network.machine("role=client n=300 peer=1");
    const talk = Promise.all([finish(server), finish(client)]);
    for (let i = 0; i < 6; i++) {
      await using vm = network.machine(`role=source n=${ENDLESS} size=300 peer=${i % 2 + 1}`);
      await vm.start();
      await eventually("it sends", () => vm.stats().framesSent > 10);
      await vm.stop();
      await using crash = network.machine("do=triple", "crash");
      strictEqual((await finish(crash)).end.state, "failed");
    }
    const [, { output, end }] = await talk;
    strictEqual(end.code, 0, output);
    strictEqual(readGuestReport(output).spans.get("round_trip")?.n, 300);
  },
);

engineTest("when a core dies the machines of the other one talk on", async () => {
  await using network = await Network.open();
  const server = network.machine("role=server");
  const doomed = network.machine(`role=source n=${ENDLESS} size=300 peer=1`);
  const client = network.machine("role=client n=100 peer=1");
  const talk = Promise.all([finish(server), finish(client)]);
  await doomed.start();
  await eventually("it floods", () => doomed.stats().framesSent > 100);
  const core = network.runtime.hypervisorCores.find((core) => doomed.isServedBy(core))!;
  // A message that no version of the worker knows is a defect: the worker ends with an error.
  await core.exchange({ type: "no such message" }).catch(() => {});
  const end = await doomed.ended;
  match(end.reason!, /hypervisor core died/);
  const [, asked] = await talk;
  strictEqual(asked.end.code, 0, asked.output);
  // The next machine gets a new core, and the network has it.
  const last = network.machine("role=server"), next = network.machine("role=client n=20 peer=4");
  strictEqual(last.id % 2, doomed.id % 2);
  const [, again] = await Promise.all([finish(last), finish(next)]);
  strictEqual(again.end.code, 0, again.output);
});
