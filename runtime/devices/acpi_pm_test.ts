import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { DONE, POWER_OFF } from "../../cores/outcome.ts";
import { AcpiPm, PM1_CONTROL, PM1_EVENTS, PM_PORTS, PM_TIMER, SLEEP_TYPE_S5 } from "./acpi_pm.ts";
import { TestLine, TestPower } from "./test_doubles.ts";

const STATUS = PM1_EVENTS, ENABLE = PM1_EVENTS + 2;
const POWER_BUTTON = 0x100, SLEEP = 0x2000;

class Pm {
  readonly power = new TestPower();
  readonly sci = new TestLine();
  nanoseconds = 0;
  readonly device = new AcpiPm(this.power, this.sci, { nanoseconds: () => this.nanoseconds });

  in(offset: number, size: number): number {
    const value = this.device.read(offset, size);
    return size === 4 ? value >>> 0 : value & (1 << 8 * size) - 1;
  }
}

Deno.test("the power button interrupts when enabled, until its status is written with a one", () => {
  const pm = new Pm();
  pm.device.pressPowerButton();
  strictEqual(pm.sci.level, false);
  strictEqual(pm.in(STATUS, 2), POWER_BUTTON);
  pm.device.write(ENABLE, 2, POWER_BUTTON);
  strictEqual(pm.sci.level, true);
  pm.device.write(STATUS, 2, 0xffff & ~POWER_BUTTON);
  strictEqual(pm.sci.level, true);
  pm.device.write(STATUS, 2, POWER_BUTTON);
  strictEqual(pm.sci.level, false);
  deepStrictEqual([pm.in(STATUS, 2), pm.in(ENABLE, 2)], [0, POWER_BUTTON]);
  pm.device.pressPowerButton();
  strictEqual(pm.sci.level, true);
});

Deno.test("status and enable by bytes and by the whole word are the same registers", () => {
  const pm = new Pm();
  pm.device.write(ENABLE, 1, 0x21);
  pm.device.write(ENABLE + 1, 1, 0x07);
  strictEqual(pm.in(ENABLE, 2), 0x0721);
  pm.device.write(ENABLE, 1, 0);
  strictEqual(pm.in(PM1_EVENTS, 4), 0x0700_0000);
  pm.device.pressPowerButton();
  pm.device.write(STATUS + 1, 1, 0x01);
  strictEqual(pm.in(PM1_EVENTS, 4), 0x0700_0000);
  pm.device.pressPowerButton();
  pm.device.write(PM1_EVENTS, 4, 0x0020_0100);
  strictEqual(pm.in(PM1_EVENTS, 4), 0x0020_0000);
});

Deno.test("control is always in ACPI mode and powers off in S5 only", () => {
  const pm = new Pm();
  for (let type = 0; type < 8; type++) {
    strictEqual(pm.device.write(PM1_CONTROL, 2, type << 10), DONE);
    strictEqual(pm.in(PM1_CONTROL, 2), type << 10 | 1);
    const outcome = pm.device.write(PM1_CONTROL, 2, type << 10 | SLEEP);
    strictEqual(outcome, type === SLEEP_TYPE_S5 ? POWER_OFF : DONE);
    strictEqual(pm.in(PM1_CONTROL, 2), type << 10 | 1);
  }
  deepStrictEqual(pm.power.asked, [0]);
});

Deno.test("a write of the upper byte of control alone powers off too", () => {
  const pm = new Pm();
  strictEqual(pm.device.write(PM1_CONTROL + 1, 1, (SLEEP_TYPE_S5 << 10 | SLEEP) >>> 8), POWER_OFF);
});

Deno.test("the timer counts 3.579545 MHz in 32 bits and cannot be written", () => {
  const pm = new Pm();
  for (
    const [nanoseconds, ticks] of [
      [0, 0],
      [279, 0],
      [280, 1],
      [1e9, 3_579_545],
      [3600e9, 3_579_545 * 3600 % 2 ** 32],
    ] as const
  ) {
    pm.nanoseconds = nanoseconds;
    pm.device.write(PM_TIMER, 4, 0x12345678);
    strictEqual(pm.in(PM_TIMER, 4), ticks);
    strictEqual(pm.in(PM_TIMER + 1, 2), ticks >>> 8 & 0xffff);
  }
});

Deno.test("the timer never goes back, in a year of running", () => {
  const time = fc.integer({ min: 0, max: 365 * 86400 * 1e9 });
  fc.assert(fc.property(time, fc.nat(1e9), (start, passed) => {
    const pm = new Pm();
    pm.nanoseconds = start;
    const before = pm.in(PM_TIMER, 4);
    pm.nanoseconds += passed;
    const ticks = pm.in(PM_TIMER, 4) - before >>> 0;
    ok(Math.abs(ticks - passed * 3.579545e-3) <= 1.1);
  }));
});

Deno.test("whatever a guest does, only S5 ends the machine and control stays in ACPI mode", () => {
  const step = fc.record({
    write: fc.boolean(),
    offset: fc.nat(PM_PORTS + 3),
    size: fc.constantFrom(1, 2, 4),
    value: fc.integer(),
  });
  fc.assert(fc.property(fc.array(step, { size: "max", maxLength: 100 }), (steps) => {
    const pm = new Pm();
    for (const { write, offset, size, value } of steps) {
      if (write) {
        const asked = pm.power.asked.length;
        const outcome = pm.device.write(offset, size, value);
        strictEqual(outcome === POWER_OFF, pm.power.asked.length > asked);
        ok(outcome === DONE || outcome === POWER_OFF);
        if (outcome === POWER_OFF) strictEqual(pm.in(PM1_CONTROL, 2) >>> 10 & 7, SLEEP_TYPE_S5);
      } else strictEqual(pm.device.read(offset, size), pm.device.read(offset, size) | 0);
      strictEqual(pm.in(PM1_CONTROL, 1) & 1, 1);
      strictEqual(pm.sci.level, (pm.in(STATUS, 2) & pm.in(ENABLE, 2)) !== 0);
    }
  }));
});
