/** A processor's behaviour in ring 0 on hardware KVM is that of the other engines. */
import { deepStrictEqual, strictEqual } from "node:assert";
import { labTest } from "../debian_packages.ts";
import { cliLab } from "../support.ts";
import { checkOutput, guestsFor } from "../system_behaviour.ts";

labTest("the guests in ring 0 see in the lab what the architecture says", async () => {
  const { code, stdout, stderr } = await cliLab([
    "deno",
    "run",
    "-A",
    "tests/lab/system_guests.ts",
  ]);
  strictEqual(code, 0, stdout + stderr);
  const runs: { name: string; output: string }[] = stdout.trim().split("\n")
    .map((line) => JSON.parse(line));
  deepStrictEqual(runs.map(({ name }) => name), guestsFor("kvm"));
  for (const { name, output } of runs) checkOutput("kvm", name, output);
});
