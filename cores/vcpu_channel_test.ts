import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import {
  ACTION_PARK,
  ACTION_RESUME,
  ACTION_SKIP,
  CALL_NOP,
  COMPLETION_ACTION,
  COMPLETION_CYCLES,
  COMPLETION_DATA_HI,
  COMPLETION_DATA_LO,
  COMPLETION_DUE,
  COMPLETION_SEQ,
  EVENT_ADDR_LO,
  EVENT_BYTES,
  EVENT_DATA_LO,
  EVENT_FLAGS,
  EVENT_REASON,
  EVENT_SEQ,
  EVENT_WRITE,
  EXIT_CPUID,
  EXIT_HLT,
  EXIT_IO,
  EXIT_TRIPLE_FAULT,
  HYPERCALL_PAGE_BYTES,
  HYPERCALL_PAGE_DOORBELL,
  HYPERCALL_PAGE_REQUEST,
  HYPERCALL_PAGE_RESPONSE,
  HYPERCALL_PAGE_RING,
  HYPERCALL_PAGE_RING_TAIL,
  OK,
  PORT_COM1,
  PORT_HYPERCALL,
  POSTED_DEPTH,
  REQUEST_A0_LO,
  REQUEST_BYTES,
  REQUEST_NUMBER,
  REQUEST_SEQ,
  RESPONSE_SEQ,
  RESPONSE_STATUS,
  RESPONSE_VALUE_HI,
  RESPONSE_VALUE_LO,
  RING_DEPTH,
  VCPU_BLOCK_BYTES,
  VCPU_BLOCK_COMPLETION,
  VCPU_BLOCK_EVENT,
  VCPU_BLOCK_POSTED,
  VCPU_BLOCK_POSTED_TAIL,
} from "./abi.ts";
import { DONE, FAIL, PARK, POWER_OFF, RETRY, SKIP, STATUS, VALUE_HI, VALUE_LO } from "./outcome.ts";
import { POST_CYCLES, ROUND_TRIP_CYCLES } from "./cost_model.ts";
import { COUNTER, type EventClock, TIMED_EVERY, VcpuChannel } from "./vcpu_channel.ts";
import { waitBucket } from "./wait_buckets.ts";

/** What a handler does with the event or request that carries a label. */
type Answer = (label: number, reply: Int32Array) => number;

/** Views taken of `words` from now on note the index of every word that is written. */
function noteWrites(words: Int32Array<ArrayBuffer>, written: number[]): void {
  words.subarray = (first = 0, end) =>
    new Proxy(Int32Array.prototype.subarray.call(words, first, end) as typeof words, {
      get: (view, name) => Reflect.get(view, name, view),
      set: (view, name, to) => {
        written.push(first + Number(name));
        return Reflect.set(view, name, to, view);
      },
    });
}

interface VcpuOptions {
  readonly seq?: number;
  readonly ticksPerNs?: number;
  readonly written?: number[];
  readonly clock?: EventClock;
}

/**
 * A vCPU's side of its channel, with handlers that note what they were asked. Each event and each
 * request carries a label: in the data of an event, in the first argument of a request.
 */
class Vcpu {
  readonly block = new Int32Array(VCPU_BLOCK_BYTES / 4);
  readonly page = new Int32Array(HYPERCALL_PAGE_BYTES / 4);
  readonly counters = new Float64Array(COUNTER.count);
  readonly channel: VcpuChannel;
  /** In order: `exit LABEL` and `call LABEL`. */
  readonly asked: string[] = [];
  /** `off CODE` and `failed REASON`. */
  readonly ends: string[] = [];
  answer: Answer = () => DONE;
  now = 0;
  posted = 0;
  requested = 0;

