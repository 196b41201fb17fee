import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { byteArea } from "../../../cores/byte_copy.ts";
import { FRAME_MAX, FRAME_MIN, type FramePort, GONE, LOST } from "../../network/frame_port.ts";
import { fuzzDevice } from "./device_fuzz.ts";
import { type Buffer, DriverSide } from "./driver_side.ts";
import { NET_COUNTER, VirtioNet } from "./net.ts";
import type { SegmentList } from "./segment_list.ts";
import { Virtqueue } from "./virtqueue.ts";

const RECEIVE = 0, TRANSMIT = 1;
const HEADER = 12, DATA = 0x8000, ROOM = 0xa000, MEMORY = 65536;
const MAC = Uint8Array.of(2, 3, 4, 5, 6, 7);

/** A port that keeps what is sent, and gives what the test put in. */
class TestPort implements FramePort {
  readonly sent: number[][] = [];
  readonly waiting: number[][] = [];
  unannounced = false;
  up = false;
  full = false;
  gone = false;
  readonly #area = byteArea(2048);

  get pending(): boolean {
    return this.waiting.length > 0 || this.gone;
  }

  send(frame: SegmentList): boolean {
    if (this.full) return false;
    frame.copyOut(frame.bytes, this.#area, 0);
    this.sent.push([...this.#area.bytes.subarray(0, frame.bytes)]);
    return true;
  }

  receive(room: SegmentList): number {
    const frame = this.waiting.shift();
    if (!frame) return this.gone ? GONE : 0;
    if (frame.length > room.bytes) return LOST;
    this.#area.bytes.set(frame);
    room.copyIn(frame.length, this.#area, 0);
    return frame.length;
  }
}

function deviceOf() {
  const receive = new DriverSide(16, MEMORY), transmit = new DriverSide(16, MEMORY, receive);
  const port = new TestPort(), counters = new Float64Array(NET_COUNTER.count);
  const device = new VirtioNet(receive.memory, port, MAC, counters);
  const queues = [receive, transmit].map((driver) => {
    const queue = new Virtqueue(driver.memory);
    ok(queue.enable(driver.addresses, false));
    return queue;
  });
  const serve = (index: number, most = 64) => device.serve(index, queues[index]!, most);
  return { device, receive, transmit, port, counters, queues, serve, bytes: receive.bytes };
}

const from = (address: number, length: number): Buffer => ({ address, length });
const into = (address: number, length: number): Buffer => ({ address, length, write: true });
/** A frame of so many bytes. */
const frameOf = (length: number) => Array.from({ length }, (_, i) => i * 5 + length & 255);

Deno.test("VirtioNet tells its address, that the link is up, and asks the port to listen", () => {
  const { device, port } = deviceOf();
  deepStrictEqual([0, 1, 2, 3, 4, 5].map((at) => device.config.read(at, 1)), [...MAC]);
  strictEqual(device.config.read(6, 2), 1);
  strictEqual(device.features, 1 << 5 | 1 << 16);
  device.start();
  strictEqual(port.up, true);
  strictEqual(device.inputs[0]!.unannounced, false);
  port.unannounced = true;
  strictEqual(device.inputs[0]!.unannounced, true);
  device.reset();
  strictEqual(port.up, false);
  strictEqual(device.inputs[0]!.unannounced, false);
});

Deno.test("a frame is sent without its header, wherever its descriptors are cut", () => {
  fc.assert(fc.property(
    fc.integer({ min: FRAME_MIN, max: FRAME_MAX }),
    fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 8 }),
    fc.nat(3),
    (length, cuts, shift) => {
      const { transmit, bytes, port, counters, serve } = deviceOf(), frame = frameOf(length);
      const start = DATA + shift;
      bytes.fill(0xee, start, start + HEADER);
      bytes.set(frame, start + HEADER);
      const buffers: Buffer[] = [];
      let at = 0;
      for (const cut of [...cuts, MEMORY]) {
        const part = Math.min(cut, HEADER + length - at);
        if (part > 0) buffers.push(from(start + at, part));
        at += part;
      }
      const head = transmit.add(buffers);
      strictEqual(serve(TRANSMIT), 1);
      deepStrictEqual(port.sent, [frame]);
      deepStrictEqual(transmit.collect(), [{ head, written: 0 }]);
      deepStrictEqual([...counters], [1, 0, 0, 0]);
    },
  ));
});

Deno.test("a frame comes behind a plain header, wherever the room is cut", () => {
  fc.assert(fc.property(
    fc.integer({ min: FRAME_MIN, max: FRAME_MAX }),
    fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 8 }),
    fc.nat(3),
    (length, cuts, shift) => {
      const { receive, bytes, port, counters, serve } = deviceOf(), frame = frameOf(length);
      const start = ROOM + shift, room = HEADER + FRAME_MAX;
      bytes.fill(0xee, start - 1, start + room + 1);
      const buffers: Buffer[] = [];
      let at = 0;
      for (const cut of [...cuts, MEMORY]) {
        const part = Math.min(cut, room - at);
        if (part > 0) buffers.push(into(start + at, part));
        at += part;
      }
      const head = receive.add(buffers);
      port.waiting.push(frame);
      strictEqual(serve(RECEIVE), 1);
      deepStrictEqual(receive.collect(), [{ head, written: HEADER + length }]);
      const header = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]; // one buffer
      deepStrictEqual([...bytes.slice(start, start + HEADER + length)], [...header, ...frame]);
      const beside = [bytes[start - 1], ...bytes.slice(start + HEADER + length, start + room + 1)];
      ok(beside.every((byte) => byte === 0xee));
      deepStrictEqual([...counters], [0, 1, 0, 0]);
    },
  ));
});

