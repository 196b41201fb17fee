import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { type Buffer, DriverSide, FLAG } from "./driver_side.ts";
import { BROKEN, EMPTY, MOST_ENTRIES, SEGMENT_WORDS, Virtqueue } from "./virtqueue.ts";

const MEMORY = 65536, INDIRECT_TABLE = 0x6000;

function queueOf(size = 8, eventIndex = false) {
  const driver = new DriverSide(size, MEMORY);
  const queue = new Virtqueue(driver.memory);
  ok(queue.enable(driver.addresses, eventIndex));
  return { driver, queue };
}

function segmentsOf(queue: Virtqueue): Buffer[] {
  return Array.from({ length: queue.readable + queue.writable }, (_, i) => ({
    address: queue.segments[i * SEGMENT_WORDS]!,
    length: queue.segments[i * SEGMENT_WORDS + 2]!,
    write: i >= queue.readable,
  }));
}

Deno.test("take() hands over the segments of a chain, read ones first", () => {
  const { driver, queue } = queueOf();
  strictEqual(queue.pending, false);
  strictEqual(queue.take(), EMPTY);
  const chain = [
    { address: 0x8000, length: 16, write: false },
    { address: 0x9001, length: 512, write: true },
    { address: 0xa000, length: 1, write: true },
  ];
  const head = driver.add(chain);
  strictEqual(queue.pending, true);
  strictEqual(queue.backlog, 1);
  strictEqual(queue.take(), head);
  deepStrictEqual(segmentsOf(queue), chain);
  strictEqual(queue.pending, false);
  strictEqual(queue.backlog, 0);
});

Deno.test("give() shows the driver what was written, over many turns of the ring", () => {
  const { driver, queue } = queueOf(4);
  for (let i = 0; i < 70_000; i++) {
    const head = driver.add([{ address: 0x8000, length: 8, write: true }]);
    strictEqual(queue.take(), head);
    queue.give(head, i);
    deepStrictEqual(driver.collect(), [{ head, written: i }]);
  }
});

for (const [where, table] of [["at a word", INDIRECT_TABLE], ["between words", 0x6002]] as const) {
  Deno.test(`take() follows an indirect table ${where}`, () => {
    const { driver, queue } = queueOf(4);
    const first = { address: 0x8000, length: 16 }, second = { address: 0x9000, length: 4096 };
    driver.describe(0, first, FLAG.next, 2, table);
    driver.describe(2, second, FLAG.write, 0, table);
    driver.describe(1, { address: table, length: 3 * 16 }, FLAG.indirect);
    driver.publish(1);
    strictEqual(queue.take(), 1);
    deepStrictEqual(segmentsOf(queue), [{ ...first, write: false }, { ...second, write: true }]);
  });
}

Deno.test("take() takes a chain as long as the queue, direct and indirect", () => {
  const size = 8, { driver, queue } = queueOf(size);
  const chain = Array.from({ length: size }, (_, i) => ({ address: 0x8000 + i, length: 1 }));
  driver.add(chain);
  ok(queue.take() >= 0);
  strictEqual(queue.readable, size);
  chain.forEach((one, i) =>
    driver.describe(i, one, i < size - 1 ? FLAG.next : 0, i + 1, INDIRECT_TABLE)
  );
  driver.describe(0, { address: INDIRECT_TABLE, length: size * 16 }, FLAG.indirect);
  driver.publish(0);
  strictEqual(queue.take(), 0);
  strictEqual(queue.readable, size);
});

