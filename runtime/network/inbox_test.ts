import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { FRAME_MAX, LOST } from "./frame_port.ts";
import { createInbox, Inbox, LANE_WORDS } from "./inbox.ts";
import { TestFrames } from "./test_frames.ts";
import { frameOf, type WriterOrder } from "./test_writer.ts";

const frames = new TestFrames();

function openInbox(lanes: number) {
  const memory = createInbox(), inbox = new Inbox(memory);
  inbox.open(lanes);
  inbox.up = true;
  return { memory, inbox };
}

/** Words that a frame takes up. */
const wordsOf = (length: number) => 1 + Math.ceil(length / 4);

Deno.test("frames of any length come as they were, lane by lane, and a full lane takes no more", () => {
  const LANES = 3;
  const length = fc.oneof(fc.integer({ min: 14, max: FRAME_MAX }), fc.constant(FRAME_MAX));
  const step = fc.oneof(
    fc.record({ lane: fc.nat(LANES - 1), length, times: fc.nat(200) }),
    fc.record({ take: fc.nat(300), room: fc.constantFrom(FRAME_MAX, FRAME_MAX, 700) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { inbox } = openInbox(LANES);
      const waiting: number[][] = Array.from({ length: LANES }, () => []);
      let next = 0, number = 0;
      for (const step of steps) {
        if ("lane" in step) {
          const lane = waiting[step.lane]!;
          for (let i = 0; i < step.times; i++) {
            number++;
            const bytes = Array(step.length).fill(number & 255);
            const held = lane.reduce((sum, seen) => sum + wordsOf(seen >> 8), 0);
            const taken = inbox.put(frames.frame(bytes), step.lane);
            // Where the end of the lane is too near, a record's words at most are left out.
            if (taken) ok(held + wordsOf(step.length) <= LANE_WORDS);
            else ok(held + 2 * wordsOf(FRAME_MAX) > LANE_WORDS);
            if (taken) lane.push(step.length << 8 | number & 255);
          }
          continue;
        }
        for (let i = 0; i < step.take; i++) {
          const lane = [0, 1, 2].map((i) => (next + i) % LANES).find((i) => waiting[i]!.length > 0);
          const length = inbox.take(frames.room(step.room));
          if (lane === undefined) {
            deepStrictEqual([length, inbox.pending], [0, false]);
            break;
          }
          next = (lane + 1) % LANES;
          const wanted = waiting[lane]!.shift()!;
          strictEqual(length, wanted >> 8 <= step.room ? wanted >> 8 : LOST);
          if (length === LOST) continue;
          const got = frames.got(length);
          deepStrictEqual([got[0], got.at(-1)], [wanted & 255, wanted & 255]);
        }
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("counts of words go round without a trace", () => {
  const { inbox, memory } = openInbox(1);
  // Both counts of the only lane, shortly before they begin anew.
  const words = new Int32Array(memory);
  words[128] = words[160] = -LANE_WORDS;
  for (let i = 0; i < 2000; i++) {
    ok(inbox.put(frames.frame(Array(FRAME_MAX).fill(i & 255)), 0));
    strictEqual(inbox.take(frames.room(FRAME_MAX)), FRAME_MAX);
    strictEqual(frames.got(1)[0], i & 255);
  }
  ok(words[128]! > 0);
});

Deno.test("a writer that comes after another one goes on where it was", () => {
  const { memory, inbox } = openInbox(1);
  for (let i = 0; i < 3; i++) new Inbox(memory).put(frames.frame(Array(14).fill(i)), 0);
  for (let i = 0; i < 3; i++) {
    strictEqual(inbox.take(frames.room(FRAME_MAX)), 14);
    strictEqual(frames.got(1)[0], i);
  }
});

Deno.test("frames that other threads put in arrive all, each sender's in order", async () => {
  const WRITERS = 2, COUNT = 3000;
  const { memory, inbox } = openInbox(WRITERS);
  const workers = Array.from(
    { length: WRITERS },
    () => new Worker(new URL("./test_writer.ts", import.meta.url), { type: "module" }),
  );
  const done = workers.map((worker) =>
    new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data))
  );
  workers.forEach((worker, lane) =>
    worker.postMessage({ memory, lane, count: COUNT } satisfies WriterOrder)
  );
  const next: number[] = Array(WRITERS).fill(0), room = frames.room(FRAME_MAX);
  for (let taken = 0; taken < WRITERS * COUNT;) {
    const length = inbox.pending ? inbox.take(room) : 0;
    if (length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 0)); // the writers may need this core
      continue;
    }
    const bytes = frames.got(length), lane = bytes[0]!;
    deepStrictEqual(bytes, frameOf(lane, next[lane]!++));
    taken++;
  }
  await Promise.all(done);
  strictEqual(inbox.take(room), 0);
  for (const worker of workers) worker.terminate();
});
