/** Hosts that are only described: plans, and no machines. */
import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import { readSimulatedTopology } from "../../cores/simulated_topology.ts";
import { planRecordSchema } from "../../runtime/records.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { cliRun, engineTest, PROJECT, TempFile } from "../support.ts";

const FILE = `${PROJECT}examples/two_sockets.json`;

engineTest("a runtime on a simulated host plans, and makes no machine", async () => {
  await using runtime = await Runtime.open({ topology: readSimulatedTopology(FILE) });
  throws(() => runtime.createVm({ guest: "hello", vcpus: 8 }), {
    code: "simulated-topology",
    message: "the topology is simulated: machines can be planned on it, but not made",
  });
});

Deno.test("run --topology plans machines beside each other, and says that it is simulated", async () => {
  using config = new TempFile(JSON.stringify({
    vms: [
      { name: "one", guest: "hello", vcpus: 8 },
      { name: "two", guest: "hello", vcpus: 8 },
    ],
  }));
  const args = ["--topology", FILE, "--config", config.path];
  const { code, stdout, stderr } = await cliRun(args);
  strictEqual(code, 0, stderr);
  match(stdout, /^host: simulated, 128 usable cores \(0-127\), from .*\n/);
  match(stdout, /^plan of one: housekeeping 0, hypervisor 1, guest [\d,]+, simulated$/m);
  match(stdout, /^nothing was started: /m);
  const json = await cliRun([...args, "--json"]);
  const { plans, simulated } = planRecordSchema.parse(JSON.parse(json.stdout));
  strictEqual(simulated, true);
  const guests = plans.flatMap(({ plan }) => plan.guest);
  strictEqual(new Set(guests).size, 16);
  deepStrictEqual(plans.map(({ plan }) => plan.hypervisor), [[1], [1]]);
});
