import { deepStrictEqual, strictEqual } from "node:assert";
import { POWER_OFF } from "../../cores/outcome.ts";
import { DebugExit } from "./debug_exit.ts";
import { TestPower } from "./test_doubles.ts";

Deno.test("write() ends the machine with an odd code of eight bits, as the switch says", () => {
  const power = new TestPower();
  const device = new DebugExit(power);
  for (const [size, code] of [[1, 0], [1, 1], [2, 0x40], [4, 0x7f], [4, -1]] as const) {
    strictEqual(device.write(0, size, code), POWER_OFF);
  }
  deepStrictEqual(power.asked, [1, 3, 0x81, 0xff, 0xff]);
});

Deno.test("read() gives all ones and ends nothing", () => {
  const power = new TestPower();
  strictEqual(new DebugExit(power).read(), -1);
  deepStrictEqual(power.asked, []);
});
