import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { fuzzDevice } from "./device_fuzz.ts";
import { DriverSide } from "./driver_side.ts";
import { ENTROPY_BYTES, VirtioEntropy } from "./entropy.ts";
import { Virtqueue } from "./virtqueue.ts";

const DATA = 0x8000, MEMORY = 65536;

function deviceOf(fill: (bytes: Uint8Array, length: number) => number) {
  const driver = new DriverSide(16, MEMORY), queue = new Virtqueue(driver.memory);
  ok(queue.enable(driver.addresses, false));
  const device = new VirtioEntropy(driver.memory, { fill });
  return { driver, serve: (most = 64) => device.serve(0, queue, most) };
}

/** Fills with sevens. */
function sevens(bytes: Uint8Array, length: number): number {
  bytes.fill(7, 0, length);
  return length;
}

Deno.test("VirtioEntropy fills what the driver made writable, and nothing else", () => {
  const length = fc.integer({ min: 1, max: 400 });
  fc.assert(fc.property(fc.array(length, { minLength: 1, maxLength: 6 }), fc.nat(3), (cuts, at) => {
    const { driver, serve } = deviceOf(sevens);
    let end = DATA + at;
    const head = driver.add(cuts.map((length) => {
      end += length;
      return { address: end - length, length, write: true };
    }));
    strictEqual(serve(), 1);
    const total = end - DATA - at, written = Math.min(total, ENTROPY_BYTES);
    deepStrictEqual(driver.collect(), [{ head, written }]);
    const filled = driver.bytes.subarray(DATA, DATA + 4096);
    ok(filled.every((byte, i) => byte === (i >= at && i < at + written ? 7 : 0)));
  }));
});

Deno.test("a chain without room, and a host without randomness, give nothing", () => {
  const { driver, serve } = deviceOf(() => -11);
  driver.add([{ address: DATA, length: 8 }]);
  driver.add([{ address: DATA, length: 8, write: true }]);
  strictEqual(serve(), 2);
  deepStrictEqual(driver.collect().map(({ written }) => written), [0, 0]);
  ok(driver.bytes.subarray(DATA).every((byte) => byte === 0));
});

Deno.test("a quantum bounds what is served", () => {
  const { driver, serve } = deviceOf(sevens);
  for (let i = 0; i < 5; i++) driver.add([{ address: DATA + i, length: 1, write: true }]);
  deepStrictEqual([serve(3), serve(3), serve(3)], [3, 2, 0]);
});

Deno.test("whatever a driver does, only what it made writable is written, and nothing throws", () => {
  let filled = 0;
  const create = () => {
    const driver = new DriverSide(16, MEMORY);
    const fill = (bytes: Uint8Array, length: number) => {
      filled += length;
      return sevens(bytes, length);
    };
    return {
      device: new VirtioEntropy(driver.memory, { fill }),
      drivers: [driver],
      writes: () => true,
      feed: () => {},
    };
  };
  fuzzDevice(create, () => {});
  ok(filled > 100_000, `${filled} bytes`);
});
