import { deepStrictEqual, strictEqual } from "node:assert";
import { DONE, POWER_OFF } from "../../cores/outcome.ts";
import { KeyboardReset } from "./keyboard_reset.ts";
import { TestPower } from "./test_doubles.ts";

Deno.test("write() of 0xfe resets, every other command does nothing", () => {
  const power = new TestPower();
  const device = new KeyboardReset(power);
  for (let command = 0; command < 256; command++) {
    if (command !== 0xfe) strictEqual(device.write(0, 1, command), DONE);
  }
  deepStrictEqual(power.asked, []);
  strictEqual(device.write(0, 1, 0xfe), POWER_OFF);
  deepStrictEqual(power.asked, [-1]);
});

Deno.test("read() shows no controller: every status bit is set, whatever was written", () => {
  const device = new KeyboardReset(new TestPower());
  strictEqual(device.read(0, 1), 0xff);
  device.write(0, 1, 0xaa); // self-test of a controller that is there
  strictEqual(device.read(0, 1), 0xff);
});
