/** What a driver may do to a device's queues, right and wrong: for the devices' unit tests. */
import { ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { type Buffer, type DriverSide, FLAG, QUEUE_BYTES } from "./driver_side.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import { Virtqueue } from "./virtqueue.ts";

const DATA_BYTES = 0x8000;
const ROUNDS = 10_000;

/** A device under test. */
export interface FuzzTarget {
  readonly device: VirtioDevice;
  /** One for each queue, which share their memory. */
  readonly drivers: readonly DriverSide[];
  /** Whether buffers of a queue are for the device to write. */
  writes(queue: number): boolean;
  /** Something comes from outside: of so many bytes, none of them 0. */
  feed(length: number): void;
}

/** Where buffers lie: behind the queues, of which there is room for two at least. */
function dataAt(queues: number): number {
  return QUEUE_BYTES * Math.max(2, queues);
}

/** Memory for so many queues and their buffers. */
export function fuzzMemory(queues: number): number {
  return dataAt(queues) + DATA_BYTES;
}

function stepsFor(queues: number) {
  const data = dataAt(queues), memory = fuzzMemory(queues);
  const queue = fc.nat(queues - 1);
  const buffer = fc.record({
    address: fc.integer({ min: data, max: memory - 2048 }),
    length: fc.integer({ min: 1, max: 2048 }),
  });
  const descriptor = fc.record({
    index: fc.nat(15),
    address: fc.oneof(fc.nat(memory), fc.integer({ min: data, max: memory - 2048 })),
    length: fc.oneof(fc.nat(2000), fc.nat(2 ** 32 - 1)),
    flags: fc.constantFrom(0, FLAG.next, FLAG.write, FLAG.write | FLAG.next, FLAG.indirect, 0xffff),
    next: fc.nat(20),
  });
  const chain = fc.array(buffer, { minLength: 1, maxLength: 4 });
  return fc.array(
    fc.oneof(
      fc.record({ queue, chain, wrong: fc.nat(9) }),
      fc.record({ queue, descriptor }),
      fc.record({ queue, publish: fc.nat(20) }),
      fc.record({ queue, serve: fc.integer({ min: 1, max: 64 }) }),
      fc.record({ feed: fc.integer({ min: 14, max: 1518 }) }),
    ),
    { size: "max", maxLength: 30 },
  );
}

/**
 * Has drivers do anything: the device writes only what they made writable, serves no more than it
 * is told to, and throws nothing.
 *
 * @param create a new device
 * @param check what else must hold after each round
 */
export function fuzzDevice<T extends FuzzTarget>(
  create: () => T,
  check: (target: T) => void,
): void {
  const queues = create().drivers.length;
  fc.assert(
    fc.property(stepsFor(queues), (steps) => {
      const target = create(), { device, drivers } = target;
      const sides = drivers.map((driver) => new Virtqueue(driver.memory));
      sides.forEach((side, i) => side.enable(drivers[i]!.addresses, false));
      const writable = new Uint8Array(fuzzMemory(queues));
      const allow = ({ address, length }: Buffer) => writable.fill(1, address, address + length);
      for (const step of steps) {
        if ("feed" in step) target.feed(step.feed);
        else if ("serve" in step) {
          const side = sides[step.queue]!;
          if (side.enabled) ok(device.serve(step.queue, side, step.serve) <= step.serve);
        } else if ("publish" in step) drivers[step.queue]!.publish(step.publish);
        else if ("descriptor" in step) {
          const { index, flags, next, ...buffer } = step.descriptor;
          drivers[step.queue]!.describe(index, buffer, flags, next);
          if ((flags & FLAG.write) !== 0) allow(buffer);
        } else {
          const write = target.writes(step.queue) !== (step.wrong === 0);
          if (write) step.chain.forEach(allow);
          drivers[step.queue]!.add(step.chain.map((part) => ({ ...part, write })));
        }
      }
      strictEqual(strayWrite(drivers[0]!.bytes, writable, dataAt(queues)), -1);
      check(target);
    }),
    { numRuns: ROUNDS },
  );
}

/** Where something is that nobody made writable; -1 when nowhere. */
function strayWrite(bytes: Uint8Array, writable: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] !== 0 && writable[at] === 0) return at;
  }
  return -1;
}
