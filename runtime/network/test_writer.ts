/** A worker that puts frames into an inbox as fast as it can, for the test of its memory. */
import { Inbox } from "./inbox.ts";
import { TestFrames } from "./test_frames.ts";

/** What it is told. */
export interface WriterOrder {
  readonly memory: SharedArrayBuffer;
  readonly lane: number;
  readonly count: number;
}

/** Bytes of a frame that has this number: what is left is filled by the number's bytes. */
export function frameOf(lane: number, number: number): number[] {
  const length = 14 + (number * 7919 + lane) % 1500;
  return Array.from({ length }, (_, i) => i === 0 ? lane : number >> 8 * (i % 3) & 255);
}

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<WriterOrder>) => void) | null;
  postMessage(lost: number): void;
};

scope.onmessage = ({ data: { memory, lane, count } }) => {
  const inbox = new Inbox(memory), frames = new TestFrames();
  let refused = 0;
  for (let number = 0; number < count; number++) {
    const frame = frames.frame(frameOf(lane, number));
    while (!inbox.put(frame, lane)) {
      refused++;
      Atomics.pause();
    }
  }
  scope.postMessage(refused);
};
