/**
 * What a hypervisor core does all day: poll every vCPU it serves, spin for a while when there is
 * nothing, then sleep until someone rings.
 */
import {
  CORE_BLOCK_COMMAND,
  CORE_BLOCK_LOOP_TICKS,
  CORE_BLOCK_PARKED,
  CORE_BLOCK_PARKED_TICKS,
  CORE_BLOCK_PARKS,
  CORE_BLOCK_TURNS,
  CORE_RUN,
} from "./abi.ts";
import type { Stub } from "./stub.ts";

/** What the loop polls: a vCPU's channel, or the device queues of a machine. */
export interface Pollable {
  /** Serves what has come: whether there was anything. Allocates nothing. */
  poll(): boolean;
  /** Whether producers must ring, because the core is about to sleep. */
  set doorbell(wanted: boolean);
  /** Ticks at which something is due although nobody publishes anything; Infinity when nothing. */
  readonly deadline: number;
}

/** Something polled, and what to do when serving it throws. */
export interface Served {
  readonly channel: Pollable;
  /** Whether its machine still runs; the loop drops it otherwise. */
  readonly live: boolean;
  /** A defect in a handler: ends this machine only. */
  crashed(error: unknown): void;
}

/** One hypervisor core as its own loop sees it. */
export interface CoreView {
  readonly stub: Stub;
  readonly handle: number;
  /** The core's block, as words and as doubles. */
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly ticksPerNs: number;
  /** How long to spin without work before sleeping, in nanoseconds. */
  readonly spinNs: number;
}

/** Idle turns between two looks at the clock. */
const TURNS_PER_LOOK = 64;
/**
 * One idle turn in so many ends with PAUSE; a power of two. Loads in flight when a guest writes a
 * polled line are thrown away (SDM vol. 2, PAUSE), so spinning without it delays the answer.
 */
const PAUSE_EVERY = 4;
/** The longest sleep, so that a lost ring costs no more than this. */
const LONGEST_SLEEP_US = 100_000;

/**
 * Runs until the core's command word is something else than `CORE_RUN`.
 *
 * @param core where it runs
 * @param served the vCPUs; those whose machine has ended are taken out of the array
 * @returns the command
 */
export function hypervisorLoop(core: CoreView, served: Served[]): number {
  const { words, doubles, stub } = core;
  const spinTicks = core.spinNs * core.ticksPerNs;
  const entered = stub.sx_tsc();
  const loopTicksBefore = doubles[CORE_BLOCK_LOOP_TICKS / 2]!;
  let idleTurns = 0;
  let idleSince = entered;
  while (words[CORE_BLOCK_COMMAND] === CORE_RUN) {
    if (pollAll(served)) {
      idleTurns = 0;
      continue;
    }
    if ((idleTurns & (PAUSE_EVERY - 1)) === 0) Atomics.pause();
    if (++idleTurns % TURNS_PER_LOOK !== 0) continue;
    const now = stub.sx_tsc();
    if (idleTurns === TURNS_PER_LOOK) {
      idleSince = now;
      doubles[CORE_BLOCK_LOOP_TICKS / 2] = loopTicksBefore + now - entered;
    }
    doubles[CORE_BLOCK_TURNS / 2]! += TURNS_PER_LOOK;
    if (now - idleSince >= spinTicks) {
      park(core, served, now);
      idleTurns = 0;
    }
  }
  doubles[CORE_BLOCK_LOOP_TICKS / 2] = loopTicksBefore + stub.sx_tsc() - entered;
  return words[CORE_BLOCK_COMMAND]!;
}

/** One turn. A machine that ended is taken out unserved; one whose handler throws is ended. */
export function pollAll(served: Served[]): boolean {
  let any = false;
  for (let i = 0; i < served.length; i++) {
    const one = served[i]!;
    try {
      if (!one.channel.poll()) continue;
    } catch (error) {
      one.crashed(error);
    }
    any = true;
    if (!one.live) i -= dropEnded(served, i);
  }
  return any;
}

/** Takes out every vCPU of machines that have ended: how many stood up to index `last`. */
function dropEnded(served: Served[], last: number): number {
  let before = 0;
  for (let i = served.length - 1; i >= 0; i--) {
    if (served[i]!.live) continue;
    served.splice(i, 1);
    if (i <= last) before++;
  }
  return before;
}

/**
 * Sleeps. The parked word and the guests' doorbell words are raised first and then everything is
 * polled once more: whoever published before seeing them has been seen, whoever did after rings. A
 * bell that was rung while nobody slept ends the next sleep at once.
 */
function park(core: CoreView, served: Served[], since: number): void {
  const { words, doubles, stub } = core;
  for (let i = 0; i < served.length; i++) served[i]!.channel.doorbell = true;
  Atomics.store(words, CORE_BLOCK_PARKED, 1);
  if (!pollAll(served) && Atomics.load(words, CORE_BLOCK_COMMAND) === CORE_RUN) {
    stub.sx_core_park(core.handle, sleepMicroseconds(core, served, since));
    doubles[CORE_BLOCK_PARKS / 2]!++;
    doubles[CORE_BLOCK_PARKED_TICKS / 2]! += stub.sx_tsc() - since;
  }
  Atomics.store(words, CORE_BLOCK_PARKED, 0);
  for (let i = 0; i < served.length; i++) served[i]!.channel.doorbell = false;
}

/** 0, without limit, when nothing is served. */
function sleepMicroseconds(core: CoreView, served: Served[], now: number): number {
  if (served.length === 0) return 0;
  let soonest = Infinity;
  for (let i = 0; i < served.length; i++) {
    soonest = Math.min(soonest, served[i]!.channel.deadline);
  }
  const microseconds = (soonest - now) / core.ticksPerNs / 1000;
  return Math.max(1, Math.min(LONGEST_SLEEP_US, Math.ceil(microseconds)));
}
