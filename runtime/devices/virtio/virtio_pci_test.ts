import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { Bus } from "../bus.ts";
import { QUEUE_COUNTER, QueuePoller } from "../queue_poller.ts";
import { Registers } from "../registers.ts";
import { DriverSide } from "./driver_side.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import { VirtioPci } from "./virtio_pci.ts";

const BAR = 0xc0000000, COMMON = BAR, ISR = BAR + 0x1000, CONFIG = BAR + 0x2000;
const NOTIFY = BAR + 0x3000, MSIX_TABLE = 0xc0004000;
const VERSION_1 = 1, EVENT_IDX = 1 << 29;
const ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 64;

/** Gives every chain back with as many bytes as it may write. */
class Echo implements VirtioDevice {
  readonly type = 2;
  readonly classCode = 0x010000;
  readonly features = 1 << 9;
  readonly queues = 2;
  readonly config = new Registers(8);
  started: number[] = [];
  resets = 0;

  start(features: number): void {
    this.started.push(features);
  }

  reset(): void {
    this.resets++;
  }

  serve(_index: number, queue: VirtioPci["queues"][number], most: number): number {
    let served = 0;
    for (; served < most; served++) {
      const head = queue.take();
      if (head < 0) break;
      queue.give(head, queue.writable);
    }
    return served;
  }
}

/** Keeps every chain until it is reset, as a disk does whose host never finishes a flush. */
class Keeper extends Echo {
  outstanding = 0;

  override reset(): void {
    super.reset();
    this.outstanding = 0;
  }

  override serve(_index: number, queue: VirtioPci["queues"][number], most: number): number {
    let served = 0;
    for (; served < most && queue.take() >= 0; served++) this.outstanding++;
    return served;
  }
}