  /**
   * @param seq that the last exit and the last request of the cell had
   * @param written receives the index of every word that the channel writes
   */
  constructor({ seq = 0, ticksPerNs = 1, written, clock }: VcpuOptions = {}) {
    this.block[VCPU_BLOCK_COMPLETION + COMPLETION_SEQ] = seq;
    this.block[VCPU_BLOCK_EVENT + EVENT_SEQ] = seq;
    this.page[HYPERCALL_PAGE_RESPONSE + RESPONSE_SEQ] = seq;
    this.page[HYPERCALL_PAGE_REQUEST + REQUEST_SEQ] = seq;
    if (written) { for (const words of [this.block, this.page]) noteWrites(words, written); }
    const serve = (kind: string, label: number, reply: Int32Array) => {
      this.asked.push(`${kind} ${label}`);
      return this.answer(label, reply);
    };
    const machine = {
      exits: {
        exit: (words: Int32Array, at: number, reply: Int32Array) =>
          serve("exit", words[at + EVENT_DATA_LO]!, reply),
      },
      calls: {
        call: (words: Int32Array, at: number, reply: Int32Array) =>
          serve("call", words[at + REQUEST_A0_LO]!, reply),
      },
      poweredOff: (code: number) => void this.ends.push(`off ${code}`),
      failed: (words: Int32Array, at: number) =>
        void this.ends.push(`failed ${words[at + EVENT_REASON]}`),
    };
    const ticks = () => this.now;
    const { block, page, counters } = this;
    this.channel = new VcpuChannel(block, page, machine, counters, ticks, ticksPerNs, clock);
  }

  /** Exits and waits; an OUT to COM1 unless told otherwise. */
  exit(label: number, { reason = EXIT_IO, port = PORT_COM1, flags = EVENT_WRITE } = {}): void {
    this.#event(VCPU_BLOCK_EVENT, label, reason, port, flags);
    this.block[VCPU_BLOCK_EVENT + EVENT_SEQ]!++;
  }

  /** Exits and goes on. */
  postExit(label: number, reason = EXIT_IO): void {
    const at = VCPU_BLOCK_POSTED + this.posted++ % POSTED_DEPTH * (EVENT_BYTES / 4);
    this.#event(at, label, reason, PORT_COM1, EVENT_WRITE);
    this.block[at + EVENT_SEQ] = this.posted;
  }

  /** Fills the cell, without publishing it. */
  fillCell(label: number): void {
    this.#request(HYPERCALL_PAGE_REQUEST, label);
  }

  /** Asks by the cell and waits. */
  request(label: number): void {
    this.fillCell(label);
    this.page[HYPERCALL_PAGE_REQUEST + REQUEST_SEQ]!++;
  }

  /** Asks by the ring and goes on. */
  postRequest(label: number): void {
    const at = HYPERCALL_PAGE_RING + this.requested++ % RING_DEPTH * (REQUEST_BYTES / 4);
    this.#request(at, label);
    this.page[at + REQUEST_SEQ] = this.requested;
  }

  /** Lets the channel serve until there is nothing more. */
  settle(): void {
    for (let turns = 0; this.channel.poll(); turns++) ok(turns < 1000, "there is always more");
  }

  /** What has been asked since the last look. */
  takeAsked(): string[] {
    return this.asked.splice(0);
  }

  completion(field: number): number {
    return this.block[VCPU_BLOCK_COMPLETION + field]!;
  }

  response(field: number): number {
    return this.page[HYPERCALL_PAGE_RESPONSE + field]!;
  }

  get exitsServed(): number {
    return this.block[VCPU_BLOCK_POSTED_TAIL]!;
  }

  get requestsServed(): number {
    return this.page[HYPERCALL_PAGE_RING_TAIL]!;
  }

  #event(at: number, label: number, reason: number, port: number, flags: number): void {
    this.block[at + EVENT_REASON] = reason;
    this.block[at + EVENT_ADDR_LO] = port;
    this.block[at + EVENT_FLAGS] = flags;
    this.block[at + EVENT_DATA_LO] = label;
  }

  #request(at: number, label: number): void {
    this.page[at + REQUEST_NUMBER] = CALL_NOP;
    this.page[at + REQUEST_A0_LO] = label;
  }
}

/** Answers with a value. */
function value(lo: number, hi: number, outcome = DONE): Answer {
  return (_, reply) => {
    reply[STATUS] = OK;
    reply[VALUE_LO] = lo;
    reply[VALUE_HI] = hi;
    return outcome;
  };
}

