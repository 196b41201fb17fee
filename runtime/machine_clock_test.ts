import { deepStrictEqual, notDeepStrictEqual, strictEqual } from "node:assert";
import {
  EVENT_BYTES,
  EVENT_REASON,
  EVENT_TIME_HI,
  EVENT_TIME_LO,
  EXIT_EPT_VIOLATION,
} from "../cores/abi.ts";
import { POST_CYCLES, ROUND_TRIP_CYCLES, TRAP_CYCLES } from "../cores/cost_model.ts";
import { VIRTUAL_KHZ, VirtualClock } from "./machine_clock.ts";

const EPOCH = 946_684_800;

function event(time: number): Int32Array {
  const words = new Int32Array(EVENT_BYTES / 4);
  words[EVENT_REASON] = EXIT_EPT_VIOLATION;
  words[EVENT_TIME_LO] = time | 0;
  words[EVENT_TIME_HI] = Math.floor(time / 2 ** 32);
  return words;
}

Deno.test("a virtual clock says its events' time, from its epoch on", () => {
  const clock = new VirtualClock("split", { epoch: EPOCH, seed: 1 });
  strictEqual(clock.seconds(), EPOCH);
  const time = 7.5 * 1000 * VIRTUAL_KHZ; // more than 32 bits
  clock.begin(event(time), 0);
  strictEqual(clock.ticks(), time);
  strictEqual(clock.seconds(), EPOCH + 7);
  const words = new Uint32Array(2);
  clock.realtime(words);
  strictEqual(words[1]! * 2 ** 32 + words[0]!, EPOCH * 1e9 + 7.5e9);
});

Deno.test("a virtual clock's numbers depend on the seed alone", () => {
  const bytes = (seed: number) => {
    const clock = new VirtualClock("split", { epoch: EPOCH, seed });
    const all = new Uint8Array(64);
    clock.fill(all, 64);
    return all;
  };
  deepStrictEqual(bytes(1), bytes(1));
  notDeepStrictEqual(bytes(1), bytes(2));
});

Deno.test("a driver's notification costs a post where the placement is split", () => {
  for (
    const [placement, other, rung] of [
      ["split", ROUND_TRIP_CYCLES, POST_CYCLES],
      ["same-core", TRAP_CYCLES, TRAP_CYCLES],
    ] as const
  ) {
    const clock = new VirtualClock(placement, { epoch: EPOCH, seed: 1 });
    const words = event(1);
    clock.begin(words, 0);
    strictEqual(clock.cost(words, 0), other);
    clock.notified();
    strictEqual(clock.cost(words, 0), rung);
    clock.begin(words, 0);
    strictEqual(clock.cost(words, 0), other);
  }
});

Deno.test("due() is a positive number of cycles that fits, or 0", () => {
  const clock = new VirtualClock("split", { epoch: EPOCH, seed: 1 });
  clock.begin(event(1000), 0);
  strictEqual(clock.due(), 0);
  clock.dueAt = () => 1500;
  strictEqual(clock.due(), 500);
  clock.dueAt = () => 900;
  strictEqual(clock.due(), 1);
  clock.dueAt = () => 1e15;
  strictEqual(clock.due(), 2 ** 31 - 1);
});
