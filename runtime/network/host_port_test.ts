import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { GONE, LOST } from "./frame_port.ts";
import { HostPort } from "./host_port.ts";
import { TestFrames } from "./test_frames.ts";

const TICKS_PER_MS = 1000, EMPTY = -11, TOO_LARGE = -90, NOT_CONNECTED = -107;
const HANDLE = 5, VM = 3;

/** A port on something that answers what it is told to. */
function portOf(...answers: number[]) {
  const clock = { now: 1e6 }, asked: number[][] = [], ways = { given: 0 };
  const answer = (
    handle: number,
    vm: number,
    _words: AllowSharedBufferSource | null,
    count: number,
  ) => {
    asked.push([handle, vm, count]);
    return answers.shift() ?? EMPTY;
  };
  const giveWay = () => {
    ways.given++;
    return 0;
  };
  const calls = { send: answer, receive: answer, giveWay };
  const port = new HostPort(calls, HANDLE, VM, () => clock.now, TICKS_PER_MS);
  return { port, clock, asked, ways };
}

const frames = new TestFrames();

Deno.test("HostPort looks at once after what was sent, and at a stream's next frame", () => {
  const { port, asked } = portOf(60, 64, 64, 1514, EMPTY);
  strictEqual(port.pending, false); // nobody listens
  port.up = true;
  const room = frames.room(1514);
  strictEqual(port.send(frames.frame(Array(60).fill(1))), true);
  deepStrictEqual([port.pending, port.receive(room)], [true, 64]);
  strictEqual(port.pending, false); // the answer was all
  strictEqual(port.receive(room), 64);
  deepStrictEqual([port.pending, port.receive(room)], [true, 1514]);
  deepStrictEqual([port.pending, port.receive(room)], [true, 0]);
  strictEqual(port.pending, false);
  strictEqual(port.pending, false); // looking twice is one look
  deepStrictEqual(asked, Array(5).fill([HANDLE, VM, 1]));
});

Deno.test("HostPort gives its core away once for the answer to what was sent", () => {
  const answers = [60, EMPTY, 64, EMPTY, 60, 64, 60, EMPTY, EMPTY, 60, EMPTY, 64, 60, EMPTY, 64];
  const { port, ways } = portOf(...answers);
  port.up = true;
  const room = frames.room(1514), frame = frames.frame(Array(60).fill(1));
  port.send(frame);
  deepStrictEqual([port.receive(room), ways.given], [64, 1]);
  deepStrictEqual([port.receive(room), ways.given], [0, 1]);
  port.send(frame);
  deepStrictEqual([port.receive(room), ways.given], [64, 1]); // it had been answered at once
  port.send(frame);
  deepStrictEqual([port.receive(room), ways.given], [0, 2]);
  port.send(frame);
  deepStrictEqual([port.receive(room), ways.given], [0, 2]); // nobody had answered
  strictEqual(port.receive(room), 64);
  port.send(frame);
  deepStrictEqual([port.receive(room), ways.given], [64, 3]);
});

Deno.test("HostPort looks the less often, the longer nothing comes", () => {
  const { port, clock } = portOf(64);
  port.up = true;
  const room = frames.room(1514);
  strictEqual(port.receive(room), 64);
  const start = clock.now, looks: number[] = [];
  while (clock.now < start + TICKS_PER_MS) {
    clock.now += TICKS_PER_MS / 1e6;
    if (!port.pending) continue;
    looks.push(clock.now - start);
    port.receive(room);
  }
  const gaps = looks.map((at, i) => (at - (looks[i - 1] ?? 0)) / TICKS_PER_MS * 1000);
  ok(Math.min(...gaps) >= 2 && Math.max(...gaps) <= 20.1, `${gaps} us`);
  ok(gaps.every((gap, i) => i === 0 || gap >= gaps[i - 1]! - 0.1), `${gaps} us`);
});

Deno.test("HostPort loses a frame that is too large, and one that the host does not take", () => {
  const { port } = portOf(TOO_LARGE, 20, EMPTY);
  port.up = true;
  strictEqual(port.receive(frames.room(60)), LOST);
  strictEqual(port.send(frames.frame(Array(20).fill(1))), true);
  strictEqual(port.send(frames.frame(Array(20).fill(1))), false);
});

Deno.test("HostPort asks nothing more of an end that is gone", () => {
  const { port, clock, asked } = portOf(NOT_CONNECTED, 20, 20);
  port.up = true;
  strictEqual(port.receive(frames.room(60)), GONE);
  clock.now += TICKS_PER_MS;
  deepStrictEqual([port.pending, port.unannounced], [false, false]);
  strictEqual(port.send(frames.frame(Array(20).fill(1))), false);
  strictEqual(asked.length, 1);
});
