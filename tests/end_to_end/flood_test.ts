/** Machines that flood a network, and one that only wants an answer now and then. */
import { ok, strictEqual } from "node:assert";
import { readGuestReport } from "../../runtime/guest_report.ts";
import { Runtime } from "../../runtime/runtime.ts";
import type { Vm } from "../../runtime/vm.ts";
import { engineTest, finish } from "../support.ts";

const SINK = 1, SERVER = 2, FLOODERS = [3, 4], CLIENT = 5;
/** More frames than a test has time for. */
const ENDLESS = 2_000_000_000;
const REQUESTS = 20;
/** Five guests share a core, which may be an emulated one. */
const PATIENCE_MS = 60_000;

/** Five machines of one switch and one guest core; `target` is the last byte of an address. */
async function flood(target: number): Promise<void> {
  await using runtime = await Runtime.open();
  const machine = (number: number, cmdline: string) =>
    runtime.createVm({
      guest: "net",
      name: `net${number}`,
      network: "lan",
      mac: `02:00:00:00:00:0${number}`,
      cmdline,
      overcommit: true,
    });
  const sink = machine(SINK, "role=sink"), server = machine(SERVER, "role=server");
  const flooded = target === SINK ? sink : server;
  const flooders = FLOODERS.map((number) =>
    machine(number, `role=source n=${ENDLESS} size=300 peer=${target}`)
  );
  const client = machine(CLIENT, `role=client n=${REQUESTS} peer=${SERVER}`);
  for (const vm of [flooded, ...flooders]) await vm.start();
  const sent = (vm: Vm) => vm.stats().framesSent;
  const waitEnd = performance.now() + PATIENCE_MS;
  while (!flooders.every((vm) => sent(vm) > 100)) {
    ok(performance.now() < waitEnd, `sent ${flooders.map(sent)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }

  if (flooded !== server) await server.start(); // one that nobody asks for long gives up
  const before = flooders.map(sent), received = flooded.stats().framesReceived;
  const { output, end } = await finish(client);
  strictEqual(end.code, 0, output);
  strictEqual(readGuestReport(output).spans.get("round_trip")?.n, REQUESTS);

  const grown = flooders.map((vm, i) => sent(vm) - before[i]!);
  ok(Math.min(...grown) > 0 && Math.max(...grown) < 4 * Math.min(...grown), `sent ${grown}`);
  const taken = flooded.stats().framesReceived - received;
  ok(taken > REQUESTS, `received ${taken}`);
  for (const vm of flooders) strictEqual(vm.state, "running");
}

engineTest("a conversation is served beside two machines that flood a third", () => flood(SINK));

engineTest("a server that two machines flood still answers another one", () => flood(SERVER));
