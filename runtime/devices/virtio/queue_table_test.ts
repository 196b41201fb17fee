import { deepStrictEqual } from "node:assert";
import { DriverSide } from "./driver_side.ts";
import { createQueueTable, QueueTable, readQueues } from "./queue_table.ts";
import { Virtqueue } from "./virtqueue.ts";

const BUFFER = [{ address: 0x8000, length: 64 }];
const BLOCK = { type: 2, number: 1, index: 0, input: false };
const RECEIVE = { type: 1, number: 0, index: 0, input: true };

Deno.test("readQueues() counts what the driver put in and the device has not given back", () => {
  const driver = new DriverSide(8), queue = new Virtqueue(driver.memory);
  const buffer = createQueueTable(), table = new QueueTable(buffer);
  const place = table.add(BLOCK);
  queue.enable(driver.addresses, false);
  place(driver.addresses);
  const occupied = () => readQueues(buffer, driver.memory).map((one) => one.occupied);
  deepStrictEqual(occupied(), [0]);
  for (let i = 0; i < 3; i++) driver.add(BUFFER);
  deepStrictEqual(occupied(), [3]);
  const head = queue.take();
  deepStrictEqual(occupied(), [3], "what is being served is still in the queue");
  queue.give(head, 0);
  deepStrictEqual(occupied(), [2]);
});

Deno.test("readQueues() has the queues that are set up, by device", () => {
  const driver = new DriverSide(8), second = new DriverSide(16, 0, driver);
  const buffer = createQueueTable(), table = new QueueTable(buffer);
  const block = table.add(BLOCK), receive = table.add(RECEIVE);
  deepStrictEqual(readQueues(buffer, driver.memory), []);
  receive(second.addresses);
  block(driver.addresses);
  deepStrictEqual(readQueues(buffer, driver.memory), [
    { device: "block", number: 1, queue: 0, input: false, size: 8, occupied: 0 },
    { device: "net", number: 0, queue: 0, input: true, size: 16, occupied: 0 },
  ]);
  block(undefined);
  deepStrictEqual(readQueues(buffer, driver.memory).map(({ device }) => device), ["net"]);
});

Deno.test("readQueues() believes no index beyond the queue's size, and no ring outside memory", () => {
  const driver = new DriverSide(8), buffer = createQueueTable(), table = new QueueTable(buffer);
  const place = table.add(BLOCK);
  place(driver.addresses);
  driver.view.setUint16(driver.addresses.driver[0] + 2, 0xffff, true);
  deepStrictEqual(readQueues(buffer, driver.memory).map((one) => one.occupied), [8]);
  place({ ...driver.addresses, driver: [0, 5], device: [-2, 0] });
  deepStrictEqual(readQueues(buffer, driver.memory).map((one) => one.occupied), [0]);
});