Deno.test("a chain that is no frame is given back, dropped and counted", () => {
  const { transmit, port, counters, serve } = deviceOf();
  transmit.add([from(DATA, HEADER - 1)]);
  transmit.add([from(DATA, HEADER + FRAME_MIN - 1)]);
  transmit.add([from(DATA, HEADER + FRAME_MAX + 1)]);
  transmit.add([from(DATA, HEADER + 60), into(ROOM, 1)]);
  transmit.add([into(ROOM, HEADER + 60)]);
  strictEqual(serve(TRANSMIT), 5);
  strictEqual(transmit.collect().length, 5);
  port.full = true;
  transmit.add([from(DATA, HEADER + 60)]);
  serve(TRANSMIT);
  deepStrictEqual(port.sent, []);
  deepStrictEqual([...counters], [0, 0, 6, 0]);
});

Deno.test("room of the wrong kind is given back empty, and the frame takes the next", () => {
  const { receive, port, counters, serve } = deviceOf();
  receive.add([from(DATA, HEADER + 60)]);
  receive.add([into(ROOM, HEADER)]);
  const head = receive.add([into(ROOM, HEADER + 60)]);
  port.waiting.push(frameOf(60));
  strictEqual(serve(RECEIVE), 3);
  deepStrictEqual(receive.collect().map(({ written }) => written), [0, 0, HEADER + 60]);
  strictEqual(head, 2);
  deepStrictEqual([...counters], [0, 1, 2, 0]);
});

Deno.test("a frame that is larger than the room is dropped, and the room stays", () => {
  const { receive, port, counters, serve } = deviceOf();
  const head = receive.add([into(ROOM, HEADER + 100)]);
  port.waiting.push(frameOf(101), frameOf(100));
  strictEqual(serve(RECEIVE), 2);
  deepStrictEqual(receive.collect(), [{ head, written: HEADER + 100 }]);
  deepStrictEqual([...counters], [0, 1, 1, 0]);
});

Deno.test("VirtioNet says that the link is down when the other end has gone", () => {
  const { device, receive, port, counters, serve } = deviceOf();
  let told = 0;
  device.linkLost = () => void told++;
  const head = receive.add([into(ROOM, HEADER + 100)]);
  port.waiting.push(frameOf(60));
  port.gone = true;
  strictEqual(serve(RECEIVE), 1);
  deepStrictEqual(receive.collect(), [{ head, written: HEADER + 60 }]);
  strictEqual(device.config.read(6, 2), 1);
  receive.add([into(ROOM, HEADER + 100)]);
  strictEqual(serve(RECEIVE), 0);
  strictEqual(device.config.read(6, 2), 0);
  deepStrictEqual([told, ...counters], [1, 0, 1, 0, 1]);
});

Deno.test("without room frames wait, and a quantum ends even when frames are dropped", () => {
  const { receive, port, serve } = deviceOf();
  port.waiting.push(...Array.from({ length: 10 }, () => frameOf(100)));
  strictEqual(serve(RECEIVE), 0);
  strictEqual(port.waiting.length, 10);
  receive.add([into(ROOM, HEADER + 60)]);
  strictEqual(serve(RECEIVE, 4), 4);
  strictEqual(port.waiting.length, 6);
});

Deno.test("whatever a driver does, only what it made writable is written, and nothing throws", () => {
  const total = new Float64Array(NET_COUNTER.count);
  const create = () => {
    const { device, receive, transmit, port, counters } = deviceOf();
    return {
      device,
      port,
      counters,
      drivers: [receive, transmit],
      writes: (queue: number) => queue === RECEIVE,
      feed: (length: number) => void port.waiting.push(frameOf(length).map((byte) => byte | 1)),
    };
  };
  fuzzDevice(create, ({ port, counters }) => {
    ok(port.sent.every((frame) => frame.length >= FRAME_MIN && frame.length <= FRAME_MAX));
    counters.forEach((count, i) => total[i]! += count);
  });
  ok(
    total.subarray(0, NET_COUNTER.linksLost).every((count) => count > 1000),
    `hardly anything happened: ${total}`,
  );
});
