/** Moves on a KVM that runs guests natively. */
import { match, strictEqual } from "node:assert";
import { labTest } from "../debian_packages.ts";
import { cliLab } from "../support.ts";

labTest(
  "a machine of a whole KVM moves 150 times, on both placements, and loses nothing",
  async () => {
    const { code, stdout, stderr } = await cliLab([
      ...["deno", "test", "-A", "--no-check"],
      ...["--filter", "/^digest that moves .* split.polled$|^blk that moves .* same-core.exit$/"],
      "tests/end_to_end/move_test.ts",
    ]);
    strictEqual(code, 0, stdout + stderr);
    match(stdout, /^ok \| 2 passed/m);
  },
);
