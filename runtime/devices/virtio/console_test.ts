import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import type { PortLine } from "../device.ts";
import { TestSink } from "../test_doubles.ts";
import { VirtioConsole } from "./console.ts";
import { fuzzDevice, fuzzMemory } from "./device_fuzz.ts";
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

/** What is at a port: a sink, and what somebody typed. */
class Line implements PortLine {
  readonly output = new TestSink();
  readonly input = new Typed();
  open: boolean;

  constructor(readonly name: string, open: boolean) {
    this.open = open;
  }
}

function consoleOf() {
  const receive = new DriverSide(16, MEMORY), transmit = new DriverSide(16, MEMORY, receive);
  const line = new Line("", true), { output: sink, input: typed } = line;
  const device = new VirtioConsole(receive.memory, line);
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
  strictEqual(device.inputs[0]!.waiting, false);
  typed.bytes.push(...Array(300).keys());
  strictEqual(device.inputs[0]!.waiting, true);
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
  strictEqual(device.inputs[0]!.waiting, false);
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
        given += transmit.collect().length;
        strictEqual(device.impatient, sink.room === 0 && given < lengths.length && served < 2);
        ok(sink.bytes.length - before <= 2 * 4096 + 256, "a turn has an end");
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
  device.start(1);
  strictEqual(device.sizeUntold, false); // there is none
  device.resize(132, 50);
  deepStrictEqual([device.config.read(0, 2), device.config.read(2, 2)], [132, 50]);
  strictEqual(device.sizeUntold, true);
  device.sizeUntold = false;
  device.start(1); // a new driver knows nothing
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

/** Control messages (5.3.6.2). */
const READY = 0, ADD = 1, PORT_READY = 3, CONSOLE = 4, RESIZE = 5, OPEN = 6, NAME = 7;
const MULTIPORT = 2, CONTROL_RECEIVE = 2, CONTROL_TRANSMIT = 3;
const RECEIVE_1 = 4, TRANSMIT_1 = 5, QUEUES = 6;
const SEVERAL_DATA = 0x18000;

/** A terminal, and a port beside it with the name `com`. */
function severalPorts(open = false, features = MULTIPORT | 1) {
  const drivers: DriverSide[] = [];
  for (let i = 0; i < QUEUES; i++) {
    drivers.push(new DriverSide(16, fuzzMemory(QUEUES), drivers[i - 1]));
  }
  const { memory, bytes, view } = drivers[0]!;
  const terminal = new Line("", true), com = new Line("com", open);
  const device = new VirtioConsole(memory, terminal, [com]);
  const queues = drivers.map((driver) => {
    const queue = new Virtqueue(memory);
    ok(queue.enable(driver.addresses, false));
    return queue;
  });
  device.start(features);
  const serve = (index: number, most = 64) => device.serve(index, queues[index]!, most);
  const input = (index: number) => device.inputs.find((one) => one.index === index)!;
  /** The driver says something. */
  const say = (id: number, event: number, value: number, length = 8) => {
    view.setUint32(SEVERAL_DATA, id, true);
    view.setUint16(SEVERAL_DATA + 4, event, true);
    view.setUint16(SEVERAL_DATA + 6, value, true);
    drivers[CONTROL_TRANSMIT]!.add([{ address: SEVERAL_DATA, length }]);
    strictEqual(serve(CONTROL_TRANSMIT), 1);
    drivers[CONTROL_TRANSMIT]!.collect();
  };
  let given = 0, back = 0;
  /** What the driver is told, with room for so many messages: port, event, value, rest. */
  const told = (room = 8) => {
    for (let i = 0; i < room && given - back < 16; i++) {
      const address = SEVERAL_DATA + 256 + 128 * (given++ % 16);
      drivers[CONTROL_RECEIVE]!.add([{ address, length: 128, write: true }]);
    }
    serve(CONTROL_RECEIVE);
    return drivers[CONTROL_RECEIVE]!.collect().map(({ head, written }) => {
      back++;
      const at = SEVERAL_DATA + 256 + 128 * head;
      const rest = new TextDecoder("latin1").decode(bytes.slice(at + 8, at + written));
      const words = [view.getUint32(at, true), view.getUint16(at + 4, true)];
      return [...words, view.getUint16(at + 6, true), rest];
    });
  };
  return { device, drivers, terminal, com, serve, input, say, told, bytes };
}

Deno.test("a console with ports tells how many there may be, and each port's name and state", () => {
  const { device, input, say, told } = severalPorts(true);
  deepStrictEqual([device.features, device.queues, device.config.read(4, 4)], [3, QUEUES, 2]);
  strictEqual(input(CONTROL_RECEIVE).waiting, false);
  device.resize(100, 50);
  strictEqual(device.sizeUntold, false); // a message says it
  say(0, READY, 1);
  strictEqual(input(CONTROL_RECEIVE).waiting, true);
  deepStrictEqual(told(), [[0, ADD, 1, ""], [1, ADD, 1, ""]]);
  say(0, PORT_READY, 1);
  deepStrictEqual(told(6), [[0, CONSOLE, 1, ""], [0, RESIZE, 1, "\x64\0\x32\0"], [0, OPEN, 1, ""]]);
  say(1, PORT_READY, 1);
  deepStrictEqual(told(5), [[1, NAME, 1, "com"], [1, OPEN, 1, ""]]);
  device.resize(80, 25);
  deepStrictEqual(told(3), [[0, RESIZE, 1, "\x50\0\x19\0"]]);
  strictEqual(input(CONTROL_RECEIVE).waiting, false);
});

Deno.test("bytes of a port wait until the guest has it open, and its end comes behind them", () => {
  const { com, drivers, input, say, told, serve, bytes } = severalPorts(true);
  say(0, READY, 1);
  say(1, PORT_READY, 1);
  told();
  com.input.bytes.push(1, 2, 3);
  strictEqual(input(RECEIVE_1).waiting, false);
  com.open = false;
  say(1, OPEN, 1);
  strictEqual(input(RECEIVE_1).waiting, true);
  deepStrictEqual(told(1), []);
  const address = SEVERAL_DATA + 4096;
  drivers[RECEIVE_1]!.add([{ address, length: 100, write: true }]);
  strictEqual(serve(RECEIVE_1), 1);
  deepStrictEqual([...bytes.slice(address, address + 3)], [1, 2, 3]);
  strictEqual(input(CONTROL_RECEIVE).waiting, true);
  deepStrictEqual(told(0), [[1, OPEN, 0, ""]]);
});

Deno.test("what the guest says at a port comes out there, and is lost when nobody is", () => {
  const { com, terminal, drivers, serve, bytes } = severalPorts(true);
  bytes.set([7, 8, 9], SEVERAL_DATA);
  const say = () => drivers[TRANSMIT_1]!.add([{ address: SEVERAL_DATA, length: 3 }]);
  say();
  strictEqual(serve(TRANSMIT_1), 1);
  deepStrictEqual(com.output.bytes, [7, 8, 9]);
  com.output.room = 1;
  say();
  strictEqual(serve(TRANSMIT_1), 0);
  com.open = false;
  say();
  strictEqual(serve(TRANSMIT_1), 2);
  strictEqual(drivers[TRANSMIT_1]!.collect().length, 3);
  com.open = true;
  com.output.room = Infinity;
  say();
  strictEqual(serve(TRANSMIT_1), 1);
  deepStrictEqual(com.output.bytes, [7, 8, 9, 7, 7, 8, 9]);
  deepStrictEqual(terminal.output.bytes, []);
});

Deno.test("messages of a driver that make no sense change nothing", () => {
  const { say, told, input } = severalPorts();
  say(0, READY, 0);
  say(0, READY, 1, 7); // too short
  say(2, PORT_READY, 1);
  say(0xffffffff, PORT_READY, 1);
  for (const event of [ADD, 2, CONSOLE, RESIZE, NAME, 8, 0xffff]) say(1, event, 1);
  strictEqual(input(CONTROL_RECEIVE).waiting, false);
  deepStrictEqual(told(1), []);
  say(1, PORT_READY, 1);
  say(1, PORT_READY, 0); // it could not
  say(1, OPEN, 77);
  deepStrictEqual(told(0), [[1, NAME, 1, "com"]]);
});

Deno.test("a reset forgets the driver's ports, and one that knows no ports has a console", () => {
  const { device, drivers, com, say, told, serve, input, terminal } = severalPorts(true);
  say(0, READY, 1);
  say(1, PORT_READY, 1);
  say(1, OPEN, 1);
  com.input.bytes.push(1);
  device.reset();
  strictEqual(input(CONTROL_RECEIVE).waiting, false);
  strictEqual(input(RECEIVE_1).waiting, false);
  device.start(1);
  deepStrictEqual(told(), []);
  drivers[TRANSMIT_1]!.add([{ address: SEVERAL_DATA, length: 3 }]);
  strictEqual(serve(TRANSMIT_1), 0);
  drivers[TRANSMIT]!.add([{ address: SEVERAL_DATA, length: 3 }]);
  strictEqual(serve(TRANSMIT), 1);
  strictEqual(terminal.output.bytes.length, 3);
});

Deno.test("ports without a terminal have no port 0", () => {
  const { memory } = new DriverSide(16, MEMORY);
  const device = new VirtioConsole(memory, undefined, [new Line("com", true)]);
  deepStrictEqual([device.features, device.queues], [MULTIPORT, QUEUES]);
  deepStrictEqual(device.inputs.map(({ index }) => index).sort(), [CONTROL_RECEIVE, RECEIVE_1]);
});

Deno.test("a driver that says anything is told no more than there is to tell", () => {
  const message = fc.record({
    id: fc.nat(3),
    event: fc.nat(9),
    value: fc.nat(2),
    length: fc.integer({ min: 1, max: 8 }),
    open: fc.boolean(),
    room: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
      const { com, say, told, input } = severalPorts();
      let heard = 0;
      for (const { id, event, value, length, open, room } of messages) {
        say(id, event, value, length);
        com.open = open;
        heard += told(room).length;
      }
      heard += told(16).length;
      ok(heard <= 4 * messages.length, `${heard} messages`);
      strictEqual(input(CONTROL_RECEIVE).waiting, false);
    }),
    { numRuns: 10_000 },
  );
});

Deno.test("whatever a driver of several ports does, nothing else is written, and nothing throws", () => {
  let got = 0, printed = 0;
  const create = () => {
    const { device, drivers, terminal, com, say, bytes } = severalPorts(true);
    say(0, READY, 1);
    say(1, PORT_READY, 1);
    say(1, OPEN, 1);
    bytes.fill(0, SEVERAL_DATA);
    terminal.output.room = com.output.room = 3000;
    return {
      device,
      drivers,
      lines: [terminal, com],
      fed: 0,
      writes: (queue: number) => queue % 2 === 0,
      feed(length: number) {
        this.fed += 2 * length;
        for (const line of this.lines) line.input.bytes.push(...Array(length).fill(1));
        com.open = length % 3 > 0;
        device.resize(length, length);
      },
    };
  };
  fuzzDevice(create, ({ lines, fed }) => {
    got += lines.reduce((sum, line) => sum - line.input.bytes.length, fed);
    printed += lines.reduce((sum, line) => sum + line.output.bytes.length, 0);
    ok(lines.every((line) => line.output.bytes.length <= 3000));
  });
  ok(got > 10_000 && printed > 10_000, `${got} bytes typed, ${printed} printed`);
});