Deno.test("poll() finds nothing where nothing was published", () => {
  const vcpu = new Vcpu();
  strictEqual(vcpu.channel.poll(), false);
  strictEqual(vcpu.channel.pending, false);
  strictEqual(vcpu.channel.deadline, Infinity);
  deepStrictEqual(vcpu.asked, []);
});

Deno.test("poll() completes a synchronous exit", () => {
  const vcpu = new Vcpu();
  vcpu.answer = value(7, -1);
  vcpu.exit(1);
  strictEqual(vcpu.channel.pending, true);
  strictEqual(vcpu.channel.poll(), true);
  strictEqual(vcpu.channel.pending, false);
  strictEqual(vcpu.completion(COMPLETION_SEQ), 1);
  strictEqual(vcpu.completion(COMPLETION_ACTION), ACTION_RESUME);
  strictEqual(vcpu.completion(COMPLETION_DATA_LO), 7);
  strictEqual(vcpu.completion(COMPLETION_DATA_HI), -1);
  strictEqual(vcpu.channel.poll(), false);
  deepStrictEqual(vcpu.asked, ["exit 1"]);
});

Deno.test("poll() answers a request of the cell", () => {
  const vcpu = new Vcpu();
  vcpu.answer = value(3, 4);
  vcpu.request(1);
  strictEqual(vcpu.channel.poll(), true);
  strictEqual(vcpu.response(RESPONSE_SEQ), 1);
  strictEqual(vcpu.response(RESPONSE_STATUS), OK);
  strictEqual(vcpu.response(RESPONSE_VALUE_LO), 3);
  strictEqual(vcpu.response(RESPONSE_VALUE_HI), 4);
  strictEqual(vcpu.channel.poll(), false);
});

Deno.test("poll() answers every one of many requests", () => {
  const vcpu = new Vcpu();
  for (let seq = 1; seq <= 100; seq++) {
    vcpu.answer = value(2 * seq, 0);
    vcpu.request(seq);
    strictEqual(vcpu.channel.poll(), true);
    strictEqual(vcpu.response(RESPONSE_SEQ), seq);
    strictEqual(vcpu.response(RESPONSE_VALUE_LO), 2 * seq);
  }
});

Deno.test("poll() counts how long answering took in one serving of 16", () => {
  const vcpu = new Vcpu();
  vcpu.answer = () => {
    vcpu.now += 1000;
    return DONE;
  };
  for (let label = 0; label < 3 * TIMED_EVERY; label++) {
    vcpu.request(label);
    vcpu.settle();
  }
  const counts = vcpu.counters.subarray(COUNTER.callWaits, COUNTER.count);
  deepStrictEqual([vcpu.counters[COUNTER.callTicks], counts[waitBucket(1000)]], [3000, 3]);
  strictEqual(counts.reduce((sum, count) => sum + count), 3);
});

Deno.test("poll() counts no time of a request that has got no answer", () => {
  const vcpu = new Vcpu();
  vcpu.answer = () => RETRY;
  vcpu.request(1);
  vcpu.channel.poll();
  const parked = new Vcpu();
  parked.answer = value(1000, 0, PARK);
  parked.request(1);
  parked.channel.poll();
  for (const { counters } of [vcpu, parked]) {
    ok(counters.subarray(COUNTER.callWaits).every((count) => count === 0));
  }
});

Deno.test("poll() writes the sequence number of an answer last", () => {
  for (
    const [kind, line] of [
      ["exit", VCPU_BLOCK_COMPLETION],
      ["request", HYPERCALL_PAGE_RESPONSE],
    ] as const
  ) {
    const written: number[] = [];
    const vcpu = new Vcpu({ written });
    vcpu.answer = value(1, 2);
    vcpu[kind](1);
    vcpu.channel.poll();
    deepStrictEqual([...new Set(written)].sort(), [line, line + 1, line + 2, line + 3]);
    strictEqual(written.indexOf(line), written.length - 1);
  }
});