const buffer = { address: 0x8000, length: 16 };
const MALFORMED: Readonly<Record<string, (driver: DriverSide) => void>> = {
  "a loop": (driver) => {
    driver.describe(0, buffer, FLAG.next, 1);
    driver.describe(1, buffer, FLAG.next, 0);
    driver.publish(0);
  },
  "a descriptor that leads to itself": (driver) => {
    driver.describe(0, buffer, FLAG.next, 0);
    driver.publish(0);
  },
  "a head beyond the table": (driver) => driver.publish(8),
  "a next beyond the table": (driver) => {
    driver.describe(0, buffer, FLAG.next, 8);
    driver.publish(0);
  },
  "a read segment behind a written one": (driver) =>
    void driver.add([{ ...buffer, write: true }, buffer]),
  "a segment of no length": (driver) => void driver.add([{ ...buffer, length: 0 }]),
  "a segment of more than 2 GiB": (driver) => void driver.add([{ ...buffer, length: 2 ** 31 }]),
  "a segment that ends outside memory": (driver) =>
    void driver.add([{ address: MEMORY - 8, length: 9 }]),
  "a segment far outside memory": (driver) => void driver.add([{ address: 2 ** 40, length: 1 }]),
  "more chains than the queue holds": (driver) => {
    for (let i = 0; i < 9; i++) driver.add([buffer]);
  },
  "an indirect table outside memory": (driver) => {
    driver.describe(0, { address: MEMORY, length: 16 }, FLAG.indirect);
    driver.publish(0);
  },
  "an indirect table of no length": (driver) => {
    driver.describe(0, { address: INDIRECT_TABLE, length: 0 }, FLAG.indirect);
    driver.publish(0);
  },
  "an indirect table that is cut": (driver) => {
    driver.describe(0, { address: INDIRECT_TABLE, length: 17 }, FLAG.indirect);
    driver.publish(0);
  },
  "an indirect table longer than the queue": (driver) => {
    driver.describe(0, { address: INDIRECT_TABLE, length: 9 * 16 }, FLAG.indirect);
    driver.publish(0);
  },
  "an indirect table within an indirect table": (driver) => {
    driver.describe(0, { address: INDIRECT_TABLE, length: 16 }, FLAG.indirect, 0, INDIRECT_TABLE);
    driver.describe(0, { address: INDIRECT_TABLE, length: 16 }, FLAG.indirect);
    driver.publish(0);
  },
  "an indirect table with a next": (driver) => {
    driver.describe(0, buffer, 0, 0, INDIRECT_TABLE);
    driver.describe(0, { address: INDIRECT_TABLE, length: 16 }, FLAG.indirect | FLAG.next, 1);
    driver.describe(1, buffer, 0);
    driver.publish(0);
  },
  "a loop in an indirect table": (driver) => {
    driver.describe(0, buffer, FLAG.next, 0, INDIRECT_TABLE);
    driver.describe(0, { address: INDIRECT_TABLE, length: 16 }, FLAG.indirect);
    driver.publish(0);
  },
};

for (const [what, make] of Object.entries(MALFORMED)) {
  Deno.test(`take() breaks the queue at ${what}`, () => {
    const { driver, queue } = queueOf(8);
    make(driver);
    strictEqual(queue.take(), BROKEN);
    strictEqual(queue.broken, true);
    strictEqual(queue.enabled, false);
    strictEqual(queue.pending, false);
    queue.reset();
    strictEqual(queue.broken, false);
  });
}

Deno.test("enable() refuses areas that are misaligned, outside memory or of a wrong size", () => {
  const { driver } = queueOf(8);
  const good = driver.addresses;
  const refuses = (change: Partial<typeof good>) => {
    const queue = new Virtqueue(driver.memory);
    strictEqual(queue.enable({ ...good, ...change }, false), false);
    strictEqual(queue.enabled, false);
  };
  for (const size of [0, 3, 2 * MOST_ENTRIES, 65535]) refuses({ size });
  refuses({ descriptors: [0x1008, 0] });
  refuses({ driver: [0x2001, 0] });
  refuses({ device: [0x3002, 0] });
  for (const area of ["descriptors", "driver", "device"]) {
    refuses({ [area]: [MEMORY - 16, 0] });
    refuses({ [area]: [0, 1] });
  }
});

Deno.test("interruptWanted follows the driver's flag", () => {
  const { driver, queue } = queueOf();
  strictEqual(queue.interruptWanted, false);
  const serve = () => {
    driver.add([buffer]);
    queue.give(queue.take(), 0);
  };
  serve();
  strictEqual(queue.interruptWanted, true);
  strictEqual(queue.interruptWanted, false);
  driver.availableFlags = 1;
  serve();
  strictEqual(queue.interruptWanted, false);
});

Deno.test("interruptWanted with event index is true once the driver's index is passed", () => {
  fc.assert(fc.property(
    fc.array(fc.record({ served: fc.integer({ min: 1, max: 8 }), ahead: fc.nat(10) }), {
      minLength: 1,
      maxLength: 60,
    }),
    (rounds) => {
      const { driver, queue } = queueOf(8, true);
      let given = 0;
      for (const { served, ahead } of rounds) {
        const event = given + ahead;
        driver.usedEvent = event & 0xffff;
        for (let i = 0; i < served; i++) {
          driver.add([buffer]);
          queue.give(queue.take(), 0);
        }
        given += served;
        strictEqual(queue.interruptWanted, event < given, `${event} ${given}`);
      }
    },
  ));
});

