import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import {
  CALL_NOP,
  CALLS,
  ENOSYS,
  EVENT_ADDR_LO,
  EVENT_FLAGS,
  EVENT_REASON,
  EVENT_SEQ,
  EVENT_WRITE,
  EXIT_IO,
  HYPERCALL_PAGE_BYTES,
  HYPERCALL_PAGE_DOORBELL,
  HYPERCALL_PAGE_REQUEST,
  HYPERCALL_PAGE_RESPONSE,
  HYPERCALL_PAGE_RING,
  HYPERCALL_PAGE_RING_TAIL,
  OK,
  PORT_HYPERCALL,
  REQUEST_BYTES,
  REQUEST_NUMBER,
  REQUEST_SEQ,
  RESPONSE_SEQ,
  RESPONSE_STATUS,
  RESPONSE_VALUE_HI,
  RESPONSE_VALUE_LO,
  RING_DEPTH,
  VCPU_BLOCK_BYTES,
  VCPU_BLOCK_EVENT,
} from "../cores/abi.ts";
import { GuestMemory } from "../cores/guest_memory.ts";
import { DONE, REPLY_WORDS, STATUS, VALUE_HI, VALUE_LO } from "../cores/outcome.ts";
import type { Stub } from "../cores/stub.ts";
import { COUNTER, VcpuChannel } from "../cores/vcpu_channel.ts";
import { BlockService } from "./block.ts";
import { ClockService } from "./clock.ts";
import { ConsoleService } from "./console.ts";
import { ConsoleReader, ConsoleWriter, createConsoleBuffer } from "./console_ring.ts";
import { CALL_COUNTER, Hypercalls } from "./hypercalls.ts";

const REQUEST_WORDS = REQUEST_BYTES / 4;
const PAGE = 96 * 1024;

const clock = { realtime: (now: Uint32Array) => now.set([1, 2]) };
/** For a machine without a disk. */
const NO_STUB = {} as Stub;

/** Guest memory that ends with the hypercall page. */
const bytes = new Uint8Array(PAGE + HYPERCALL_PAGE_BYTES);

function servicesOver(memory: GuestMemory) {
  const buffer = createConsoleBuffer(), counters = new Float64Array(CALL_COUNTER.count);
  const calls = new Hypercalls(
    new ConsoleService(memory, new ConsoleWriter(buffer)),
    new ClockService(clock),
    new BlockService(NO_STUB, 1, memory, null),
    counters,
  );
  return { calls, counters, output: new ConsoleReader(buffer) };
}

/** xorshift32: any 32-bit word, as a typed array would show it. */
function wordsFrom(seed: number): () => number {
  let state = seed || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    return state ^= state << 5;
  };
}

/**
 * Overwrites every word, mostly with small numbers, so that many a request makes sense.
 *
 * @param next sequence number that the ring's next slot must hold to be served
 */
function garble(page: Int32Array, random: () => number, next: number): void {
  for (let i = 0; i < page.length; i++) {
    const kind = random() & 15;
    page[i] = random() & (kind === 0 ? -1 : kind === 1 ? 0xffff : 0xff);
  }
  for (let filled = random() & 31; filled > 0; filled--, next++) {
    const slot = HYPERCALL_PAGE_RING + (next - 1) % RING_DEPTH * REQUEST_WORDS;
    page[slot + REQUEST_SEQ] = next;
    page[slot + REQUEST_NUMBER] = random() & 15;
  }
  page[HYPERCALL_PAGE_REQUEST + REQUEST_NUMBER] = random() & 15;
}

/** What the hypervisor may write in a hypercall page. */
const OWN_WORDS = new Set([
  HYPERCALL_PAGE_DOORBELL,
  HYPERCALL_PAGE_RING_TAIL,
  ...[RESPONSE_SEQ, RESPONSE_STATUS, RESPONSE_VALUE_LO, RESPONSE_VALUE_HI].map((field) =>
    HYPERCALL_PAGE_RESPONSE + field
  ),
]);

Deno.test("poll() takes whatever a guest writes into its page, and writes only its own words", () => {
  const memory = new GuestMemory(
    Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)),
    bytes.length,
  );
  const served = new Float64Array(COUNTER.count);
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = wordsFrom(seed);
      const page = memory.words(PAGE, HYPERCALL_PAGE_BYTES).fill(0);
      const block = new Int32Array(VCPU_BLOCK_BYTES / 4);
      const { calls, output } = servicesOver(memory);
      const counters = new Float64Array(COUNTER.count);
      const machine = { exits: { exit: () => DONE }, calls, poweredOff() {}, failed() {} };
      let now = 0;
      const ticks = () => now += 2 ** 70; // further than a guest can park
      const channel = new VcpuChannel(block, page, machine, counters, ticks, 1);
      block[VCPU_BLOCK_EVENT + EVENT_REASON] = EXIT_IO;
      block[VCPU_BLOCK_EVENT + EVENT_ADDR_LO] = PORT_HYPERCALL;
      block[VCPU_BLOCK_EVENT + EVENT_FLAGS] = EVENT_WRITE;
      for (let turn = 0; turn < 100; turn++) {
        garble(page, random, counters[COUNTER.postedCalls]! + 1);
        if ((random() & 3) === 0) block[VCPU_BLOCK_EVENT + EVENT_SEQ]!++;
        const before = page.slice();
        channel.poll();
        const foreign = page.findIndex((word, i) => word !== before[i] && !OWN_WORDS.has(i));
        strictEqual(foreign, -1);
        if ((random() & 3) === 0) output.take();
      }
      ok(bytes.subarray(0, PAGE).every((byte) => byte === 0));
      counters.forEach((count, i) => served[i]! += count);
    }),
    { numRuns: 100 },
  );
  for (const kind of [COUNTER.exits, COUNTER.calls, COUNTER.postedCalls]) ok(served[kind]! > 100);
});

/** Asks for a number without arguments: status and value. */
function ask(calls: Hypercalls, number: number): number[] {
  const request = new Int32Array(REQUEST_WORDS), reply = new Int32Array(REPLY_WORDS);
  request[REQUEST_NUMBER] = number;
  strictEqual(calls.call(request, 0, reply), DONE);
  return [reply[STATUS]!, reply[VALUE_LO]!, reply[VALUE_HI]!];
}

Deno.test("call() refuses and counts a number that no service has", () => {
  const { calls, counters } = servicesOver(new GuestMemory(0n, 0));
  for (const number of [CALLS, -1, 2 ** 31 - 1]) {
    deepStrictEqual(ask(calls, number), [ENOSYS, 0, 0]);
  }
  strictEqual(counters[CALL_COUNTER.unknown], 3);
  deepStrictEqual(ask(calls, CALL_NOP), [OK, 0, 0]);
  strictEqual(counters[CALL_COUNTER.unknown], 3);
});