Deno.test("poll() takes sequence numbers that wrap", () => {
  for (const last of [2 ** 31 - 1, -1]) {
    const vcpu = new Vcpu({ seq: last });
    strictEqual(vcpu.channel.poll(), false);
    vcpu.exit(1);
    vcpu.request(2);
    vcpu.channel.poll();
    deepStrictEqual(vcpu.asked, ["exit 1", "call 2"]);
    strictEqual(vcpu.completion(COMPLETION_SEQ), last + 1 | 0);
    strictEqual(vcpu.response(RESPONSE_SEQ), last + 1 | 0);
  }
});

Deno.test("poll() serves what was posted, in order, before what is waited for", () => {
  const vcpu = new Vcpu();
  vcpu.postRequest(11);
  vcpu.postExit(1);
  vcpu.postExit(2);
  vcpu.postRequest(12);
  vcpu.exit(3);
  vcpu.request(13);
  vcpu.channel.poll();
  const asked = vcpu.takeAsked();
  deepStrictEqual(asked.slice(0, 4).filter((line) => line.startsWith("exit")), [
    "exit 1",
    "exit 2",
  ]);
  deepStrictEqual(asked.slice(0, 4).filter((line) => line.startsWith("call")), [
    "call 11",
    "call 12",
  ]);
  deepStrictEqual(asked.slice(4), ["exit 3", "call 13"]);
  strictEqual(vcpu.exitsServed, 2);
  strictEqual(vcpu.requestsServed, 2);
  deepStrictEqual([...vcpu.counters].slice(0, COUNTER.busyTicks), [1, 2, 1, 2]);
});

Deno.test("poll() keeps the order over full rings, whatever a turn serves", () => {
  for (const kind of ["exit", "call"] as const) {
    const vcpu = new Vcpu();
    for (let label = 0; label < POSTED_DEPTH; label++) {
      kind === "exit" ? vcpu.postExit(label) : vcpu.postRequest(label);
    }
    vcpu.exit(POSTED_DEPTH);
    vcpu.request(POSTED_DEPTH + 1);
    vcpu.settle();
    deepStrictEqual(vcpu.asked, [
      ...Array.from({ length: POSTED_DEPTH }, (_, label) => `${kind} ${label}`),
      `exit ${POSTED_DEPTH}`,
      `call ${POSTED_DEPTH + 1}`,
    ]);
  }
});

Deno.test("poll() loses and repeats nothing as the rings wrap around", () => {
  const turns = fc.array(fc.tuple(fc.nat(POSTED_DEPTH), fc.nat(RING_DEPTH)), { minLength: 8 });
  fc.assert(fc.property(turns, (turns) => {
    const vcpu = new Vcpu();
    for (const [exits, requests] of turns) {
      for (let i = 0; i < exits && vcpu.posted - vcpu.exitsServed < POSTED_DEPTH; i++) {
        vcpu.postExit(vcpu.posted);
      }
      for (let i = 0; i < requests && vcpu.requested - vcpu.requestsServed < RING_DEPTH; i++) {
        vcpu.postRequest(vcpu.requested);
      }
      vcpu.channel.poll();
    }
    vcpu.settle();
    const labels = (kind: string) =>
      vcpu.asked.filter((line) => line.startsWith(kind)).map((line) => Number(line.slice(5)));
    deepStrictEqual(labels("exit"), Array.from({ length: vcpu.posted }, (_, i) => i));
    deepStrictEqual(labels("call"), Array.from({ length: vcpu.requested }, (_, i) => i));
    strictEqual(vcpu.exitsServed, vcpu.posted);
    strictEqual(vcpu.requestsServed, vcpu.requested);
  }));
});

Deno.test("poll() ignores a slot whose sequence number is not the next one", () => {
  const vcpu = new Vcpu();
  for (const seq of [0, 2, -1, 1 + RING_DEPTH]) {
    vcpu.page[HYPERCALL_PAGE_RING + REQUEST_SEQ] = seq;
    vcpu.block[VCPU_BLOCK_POSTED + EVENT_SEQ] = seq;
    strictEqual(vcpu.channel.poll(), false);
  }
  deepStrictEqual(vcpu.asked, []);
});