/** The two sides of a queue, each in steps between which the other may do any number of its own. */
function exchange(eventIndex: boolean, depth: number, chains: number, quantum: number) {
  const { driver, queue } = queueOf(8, eventIndex);
  let interrupts = 0, done = 0;
  function* device() {
    for (;;) {
      for (let served = 0; served < quantum; served++) {
        const head = queue.take();
        if (head < 0) break;
        yield;
        queue.give(head, 0);
        yield;
      }
      if (queue.interruptWanted) interrupts++;
      yield;
    }
  }
  /** Has `depth` chains in flight, and sleeps until an interrupt when none is finished. */
  function* sleeper() {
    let added = 0;
    driver.usedEvent = 0x8000;
    driver.availableFlags = eventIndex ? 0 : 1;
    while (done < chains) {
      for (; added < chains && added < done + depth; added++) driver.add([buffer]);
      yield;
      const before = interrupts;
      let finished = driver.collect().length;
      if (finished === 0) {
        yield;
        driver.usedEvent = done & 0xffff;
        if (!eventIndex) driver.availableFlags = 0;
        yield;
        finished = driver.collect().length; // what came before the device knew
        while (finished === 0 && interrupts === before) yield;
        if (!eventIndex) driver.availableFlags = 1;
      }
      done += finished;
    }
  }
  return { sides: [sleeper(), device()] as const, interrupts: () => interrupts };
}

Deno.test("a driver that sleeps until an interrupt finishes, whatever the interleaving", () => {
  const turns = fc.array(fc.tuple(fc.nat(40), fc.nat(40)), { minLength: 1, maxLength: 60 });
  fc.assert(fc.property(
    fc.boolean(),
    fc.integer({ min: 1, max: 8 }),
    fc.integer({ min: 1, max: 9 }),
    turns,
    (eventIndex, depth, quantum, turns) => {
      const chains = 100, bound = 10_000;
      const { sides, interrupts } = exchange(eventIndex, depth, chains, quantum);
      for (let turn = 0; turn < bound; turn++) {
        for (const [side, steps] of (turns[turn] ?? [1, 1]).entries()) {
          for (let i = 0; i < steps; i++) if (sides[side]!.next().done) return;
        }
      }
      ok(false, `it sleeps after ${interrupts()} interrupts`);
    },
  ));
});

Deno.test("a driver that waits has at most one interrupt for all that a quantum finished", () => {
  const depth = 8, chains = 800;
  const { sides: [driver, device], interrupts } = exchange(true, depth, chains, depth);
  while (!driver.next().done) for (let i = 0; i < 2 * depth + 1; i++) device.next();
  ok(interrupts() <= chains / depth, `${interrupts()}`);
});

Deno.test("an interrupt is wanted across the end of the index's numbers", () => {
  const { driver, queue } = queueOf(8, true);
  for (let i = 0; i < 70_000; i++) {
    driver.usedEvent = i & 0xffff;
    driver.add([buffer]);
    queue.give(queue.take(), 0);
    ok(queue.interruptWanted, `${i}`);
    driver.collect();
  }
});

Deno.test("notifications are refused by the flag, or by an event index far ahead", () => {
  const plain = queueOf();
  plain.queue.notifications = false;
  strictEqual(plain.driver.usedFlags, 1);
  plain.queue.notifications = true;
  strictEqual(plain.driver.usedFlags, 0);

  const { driver, queue } = queueOf(256, true);
  const wanted = (before: number, after: number) =>
    (after - driver.availableEvent - 1 & 0xffff) < (after - before & 0xffff);
  queue.notifications = false;
  for (let i = 0; i < 70_000; i++) {
    driver.add([buffer]);
    ok(!wanted(i, i + 1));
    queue.give(queue.take(), 0);
  }
  queue.notifications = true;
  ok(wanted(70_000, 70_001));
});

Deno.test("take() of any memory ends, and hands over only what lies in memory", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 512, maxLength: 512 }), fc.boolean(), (noise, small) => {
      const { driver, queue } = queueOf(8, true);
      for (let at = 0x1000; at < 0x4000; at += noise.length) driver.bytes.set(noise, at);
      if (small) { // addresses that may be good
        for (let i = 0; i < 8; i++) driver.view.setBigUint64(0x1000 + 16 * i, 0x1000n, true);
      }
      for (let i = 0; i < 20; i++) {
        const head = queue.take();
        if (head < 0) break;
        for (const { address, length } of segmentsOf(queue)) {
          ok(length > 0 && address >= 0 && address + length <= MEMORY);
        }
        queue.give(head, 0);
        void queue.interruptWanted;
      }
    }),
    { numRuns: 2000 },
  );
});
