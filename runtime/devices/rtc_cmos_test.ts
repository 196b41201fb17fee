import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { DONE } from "../../cores/outcome.ts";
import { type MemorySizes, RtcCmos } from "./rtc_cmos.ts";
import { TestClock } from "./test_doubles.ts";

const GIB = 1024 ** 3, MIB = 1024 ** 2;
const A = 0x0a, B = 0x0b, C = 0x0c, D = 0x0d;
const SET = 0x80, BINARY = 0x04, HOURS_24 = 0x02;
/** Century, year, month, day, weekday, hours, minutes, seconds. */
const TIME = [0x32, 9, 8, 7, 6, 4, 2, 0];

class Cmos {
  readonly clock: TestClock;
  readonly device: RtcCmos;

  constructor(now = "2024-02-29T23:59:58Z", memory: MemorySizes = { below4GiB: 0, above4GiB: 0 }) {
    this.clock = new TestClock(now);
    this.device = new RtcCmos(this.clock, memory);
  }

  in(register: number): number {
    this.device.write(0, 1, register);
    return this.device.read(1, 1);
  }

  out(register: number, value: number): void {
    strictEqual(this.device.write(0, 2, register | value << 8), DONE);
  }

  time(): number[] {
    return TIME.map((register) => this.in(register));
  }

  setTime(...values: number[]): void {
    const mode = this.in(B);
    this.out(B, mode | SET);
    TIME.forEach((register, i) => this.out(register, values[i]!));
    this.out(B, mode);
  }
}

Deno.test("the time is UTC in BCD and 24 hours, and goes with the clock", () => {
  const cmos = new Cmos();
  deepStrictEqual(cmos.time(), [0x20, 0x24, 2, 0x29, 5, 0x23, 0x59, 0x58]);
  cmos.clock.pass(2);
  deepStrictEqual(cmos.time(), [0x20, 0x24, 3, 1, 6, 0, 0, 0]);
});

Deno.test("each register alone tells the time that it is, also when the others were read before", () => {
  const next = [0x20, 0, 1, 1, 7, 0, 0, 0];
  TIME.forEach((register, i) => {
    const cmos = new Cmos("1999-12-31T23:59:59Z");
    cmos.time();
    cmos.clock.pass(1);
    strictEqual(cmos.in(register), next[i]);
  });
});

Deno.test("the hour of a day in each of the four formats", () => {
  const at = (hours: string, mode: number) => {
    const cmos = new Cmos(`2024-02-29T${hours}:00:00Z`);
    cmos.out(B, mode);
    return cmos.in(4);
  };
  deepStrictEqual(
    ["00", "01", "11", "12", "13", "22", "23"].map((hours) =>
      [HOURS_24, HOURS_24 | BINARY, 0, BINARY].map((mode) => at(hours, mode))
    ),
    [
      [0x00, 0, 0x12, 12],
      [0x01, 1, 0x01, 1],
      [0x11, 11, 0x11, 11],
      [0x12, 12, 0x92, 0x8c],
      [0x13, 13, 0x81, 0x81],
      [0x22, 22, 0x90, 0x8a],
      [0x23, 23, 0x91, 0x8b],
    ],
  );
});

Deno.test("every time that is set in any format is told in any other, and goes on from there", () => {
  const mode = fc.constantFrom(0, BINARY, HOURS_24, HOURS_24 | BINARY);
  const seconds = fc.integer({
    min: Date.UTC(1970, 0) / 1000,
    max: Date.UTC(9999, 11, 31, 23, 59, 59) / 1000 - 100_000,
  });
  fc.assert(fc.property(seconds, fc.nat(100_000), mode, mode, (start, passed, one, other) => {
    const source = new Cmos(new Date(1000 * start).toISOString());
    source.out(B, one);
    const cmos = new Cmos();
    cmos.out(B, one);
    cmos.setTime(...source.time());
    cmos.clock.pass(passed);
    cmos.out(B, other);
    const expected = new Cmos(new Date(1000 * (start + passed)).toISOString());
    expected.out(B, other);
    deepStrictEqual(cmos.time(), expected.time());
  }));
});

Deno.test("the time told is the calendar's", () => {
  const seconds = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) / 1000 });
  fc.assert(fc.property(seconds, (now) => {
    const iso = new Date(1000 * now).toISOString();
    const [century, year, month, day, _weekday, ...hours] = new Cmos(iso).time()
      .map((byte) => byte.toString(16).padStart(2, "0"));
    strictEqual(`${century}${year}-${month}-${day}T${hours.join(":")}.000Z`, iso);
  }));
});