Deno.test("poll() serves again, and nothing after it before it, what could not be served", () => {
  const post = { exit: "postExit", call: "postRequest" } as const;
  for (const kind of ["exit", "call"] as const) {
    const vcpu = new Vcpu();
    let full = true;
    vcpu.answer = (label) => full && label === 2 ? RETRY : DONE;
    for (const label of [1, 2, 3]) vcpu[post[kind]](label);
    vcpu.exit(4);
    vcpu.request(5);
    vcpu.channel.poll();
    deepStrictEqual(vcpu.takeAsked(), [`${kind} 1`, `${kind} 2`]);
    strictEqual(kind === "exit" ? vcpu.exitsServed : vcpu.requestsServed, 1);
    vcpu.channel.poll();
    deepStrictEqual(vcpu.takeAsked(), [`${kind} 2`]);
    strictEqual(vcpu.completion(COMPLETION_SEQ), 0);
    full = false;
    vcpu.channel.poll();
    deepStrictEqual(vcpu.takeAsked(), [`${kind} 2`, `${kind} 3`, "exit 4", "call 5"]);
    strictEqual(vcpu.completion(COMPLETION_SEQ), 1);
  }
});

Deno.test("poll() keeps a synchronous exit and a request waiting until they can be served", () => {
  for (const kind of ["exit", "request"] as const) {
    const vcpu = new Vcpu();
    vcpu.answer = () => RETRY;
    vcpu[kind](1);
    for (let turn = 0; turn < 3; turn++) vcpu.channel.poll();
    strictEqual(vcpu.takeAsked().length, 3);
    strictEqual(vcpu.completion(COMPLETION_SEQ) + vcpu.response(RESPONSE_SEQ), 0);
    vcpu.answer = () => DONE;
    strictEqual(vcpu.channel.poll(), true);
    strictEqual(vcpu.completion(COMPLETION_SEQ) + vcpu.response(RESPONSE_SEQ), 1);
  }
});

Deno.test("poll() answers a parked request when its time has come", () => {
  const vcpu = new Vcpu({ ticksPerNs: 2 });
  vcpu.answer = value(50, 0, PARK);
  vcpu.now = 1000;
  vcpu.request(1);
  vcpu.channel.poll();
  strictEqual(vcpu.channel.pending, true);
  strictEqual(vcpu.channel.deadline, 1100);
  vcpu.now = 1099;
  strictEqual(vcpu.channel.poll(), false);
  strictEqual(vcpu.response(RESPONSE_SEQ), 0);
  vcpu.now = 1100;
  strictEqual(vcpu.channel.poll(), true);
  strictEqual(vcpu.response(RESPONSE_SEQ), 1);
  strictEqual(vcpu.channel.pending, false);
  strictEqual(vcpu.channel.deadline, Infinity);
  deepStrictEqual(vcpu.asked, ["call 1"]);
});

Deno.test("poll() serves posted entries while a request is parked", () => {
  const vcpu = new Vcpu();
  vcpu.answer = (label, reply) => label === 1 ? value(0, 1, PARK)(label, reply) : DONE;
  vcpu.request(1);
  vcpu.channel.poll();
  strictEqual(vcpu.channel.deadline, 2 ** 32);
  vcpu.postExit(2);
  vcpu.postRequest(3);
  strictEqual(vcpu.channel.poll(), true);
  deepStrictEqual(vcpu.asked, ["call 1", "exit 2", "call 3"]);
  strictEqual(vcpu.response(RESPONSE_SEQ), 0);
});

Deno.test("poll() parks without end for 0 nanoseconds", () => {
  const vcpu = new Vcpu();
  vcpu.answer = value(0, 0, PARK);
  vcpu.request(1);
  vcpu.channel.poll();
  vcpu.now = Number.MAX_VALUE;
  strictEqual(vcpu.channel.poll(), false);
  strictEqual(vcpu.channel.pending, true);
  strictEqual(vcpu.channel.deadline, Infinity);
});

Deno.test("poll() tells a vCPU whose exit parks it to park", () => {
  const vcpu = new Vcpu();
  vcpu.answer = value(500, 1, PARK);
  vcpu.exit(1, { reason: EXIT_HLT });
  vcpu.channel.poll();
  strictEqual(vcpu.completion(COMPLETION_SEQ), 1);
  strictEqual(vcpu.completion(COMPLETION_ACTION), ACTION_PARK);
  strictEqual(vcpu.completion(COMPLETION_DATA_LO), 500);
  strictEqual(vcpu.completion(COMPLETION_DATA_HI), 1);
  strictEqual(vcpu.channel.pending, false);
});