/** A transport, and a driver that reaches it as a guest does. */
function machineOf(device = new Echo()) {
  const bus = new Bus(), driver = new DriverSide(8);
  const messages: number[] = [], notified: number[] = [], placed: (readonly number[])[] = [];
  const transport = new VirtioPci(
    device,
    bus,
    driver.memory,
    { send: (_lo, _hi, data) => void messages.push(data) },
    (queue) => void notified.push(queue),
    (addresses) => void placed.push(addresses),
  );
  transport.function.assignBars(BAR);
  transport.function.write(4, 2, 6);
  const reach = (address: number, size: number) => {
    const found = bus.find(address, size);
    ok(found, address.toString(16));
    return { device: found.device, offset: address - found.base! };
  };
  const read = (address: number, size: number) => {
    const { device, offset } = reach(address, size);
    return device.read(offset, size);
  };
  const write = (address: number, size: number, value: number) => {
    const { device, offset } = reach(address, size);
    device.write(offset, size, value);
  };
  /** The start that virtio 1.2, 3.1.1 prescribes. */
  const start = (features = 0) => {
    write(COMMON + 0x14, 1, 0);
    write(COMMON + 0x14, 1, ACKNOWLEDGE | DRIVER);
    for (const [select, value] of [[0, features], [1, VERSION_1]] as const) {
      write(COMMON + 8, 4, select);
      write(COMMON + 12, 4, value);
    }
    write(COMMON + 0x14, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    write(COMMON + 0x16, 2, 0);
    write(COMMON + 0x18, 2, driver.addresses.size);
    write(COMMON + 0x1a, 2, 1);
    const { descriptors, driver: available, device } = driver.addresses;
    write(COMMON + 0x20, 4, descriptors[0]);
    write(COMMON + 0x28, 4, available[0]);
    write(COMMON + 0x30, 4, device[0]);
    write(COMMON + 0x1c, 2, 1);
    write(COMMON + 0x14, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
  };
  /** Unmasks every vector; vector n sends n. */
  const enableMessages = () => {
    for (let vector = 0; vector < 3; vector++) {
      [0xfee00000 | 0, 0, vector, 0].forEach((word, i) =>
        write(MSIX_TABLE + 16 * vector + 4 * i, 4, word)
      );
    }
    for (let at = transport.function.read(0x34, 1); at !== 0;) {
      if (transport.function.read(at, 1) === 0x11) transport.function.write(at + 3, 1, 0x80);
      at = transport.function.read(at + 1, 1);
    }
  };
  return {
    transport,
    device,
    driver,
    read,
    write,
    start,
    enableMessages,
    messages,
    notified,
    placed,
  };
}

const CHAIN = [{ address: 0x8000, length: 4, write: true }];

Deno.test("a driver finds the areas by their capabilities", () => {
  const { transport } = machineOf();
  const config = transport.function, found: Record<number, number> = {};
  for (let at = config.read(0x34, 1); at !== 0; at = config.read(at + 1, 1)) {
    if (config.read(at, 1) === 9) found[config.read(at + 3, 1)] = config.read(at + 8, 4);
  }
  deepStrictEqual(found, { 1: 0, 2: 0x3000, 3: 0x1000, 4: 0x2000, 5: 0 });
});

Deno.test("a device is started by the prescribed steps and serves its queue", () => {
  const { transport, device, driver, read, start } = machineOf();
  strictEqual(transport.serve(0, 8), 0);
  start(1 << 9);
  deepStrictEqual(device.started, [1 << 9]);
  strictEqual(read(COMMON + 0x14, 1), 15);
  strictEqual(read(COMMON + 0x12, 2), 2);
  strictEqual(read(COMMON + 0x1c, 2), 1);
  const head = driver.add(CHAIN);
  strictEqual(transport.serve(0, 8), 1);
  deepStrictEqual(driver.collect(), [{ head, written: 1 }]);
});

Deno.test("features that were not offered, or no VERSION_1, are refused", () => {
  const { read, write } = machineOf();
  for (const [lo, hi] of [[1, VERSION_1], [0, 0], [0, VERSION_1 | 2]] as const) {
    write(COMMON + 0x14, 1, 0);
    write(COMMON + 8, 4, 0);
    write(COMMON + 12, 4, lo);
    write(COMMON + 8, 4, 1);
    write(COMMON + 12, 4, hi);
    write(COMMON + 0x14, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    strictEqual(read(COMMON + 0x14, 1) & FEATURES_OK, 0);
  }
});

Deno.test("a used queue interrupts by its vector, and ISR tells until it is read", () => {
  const { transport, driver, read, start, enableMessages, messages } = machineOf();
  enableMessages();
  start(EVENT_IDX);
  driver.usedEvent = 1;
  driver.add(CHAIN);
  transport.serve(0, 8);
  deepStrictEqual(messages, []);
  driver.add(CHAIN);
  transport.serve(0, 8);
  deepStrictEqual(messages, [1]);
  strictEqual(read(ISR, 1), 1);
  strictEqual(read(ISR, 1), 0);
});

Deno.test("a malformed chain asks for a reset, and a reset brings the device back", () => {
  const { transport, device, driver, read, write, start, enableMessages, messages } = machineOf();
  enableMessages();
  start();
  write(COMMON + 0x10, 2, 0);
  driver.publish(8);
  transport.serve(0, 8);
  strictEqual(read(COMMON + 0x14, 1) & NEEDS_RESET, NEEDS_RESET);
  deepStrictEqual(messages, [0]);
  driver.add(CHAIN);
  strictEqual(transport.serve(0, 8), 0);
  write(COMMON + 0x14, 1, 0);
  strictEqual(read(COMMON + 0x14, 1), 0);
  ok(device.resets > 0);
  const fresh = machineOf();
  fresh.start();
  strictEqual(fresh.read(COMMON + 0x14, 1) & NEEDS_RESET, 0);
});

Deno.test("a broken device holds nothing, so nobody waits for it", () => {
  const policy = { startRate: 0, stopIdleMs: 1, quantum: 8, leastQuantum: 8, stuckUs: 0 };
  const counters = new Float64Array(QUEUE_COUNTER.count);
  for (const atOnce of [true, false]) {
    const keeper = new Keeper(), { transport, driver, start } = machineOf(keeper);
    start();
    const poller = new QueuePoller(policy, () => 0, 1, atOnce, counters);
    poller.add(transport);
    driver.add(CHAIN);
    driver.publish(99);
    if (atOnce) poller.notified(transport, 0); // returns
    else poller.poll();
    strictEqual(transport.running, false);
    strictEqual(keeper.outstanding, 0);
    strictEqual(poller.poll(), false);
  }
});

Deno.test("a queue in a bad place asks for a reset", () => {
  const { read, write, start } = machineOf();
  start();
  write(COMMON + 0x16, 2, 1);
  write(COMMON + 0x20, 4, 0x7ffffff0);
  write(COMMON + 0x1c, 2, 1);
  strictEqual(read(COMMON + 0x14, 1) & NEEDS_RESET, NEEDS_RESET);
});

Deno.test("a function that is no bus master serves nothing", () => {
  const { transport, driver, start } = machineOf();
  start();
  driver.add(CHAIN);
  transport.function.write(4, 2, 2);
  strictEqual(transport.serve(0, 8), 0);
  transport.function.write(4, 2, 6);
  strictEqual(transport.serve(0, 8), 1);
});

Deno.test("a write to a queue's notification address tells which queue", () => {
  const { write, notified } = machineOf();
  write(NOTIFY + 4, 2, 1);
  write(NOTIFY, 4, 0);
  write(NOTIFY + 8, 2, 2);
  deepStrictEqual(notified, [1, 0]);
});

Deno.test("where the queues' notification addresses lie is told whenever the guest moves them", () => {
  const { transport, placed } = machineOf();
  transport.function.write(0x10, 4, 0xd0000000);
  transport.function.write(4, 2, 4); // memory space off
  deepStrictEqual(placed, [
    [NOTIFY, NOTIFY + 4],
    [0xd0003000, 0xd0003004],
    [],
  ]);
});

Deno.test("the configuration space reaches the BARs through its window", () => {
  const { transport, device } = machineOf();
  device.config.set(0, 4, 0x12345678);
  const config = transport.function;
  let at = config.read(0x34, 1);
  while (config.read(at, 1) !== 9 || config.read(at + 3, 1) !== 5) at = config.read(at + 1, 1);
  config.write(at + 4, 1, 0);
  config.write(at + 8, 4, 0x2000);
  config.write(at + 12, 4, 4);
  strictEqual(config.read(at + 16, 4), 0x12345678);
  config.write(at + 4, 1, 5);
  strictEqual(config.read(at + 16, 4), -1);
});

Deno.test("any accesses to a running device are answered, and it can be started again", () => {
  const area = fc.constantFrom(COMMON, ISR, CONFIG, NOTIFY, MSIX_TABLE);
  const access = fc.record({
    area,
    offset: fc.oneof(fc.nat(0x3c), fc.nat(0xffc)),
    size: fc.constantFrom(1, 2, 4),
    value: fc.oneof(fc.integer(), fc.nat(64), fc.constantFrom(0x1000, 0x2000, 0x3000)),
    write: fc.boolean(),
    serve: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(access, { maxLength: 30 }), (accesses) => {
      const { transport, driver, read, write, start } = machineOf();
      start(EVENT_IDX);
      driver.add(CHAIN);
      for (const { area, offset, size, value, write: writes, serve } of accesses) {
        const address = area + Math.min(offset, 0x1000 - size);
        if (writes) write(address, size, value);
        else ok(Number.isInteger(read(address, size)));
        if (serve) { for (const index of [0, 1]) transport.serve(index, 8); }
      }
      start();
      strictEqual(read(COMMON + 0x14, 1), 15);
    }),
    { numRuns: 10_000 },
  );
});

Deno.test("the transport tells where a queue lies while its driver has it", () => {
  const { transport, start, write, driver } = machineOf();
  const told: string[] = [];
  transport.queuePlaced = (queue, place) =>
    void told.push(`${queue} ${place?.size} ${place?.driver} ${place?.device}`);
  start();
  const gone = ["0 undefined undefined undefined", "1 undefined undefined undefined"];
  const { size, driver: available, device: used } = driver.addresses;
  deepStrictEqual(told, [...gone, `0 ${size} ${available} ${used}`]);
  told.length = 0;
  write(COMMON + 0x14, 1, 0);
  deepStrictEqual(told, gone);
});
