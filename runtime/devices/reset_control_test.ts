import { deepStrictEqual, strictEqual } from "node:assert";
import { DONE, POWER_OFF } from "../../cores/outcome.ts";
import { RESET_VALUE, ResetControl } from "./reset_control.ts";
import { TestPower } from "./test_doubles.ts";

Deno.test("write() resets as Linux does it: the kind first, then the reset itself", () => {
  for (const kind of [0x02, 0x0a]) {
    const power = new TestPower();
    const device = new ResetControl(power);
    strictEqual(device.write(0, 1, device.read(0, 1) | kind), DONE);
    strictEqual(device.read(0, 1), kind);
    deepStrictEqual(power.asked, []);
    strictEqual(device.write(0, 1, kind | 0x04), POWER_OFF);
    deepStrictEqual(power.asked, [-1]);
  }
});

Deno.test("write() of the FADT's value resets alone", () => {
  const power = new TestPower();
  strictEqual(new ResetControl(power).write(0, 1, RESET_VALUE), POWER_OFF);
  deepStrictEqual(power.asked, [-1]);
});

Deno.test("write() of every byte without the reset bit keeps the kind only", () => {
  const power = new TestPower();
  const device = new ResetControl(power);
  for (let value = 0; value < 256; value++) {
    if ((value & 0x04) !== 0) continue;
    strictEqual(device.write(0, 1, value), DONE);
    strictEqual(device.read(0, 1), value & 0x0a);
  }
  deepStrictEqual(power.asked, []);
});