Deno.test("poll() tells a vCPU to go on behind the instruction that exited", () => {
  const vcpu = new Vcpu();
  vcpu.answer = () => SKIP;
  vcpu.exit(1, { reason: EXIT_CPUID });
  vcpu.channel.poll();
  strictEqual(vcpu.completion(COMPLETION_SEQ), 1);
  strictEqual(vcpu.completion(COMPLETION_ACTION), ACTION_SKIP);
});

Deno.test("poll() ends the machine, and completes nothing, when the guest powers off", () => {
  for (const kind of ["exit", "postExit", "request", "postRequest"] as const) {
    const vcpu = new Vcpu();
    vcpu.answer = value(0x1ff, 0, POWER_OFF);
    vcpu[kind](1);
    strictEqual(vcpu.channel.poll(), true);
    deepStrictEqual(vcpu.ends, ["off 255"]);
    strictEqual(vcpu.completion(COMPLETION_SEQ), 0);
    strictEqual(vcpu.response(RESPONSE_SEQ), 0);
    strictEqual(vcpu.channel.poll(), false);
  }
});

Deno.test("poll() serves nothing behind a posted request that powers off", () => {
  const vcpu = new Vcpu();
  vcpu.answer = (label, reply) => label === 1 ? value(0, 0, POWER_OFF)(label, reply) : DONE;
  vcpu.postRequest(1);
  vcpu.postRequest(2);
  vcpu.exit(3);
  vcpu.channel.poll();
  deepStrictEqual(vcpu.asked, ["call 1"]);
  strictEqual(vcpu.completion(COMPLETION_SEQ), 0);
});

Deno.test("poll() fails the machine with the exit that nobody could serve", () => {
  const vcpu = new Vcpu();
  vcpu.answer = () => FAIL;
  vcpu.exit(1, { reason: EXIT_TRIPLE_FAULT });
  strictEqual(vcpu.channel.poll(), true);
  deepStrictEqual(vcpu.ends, [`failed ${EXIT_TRIPLE_FAULT}`]);
  strictEqual(vcpu.completion(COMPLETION_SEQ), 0);
  strictEqual(vcpu.channel.pending, false);
});

Deno.test("poll() fails the machine with the posted exit, not the one that waits", () => {
  const vcpu = new Vcpu();
  vcpu.answer = (label) => label === 1 ? FAIL : DONE;
  vcpu.postExit(1, EXIT_HLT);
  vcpu.channel.poll();
  deepStrictEqual(vcpu.ends, [`failed ${EXIT_HLT}`]);
});

Deno.test("poll() serves the request in the cell for an OUT to the hypercall port", () => {
  const vcpu = new Vcpu();
  vcpu.answer = value(5, 6);
  vcpu.fillCell(9);
  vcpu.exit(1, { port: PORT_HYPERCALL });
  strictEqual(vcpu.channel.poll(), true);
  deepStrictEqual(vcpu.asked, ["call 9"]);
  strictEqual(vcpu.response(RESPONSE_STATUS), OK);
  strictEqual(vcpu.response(RESPONSE_VALUE_LO), 5);
  strictEqual(vcpu.response(RESPONSE_VALUE_HI), 6);
  strictEqual(vcpu.completion(COMPLETION_SEQ), 1);
  strictEqual(vcpu.completion(COMPLETION_DATA_LO), 5);
  strictEqual(vcpu.channel.poll(), false);
});

Deno.test("poll() parks and powers off by an OUT to the hypercall port", () => {
  const vcpu = new Vcpu();
  vcpu.answer = value(70, 0, PARK);
  vcpu.exit(1, { port: PORT_HYPERCALL });
  vcpu.channel.poll();
  strictEqual(vcpu.completion(COMPLETION_ACTION), ACTION_PARK);
  strictEqual(vcpu.completion(COMPLETION_DATA_LO), 70);
  vcpu.answer = value(3, 0, POWER_OFF);
  vcpu.exit(2, { port: PORT_HYPERCALL });
  vcpu.channel.poll();
  deepStrictEqual(vcpu.ends, ["off 3"]);
  strictEqual(vcpu.completion(COMPLETION_SEQ), 1);
});

