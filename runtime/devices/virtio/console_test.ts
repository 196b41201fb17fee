import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { TestSink } from "../test_doubles.ts";
import { VirtioConsole } from "./console.ts";
import { fuzzDevice } from "./device_fuzz.ts";
import { DriverSide } from "./driver_side.ts";
import { Virtqueue } from "./virtqueue.ts";

const RECEIVE = 0, TRANSMIT = 1;
const DATA = 0x8000, MEMORY = 65536;

/** What was typed. */
class Typed {
  readonly bytes: number[] = [];

  peek(): number {
    return this.bytes[0] ?? -1;
  }

  skip(): void {
    this.bytes.shift();
  }
}

function consoleOf() {
  const receive = new DriverSide(16, MEMORY), transmit = new DriverSide(16, MEMORY, receive);
  const sink = new TestSink(), typed = new Typed();
  const device = new VirtioConsole(receive.memory, sink, typed);
  const queues = [receive, transmit].map((driver) => {
    const queue = new Virtqueue(driver.memory);
    ok(queue.enable(driver.addresses, false));
    return queue;
  });
  const serve = (index: number, most = 64) => device.serve(index, queues[index]!, most);
  return { device, receive, transmit, sink, typed, serve, bytes: receive.bytes };
}

Deno.test("what is typed fills the driver's buffers in order", () => {
  const { device, receive, typed, serve, bytes } = consoleOf();
  strictEqual(device.input.waiting, false);
  typed.bytes.push(...Array(300).keys());
  strictEqual(device.input.waiting, true);
  strictEqual(serve(RECEIVE), 0); // no room yet
  for (const i of [0, 1, 2, 3]) {
    receive.add([
      { address: DATA + 1024 * i, length: 3, write: true },
      { address: DATA + 1024 * i + 3, length: 997, write: true },
    ]);
  }
  strictEqual(serve(RECEIVE), 2);
  deepStrictEqual(receive.collect().map(({ written }) => written), [256, 44]);
  const got = [...bytes.slice(DATA, DATA + 256), ...bytes.slice(DATA + 1024, DATA + 1068)];
  deepStrictEqual(got, Array.from({ length: 300 }, (_, i) => i & 255));
  strictEqual(device.input.waiting, false);
});

Deno.test("what the guest prints comes out whole and in order, however slowly it is read", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 5 }),
    fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 }),
    (lengths, rooms) => {
      const { device, transmit, sink, serve, bytes } = consoleOf();
      const printed: number[] = [];
      for (let i = 0; i < 0x8000; i++) bytes[DATA + i] = i % 251;
      for (const [i, length] of lengths.entries()) {
        const address = DATA + 4096 * i;
        transmit.add([{ address, length }]);
        printed.push(...bytes.subarray(address, address + length));
      }
      let given = 0;
      for (const room of [...rooms, ...Array(20).fill(Infinity)]) {
        sink.room = room;
        const before = sink.bytes.length;
        const served = serve(TRANSMIT, 2);
        strictEqual(device.impatient, sink.room === 0 && given < lengths.length && served < 2);
        ok(sink.bytes.length - before <= 2 * 4096 + 256, "a turn has an end");
        given += transmit.collect().length;
      }
      strictEqual(given, lengths.length);
      deepStrictEqual(sink.bytes, printed);
    },
  ));
});

Deno.test("chains of the wrong kind are given back, and print nothing", () => {
  const { receive, transmit, sink, typed, serve } = consoleOf();
  transmit.add([{ address: DATA, length: 50, write: true }]);
  strictEqual(serve(TRANSMIT), 1);
  receive.add([{ address: DATA, length: 50 }]);
  typed.bytes.push(1);
  strictEqual(serve(RECEIVE), 1);
  deepStrictEqual([...transmit.collect(), ...receive.collect()].map((one) => one.written), [0, 0]);
  deepStrictEqual(sink.bytes, []);
  deepStrictEqual(typed.bytes, [1]);
});

Deno.test("resize() shows in the configuration", () => {
  const { device } = consoleOf();
  strictEqual(device.features, 1);
  device.start();
  strictEqual(device.sizeUntold, false); // there is none
  device.resize(132, 50);
  deepStrictEqual([device.config.read(0, 2), device.config.read(2, 2)], [132, 50]);
  strictEqual(device.sizeUntold, true);
  device.sizeUntold = false;
  device.start(); // a new driver knows nothing
  strictEqual(device.sizeUntold, true);
});

Deno.test("whatever a driver does, only what it made writable is written, and nothing throws", () => {
  let got = 0, printed = 0;
  const create = () => {
    const { device, receive, transmit, sink, typed } = consoleOf();
    sink.room = 3000;
    return {
      device,
      sink,
      typed,
      fed: 0,
      drivers: [receive, transmit],
      writes: (queue: number) => queue === RECEIVE,
      feed(length: number) {
        this.fed += length;
        typed.bytes.push(...Array(length).fill(1));
      },
    };
  };
  fuzzDevice(create, ({ sink, typed, fed }) => {
    got += fed - typed.bytes.length;
    printed += sink.bytes.length;
    ok(sink.bytes.length <= 3000);
  });
  ok(got > 10_000 && printed > 10_000, `${got} bytes typed, ${printed} printed`);
});