Deno.test("the time stands while SET, and goes on from what was written", () => {
  const cmos = new Cmos();
  cmos.out(B, HOURS_24 | SET);
  cmos.out(2, 0x30);
  cmos.clock.pass(1000);
  deepStrictEqual(cmos.time(), [0x20, 0x24, 2, 0x29, 5, 0x23, 0x30, 0x58]);
  cmos.out(B, HOURS_24);
  cmos.clock.pass(1);
  deepStrictEqual(cmos.time(), [0x20, 0x24, 2, 0x29, 5, 0x23, 0x30, 0x59]);
});

Deno.test("the time stands while the divider is held, as Linux does to set it", () => {
  const cmos = new Cmos();
  cmos.out(B, HOURS_24 | SET);
  cmos.out(A, 0x76);
  cmos.out(4, 0x11);
  cmos.out(B, HOURS_24);
  cmos.clock.pass(500);
  deepStrictEqual(cmos.time().slice(5), [0x11, 0x59, 0x58]);
  cmos.out(A, 0x26);
  cmos.clock.pass(1);
  deepStrictEqual(cmos.time().slice(5), [0x11, 0x59, 0x59]);
});

Deno.test("a register that is written while the time runs moves it", () => {
  const cmos = new Cmos();
  cmos.out(4, 0x11);
  cmos.clock.pass(1);
  deepStrictEqual(cmos.time(), [0x20, 0x24, 2, 0x29, 5, 0x11, 0x59, 0x59]);
});

Deno.test("status registers: no update is ever near, SET clears UIE, C and D are read only", () => {
  const cmos = new Cmos();
  deepStrictEqual([A, B, C, D].map((at) => cmos.in(at)), [0x26, 0x02, 0, 0x80]);
  for (const register of [A, B, C, D]) cmos.out(register, 0xff);
  deepStrictEqual([A, B, C, D].map((at) => cmos.in(at)), [0x7f, 0xef, 0, 0x80]);
});

Deno.test("alarm, shutdown status and free bytes keep what is written; bit 7 is no index", () => {
  const cmos = new Cmos();
  for (const register of [1, 3, 5, 0x0e, 0x0f, 0x33, 0x7f]) {
    cmos.out(register | 0x80, 0xa0 | register & 0x0f);
    strictEqual(cmos.in(register), 0xa0 | register & 0x0f);
  }
  strictEqual(cmos.device.read(0, 1), 0xff);
});

Deno.test("memory sizes lie where a BIOS looks for them", () => {
  const words = (below4GiB: number, above4GiB: number) => {
    const cmos = new Cmos(undefined, { below4GiB, above4GiB });
    return [[0x16, 0x15], [0x18, 0x17], [0x31, 0x30], [0x35, 0x34], [0x5d, 0x5c, 0x5b]]
      .map((bytes) => bytes.reduce((value, at) => value << 8 | cmos.in(at), 0));
  };
  deepStrictEqual(words(512 * 1024, 0), [512, 0, 0, 0, 0]);
  deepStrictEqual(words(16 * MIB, 0), [640, 15360, 15360, 0, 0]);
  deepStrictEqual(words(128 * MIB, 0), [640, 65535, 65535, 1792, 0]);
  deepStrictEqual(words(3 * GIB, 5 * GIB), [640, 65535, 65535, 48896, 81920]);
});

Deno.test("whatever a guest does, a byte is read and the clock goes on", () => {
  const step = fc.record({
    write: fc.boolean(),
    port: fc.nat(3),
    size: fc.constantFrom(1, 2, 4),
    value: fc.oneof(fc.integer(), fc.nat(0x0f).map((at) => at | 0x8200), fc.nat(0xffff)),
    pass: fc.nat(2 ** 31),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
    const cmos = new Cmos();
    for (const { write, port, size, value, pass } of steps) {
      cmos.clock.pass(pass);
      if (write) strictEqual(cmos.device.write(port, size, value), DONE);
      else {
        const read = cmos.device.read(port, size);
        ok(read === (read | 0) && (size === 4 || read >>> 8 * size === 0));
      }
    }
    cmos.out(A, 0x26);
    cmos.out(B, HOURS_24);
    const before = cmos.in(0);
    cmos.clock.pass(1);
    ok(cmos.in(0) !== before);
    cmos.setTime(0x20, 0x24, 2, 0x29, 5, 1, 2, 3);
    deepStrictEqual(cmos.time(), [0x20, 0x24, 2, 0x29, 5, 1, 2, 3]);
  }));
});