Deno.test("poll() takes only an OUT to the hypercall port for a request", () => {
  const vcpu = new Vcpu();
  vcpu.exit(1, { port: PORT_HYPERCALL, flags: 0 });
  vcpu.channel.poll();
  vcpu.exit(2, { port: PORT_HYPERCALL, reason: EXIT_HLT });
  vcpu.channel.poll();
  deepStrictEqual(vcpu.asked, ["exit 1", "exit 2"]);
});

Deno.test("doorbell tells the guest whether to ring", () => {
  const vcpu = new Vcpu();
  vcpu.channel.doorbell = true;
  strictEqual(vcpu.page[HYPERCALL_PAGE_DOORBELL], 1);
  vcpu.channel.doorbell = false;
  strictEqual(vcpu.page[HYPERCALL_PAGE_DOORBELL], 0);
});

function eventClock(due = 0): EventClock & { begun: number } {
  return {
    placement: "split",
    now: 0,
    begun: 0,
    begin() {
      this.begun++;
    },
    cost: () => 7,
    due: () => due,
  };
}

Deno.test("on a virtual clock poll() serves nothing before an exit, and then everything", () => {
  const clock = eventClock(123);
  const vcpu = new Vcpu({ clock });
  strictEqual(vcpu.page[HYPERCALL_PAGE_DOORBELL], 1);
  vcpu.channel.doorbell = false;
  strictEqual(vcpu.page[HYPERCALL_PAGE_DOORBELL], 1, "nobody polls");
  vcpu.postRequest(1);
  vcpu.postRequest(2);
  vcpu.request(3);
  strictEqual(vcpu.channel.poll(), false);
  deepStrictEqual(vcpu.asked, []);
  vcpu.exit(4);
  ok(vcpu.channel.poll());
  deepStrictEqual(vcpu.asked, ["call 1", "call 2", "call 3", "exit 4"]);
  strictEqual(clock.begun, 1);
  const at = VCPU_BLOCK_COMPLETION;
  strictEqual(vcpu.block[at + COMPLETION_CYCLES], 7 + 2 * POST_CYCLES + ROUND_TRIP_CYCLES);
  strictEqual(vcpu.block[at + COMPLETION_DUE], 123);
  vcpu.exit(5);
  vcpu.channel.poll();
  strictEqual(vcpu.block[at + COMPLETION_CYCLES], 7, "requests are charged once");
});

Deno.test("on a virtual clock a machine that a request ended completes no exit", () => {
  const vcpu = new Vcpu({ clock: eventClock() });
  vcpu.answer = (label) => label === 1 ? POWER_OFF : DONE;
  vcpu.request(1);
  vcpu.exit(2);
  ok(vcpu.channel.poll());
  deepStrictEqual(vcpu.asked, ["call 1"]);
  strictEqual(vcpu.block[VCPU_BLOCK_COMPLETION + COMPLETION_SEQ], 0);
});

Deno.test("on a virtual clock a parked request is answered when it is due", () => {
  const vcpu = new Vcpu({ clock: eventClock() });
  vcpu.answer = (label, reply) => {
    reply[VALUE_LO] = 100;
    reply[VALUE_HI] = 0;
    return label === 1 ? PARK : DONE;
  };
  vcpu.request(1);
  vcpu.exit(2);
  vcpu.channel.poll();
  strictEqual(vcpu.channel.pending, false, "the vCPU goes on and waits for its response");
  strictEqual(vcpu.channel.due, 100);
  const response = () => vcpu.page[HYPERCALL_PAGE_RESPONSE + RESPONSE_SEQ];
  vcpu.now = 99;
  vcpu.channel.answerDue();
  strictEqual(response(), 0);
  vcpu.now = 100;
  vcpu.channel.answerDue();
  strictEqual(response(), 1);
  strictEqual(vcpu.channel.due, Infinity);
});
