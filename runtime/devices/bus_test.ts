import { strictEqual, throws } from "node:assert";
import { Bus } from "./bus.ts";
import { Registers } from "./registers.ts";

const one = new Registers(8), other = new Registers(8);

Deno.test("map() refuses a place that is taken, wholly or in part", () => {
  const bus = new Bus();
  bus.map(0x100, 8, one);
  for (const base of [0x100, 0xff, 0x107, 0xf9]) throws(() => bus.map(base, 8, other), RangeError);
  bus.map(0x108, 8, other);
  bus.map(0xf8, 8, other);
});

Deno.test("find() wants the whole access inside one range", () => {
  const bus = new Bus();
  bus.map(0x100, 8, one);
  strictEqual(bus.find(0x100, 8)!.device, one);
  strictEqual(bus.find(0x107, 1)!.device, one);
  for (const [address, size] of [[0xff, 1], [0xff, 2], [0x105, 4], [0x108, 1]] as const) {
    strictEqual(bus.find(address, size), undefined);
  }
});

Deno.test("move() takes a device elsewhere or nowhere, and the first of two that overlap answers", () => {
  const bus = new Bus();
  bus.map(0x100, 8, one);
  const moving = bus.map(undefined, 8, other);
  bus.move(moving, 0x104);
  strictEqual(bus.find(0x104, 4)!.device, one);
  strictEqual(bus.find(0x108, 4)!.device, other);
  bus.move(moving, 2 ** 40);
  strictEqual(bus.find(2 ** 40 + 4, 4)!.device, other);
  bus.move(moving, undefined);
  strictEqual(bus.find(2 ** 40 + 4, 4), undefined);
});
