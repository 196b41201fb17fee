/** Adaptive roles where there are cores enough for them to move something. */
import { match, strictEqual } from "node:assert";
import { labTest } from "../debian_packages.ts";
import { cliLab } from "../support.ts";

labTest("on four cores a decision moves a hypervisor core, and another moves it back", async () => {
  const { code, stdout, stderr } = await cliLab([
    ...["--cores=4", "deno", "test", "-A", "--no-check", "--filter", "a decision parts"],
    "tests/end_to_end/adaptive_test.ts",
  ]);
  strictEqual(code, 0, stdout + stderr);
  match(stdout, /^ok \| 1 passed/m);
});
