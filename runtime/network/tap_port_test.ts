import { deepStrictEqual, strictEqual } from "node:assert";
import type { Stub } from "../../cores/stub.ts";
import { LOST } from "./frame_port.ts";
import { TapPort } from "./tap_port.ts";
import { TestFrames } from "./test_frames.ts";

const TICKS_PER_MS = 1000, EMPTY = -11, TOO_LARGE = -90;
const TAP = 5, VM = 3;

/** A port on an interface that answers what it is told to. */
function portOf(...answers: number[]) {
  const clock = { now: 1e6 }, calls: number[][] = [];
  const answer = (tap: number, vm: number, _words: Int32Array, count: number) => {
    calls.push([tap, vm, count]);
    return answers.shift() ?? EMPTY;
  };
  const stub = { sx_tsc: () => clock.now, sx_tap_receive: answer, sx_tap_send: answer };
  const port = new TapPort(stub as unknown as Stub, TAP, VM, TICKS_PER_MS);
  return { port, clock, calls };
}

const frames = new TestFrames();

Deno.test("TapPort looks again at once after a frame, and later after none", () => {
  const { port, clock, calls } = portOf(60, 1514);
  strictEqual(port.pending, false); // nobody listens
  port.up = true;
  const room = frames.room(1514);
  deepStrictEqual([port.pending, port.receive(room)], [true, 60]);
  deepStrictEqual([port.pending, port.receive(room)], [true, 1514]);
  deepStrictEqual([port.pending, port.receive(room)], [true, 0]);
  strictEqual(port.pending, false);
  clock.now += TICKS_PER_MS;
  strictEqual(port.pending, true);
  strictEqual(port.pending, true); // looking twice is one look
  deepStrictEqual(calls, [[TAP, VM, 1], [TAP, VM, 1], [TAP, VM, 1]]);
});

Deno.test("TapPort loses a frame that is too large, and one that the host does not take", () => {
  const { port } = portOf(TOO_LARGE, 20, EMPTY);
  port.up = true;
  strictEqual(port.receive(frames.room(60)), LOST);
  strictEqual(port.pending, true);
  strictEqual(port.send(frames.frame(Array(20).fill(1))), true);
  strictEqual(port.send(frames.frame(Array(20).fill(1))), false);
});
