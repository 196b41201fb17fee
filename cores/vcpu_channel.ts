/**
 * The hypervisor's end of one vCPU: its exit slot, its posted exits, and the synchronous cell and
 * posted ring of its hypercall page. Whatever the placement, the same code serves them.
 *
 * Order: everything posted before a synchronous event or request is served before it. x86 keeps
 * stores in order, so it is enough to read the synchronous sequence numbers first and then drain.
 *
 * A guest may write anything into its page at any time: indexes are kept here, each word is read
 * once, and nothing read is trusted. Nothing here allocates.
 *
 * Polled words are looked at through views of one word each: no index has to be loaded.
 */
import {
  ACTION_PARK,
  ACTION_RESUME,
  ACTION_SKIP,
  COMPLETION_ACTION,
  COMPLETION_CYCLES,
  COMPLETION_DUE,
  COMPLETION_SEQ,
  EVENT_ADDR_LO,
  EVENT_BYTES,
  EVENT_FLAGS,
  EVENT_REASON,
  EVENT_SEQ,
  EVENT_WRITE,
  EXIT_IO,
  HYPERCALL_PAGE_DOORBELL,
  HYPERCALL_PAGE_REQUEST,
  HYPERCALL_PAGE_RESPONSE,
  HYPERCALL_PAGE_RING,
  HYPERCALL_PAGE_RING_TAIL,
  PORT_HYPERCALL,
  POSTED_DEPTH,
  REQUEST_BYTES,
  REQUEST_SEQ,
  RESPONSE_SEQ,
  RESPONSE_STATUS,
  RING_DEPTH,
  VCPU_BLOCK_COMPLETION,
  VCPU_BLOCK_EVENT,
  VCPU_BLOCK_POSTED,
  VCPU_BLOCK_POSTED_TAIL,
  WAIT_BUCKETS,
} from "./abi.ts";
import { callCycles, type Placement } from "./cost_model.ts";
import { DONE, FAIL, PARK, POWER_OFF, REPLY_WORDS, RETRY, VALUE_HI, VALUE_LO } from "./outcome.ts";
import { waitBucket } from "./wait_buckets.ts";

/** Acts on exit events; see `outcome.ts` for what it returns. */
export interface ExitHandler {
  /**
   * @param words the block that holds the event
   * @param at index of the event's first word
   * @param reply receives the value of a read in `VALUE_LO`, `VALUE_HI`; the rest is not its own
   */
  exit(words: Int32Array, at: number, reply: Int32Array): number;
}

/** Acts on hypercalls. */
export interface CallHandler {
  /**
   * @param words the page that holds the request; the guest may be writing it
   * @param at index of the request's first word
   * @param reply receives status and value; the guest may see, and change, what is written here
   */
  call(words: Int32Array, at: number, reply: Int32Array): number;
}

/** What a channel needs of the machine that its vCPU belongs to. */
export interface Machine {
  readonly exits: ExitHandler;
  readonly calls: CallHandler;
  /** The guest powered off. */
  poweredOff(code: number): void;
  /** The guest cannot go on; `words` at `at` hold the exit that ended it. */
  failed(words: Int32Array, at: number): void;
}

/** Time as the channel needs it; the stub's `sx_tsc`. */
export type Ticks = () => number;

/**
 * A virtual clock, on which nobody polls: a vCPU goes on when everything that lies in memory at its exit
 * has been served, and time stands still meanwhile.
 */
export interface EventClock {
  readonly placement: Placement;
  /** Time of the event that is served, ticks. */
  readonly now: number;
  /** An event is served from now on. */
  begin(words: Int32Array, at: number): void;
  /** Cycles that it cost the vCPU. */
  cost(words: Int32Array, at: number): number;
  /** In how many cycles the hypervisor wants to be asked again; 0 for when it is asked anyway. */
  due(): number;
}

// V8 folds a constant of this module into optimised code, but loads an imported one at every use.
const SERVED = DONE, AGAIN = RETRY;
const EVENT_WORDS = EVENT_BYTES / 4;
const REQUEST_WORDS = REQUEST_BYTES / 4;
/** Posted entries served in one go, so that one busy vCPU does not keep the others waiting. */
const BATCH = 128;
/** One serving in so many is timed and stands for all of them; a power of two. */
export const TIMED_EVERY = 16;
/** Indexes of {@link VcpuChannel.counters}. */
export const COUNTER = {
  exits: 0,
  postedExits: 1,
  calls: 2,
  postedCalls: 3,
  busyTicks: 4,
  /** Of the timed servings that answered a request of the cell: from seeing it to having answered. */
  callTicks: 5,
  /** The same by bucket; see `wait_buckets.ts`. */
  callWaits: 6,
  count: 6 + WAIT_BUCKETS,
} as const;

const CALLS = COUNTER.calls;

/** Whether nothing behind this entry may be served now. */
function endsOrWaits(outcome: number): boolean {
  return outcome === RETRY || outcome >= POWER_OFF;
}

/** One word of an array. */
function word(words: Int32Array, at: number): Int32Array {
  return words.subarray(at, at + 1);
}

/** A ring of 64-byte slots that one vCPU fills and this core empties. */
class PostedRing {
  /** The memory that the slots lie in. */
  readonly words: Int32Array;
  /** Index of the next slot, and the sequence number that it holds once it is filled. */
  at: number;
  seq = 1;
  readonly #first: number;
  readonly #slotWords: number;
  readonly #mask: number;
  readonly #tail: Int32Array;

  constructor(words: Int32Array, first: number, depth: number, slotWords: number, tail: number) {
    this.words = words;
    this.at = first;
    this.#first = first;
    this.#slotWords = slotWords;
    this.#mask = depth - 1;
    this.#tail = word(words, tail);
  }

  /** Whether the next slot is filled. The sequence number is the slot's first word. */
  get filled(): boolean {
    return this.words[this.at] === this.seq;
  }

  /** Goes past the next slot. */
  advance(): void {
    this.at = this.#first + (this.seq & this.#mask) * this.#slotWords;
    this.seq = this.seq + 1 | 0;
  }

  /** Tells the vCPU how far it has been emptied. */
  release(): void {
    this.#tail[0] = this.seq - 1;
  }
}

/** See the head of this file. */
export class VcpuChannel {
  /** Sums since the start, written here only; index by {@link COUNTER}. */
  readonly counters: Float64Array;
  /** The vCPU's block. */
  readonly block: Int32Array;
  /** The vCPU's hypercall page. */
  readonly page: Int32Array;
  readonly #machine: Machine;
  readonly #exits: ExitHandler;
  readonly #calls: CallHandler;
  readonly #ticks: Ticks;
  readonly #ticksPerNs: number;
  readonly #clock: EventClock | undefined;
  readonly #eventSeq: Int32Array;
  readonly #completionSeq: Int32Array;
  readonly #completionAction: Int32Array;
  /** Replies are written where they are read: these are the words behind a line's `seq`. */
  readonly #completionReply: Int32Array;
  readonly #requestSeq: Int32Array;
  readonly #responseSeq: Int32Array;
  readonly #responseReply: Int32Array;
  /** For requests that nobody waits for. */
  readonly #noReply = new Int32Array(REPLY_WORDS);
  readonly #requestAt = HYPERCALL_PAGE_REQUEST;
  readonly #posted: PostedRing;
  readonly #ring: PostedRing;
  #exitSeq: number;
  #callSeq: number;
  #servings = 0;
  /** A request of the cell is answered only when the time has come. */
  #parked = false;
  #deadline = Infinity;
  /** The machine has ended by what this vCPU did. */
  #ended = false;
  /** Requests that the cost of an exit holds already. */
  #chargedCalls = 0;
  #chargedPosts = 0;

  /**
   * @param block the vCPU's block
   * @param page the vCPU's hypercall page
   * @param counters shared with whoever shows them, `COUNTER.count` long
   * @param clock of a machine with a virtual clock
   */
  constructor(
    block: Int32Array,
    page: Int32Array,
    machine: Machine,
    counters: Float64Array,
    ticks: Ticks,
    ticksPerNs: number,
    clock?: EventClock,
  ) {
    this.block = block;
    this.page = page;
    this.#machine = machine;
    this.#exits = machine.exits;
    this.#calls = machine.calls;
    this.counters = counters;
    this.#ticks = ticks;
    this.#ticksPerNs = ticksPerNs;
    this.#clock = clock;
    this.#eventSeq = word(block, VCPU_BLOCK_EVENT + EVENT_SEQ);
    this.#completionSeq = word(block, VCPU_BLOCK_COMPLETION + COMPLETION_SEQ);
    this.#completionAction = word(block, VCPU_BLOCK_COMPLETION + COMPLETION_ACTION);
    this.#completionReply = block.subarray(VCPU_BLOCK_COMPLETION + COMPLETION_ACTION);
    this.#requestSeq = word(page, HYPERCALL_PAGE_REQUEST + REQUEST_SEQ);
    this.#responseSeq = word(page, HYPERCALL_PAGE_RESPONSE + RESPONSE_SEQ);
    this.#responseReply = page.subarray(HYPERCALL_PAGE_RESPONSE + RESPONSE_STATUS);
    this.#posted = new PostedRing(
      block,
      VCPU_BLOCK_POSTED,
      POSTED_DEPTH,
      EVENT_WORDS,
      VCPU_BLOCK_POSTED_TAIL,
    );
    this.#ring = new PostedRing(
      page,
      HYPERCALL_PAGE_RING,
      RING_DEPTH,
      REQUEST_WORDS,
      HYPERCALL_PAGE_RING_TAIL,
    );
    this.#exitSeq = this.#completionSeq[0]!;
    this.#callSeq = this.#responseSeq[0]!;
    if (clock) page[HYPERCALL_PAGE_DOORBELL] = 1;
  }

  /**
   * Serves what has come.
   *
   * @returns whether there is anything, served or waiting for room
   */
  poll(): boolean {
    const exitSeq = this.#eventSeq[0]!, callSeq = this.#requestSeq[0]!;
    if (this.#clock !== undefined) {
      return exitSeq !== this.#exitSeq && this.#serveAll(this.#clock, exitSeq, callSeq);
    }
    if (
      exitSeq === this.#exitSeq && !this.#posted.filled && !this.#ring.filled && !this.#parked
    ) {
      if (callSeq === this.#callSeq) return false;
      // A lone synchronous request is the case in which a vCPU waits for every nanosecond.
      if ((this.#servings & (TIMED_EVERY - 1)) !== 0) {
        this.#servings++;
        return this.#serveCall(callSeq);
      }
    }
    return this.#serve(exitSeq, callSeq);
  }

  /** Whether the vCPU's last exit event still waits, or a parked request does. */
  get pending(): boolean {
    const parked = this.#parked && this.#clock === undefined;
    return parked || this.#eventSeq[0] !== this.#exitSeq;
  }

  /**
   * Ticks at which something is due although nobody publishes anything; Infinity when nothing. On a
   * virtual clock there is nothing to wait for: see {@link due}.
   */
  get deadline(): number {
    return this.#clock === undefined ? this.#deadline : Infinity;
  }

  /** Ticks at which a request that waits is answered; Infinity when none does. */
  get due(): number {
    return this.#deadline;
  }

  /** Answers a request whose time has come. */
  answerDue(): void {
    if (this.#parked) this.#answerParked();
  }

  /** Tells the guest whether it must ring the doorbell after publishing. */
  set doorbell(wanted: boolean) {
    if (this.#clock === undefined) this.page[HYPERCALL_PAGE_DOORBELL] = wanted ? 1 : 0;
  }

  #serve(exitSeq: number, callSeq: number): boolean {
    const timed = (this.#servings++ & (TIMED_EVERY - 1)) === 0;
    const started = timed ? this.#ticks() : 0;
    let served = this.#parked && this.#answerParked();
    const posted = this.#drainPosted();
    const ring = posted < 0 ? -1 : this.#drainRing();
    served = served || posted !== 0 || ring !== 0;
    // A batch that was full, or stopped at a full buffer, has more in it: those come first. One that
    // ended the machine lets nothing come after it.
    let called = false;
    if (posted >= 0 && ring >= 0) {
      if (exitSeq !== this.#exitSeq) served = this.#serveExit(exitSeq) || served;
      if (callSeq !== this.#callSeq && !this.#parked) {
        called = true;
        served = this.#serveCall(callSeq) || served;
      }
    }
    if (timed) this.#count(this.#ticks() - started, called && this.#responseSeq[0] === callSeq);
    return served;
  }

  /** Counts a serving that was timed. */
  #count(ticks: number, answeredCall: boolean): void {
    this.counters[COUNTER.busyTicks]! += TIMED_EVERY * ticks;
    if (!answeredCall) return;
    this.counters[COUNTER.callTicks]! += ticks;
    this.counters[COUNTER.callWaits + waitBucket(ticks)]!++;
  }

  /** Everything that came before the exit and the exit itself: nothing is left when the vCPU goes on. */
  #serveAll(clock: EventClock, exitSeq: number, callSeq: number): boolean {
    clock.begin(this.block, VCPU_BLOCK_EVENT);
    this.answerDue();
    if (this.#drainRing() < 0) return true;
    if (callSeq !== this.#callSeq && !this.#parked) {
      this.#serveCall(callSeq);
      if (callSeq !== this.#callSeq || this.#ended) return true;
    }
    return this.#serveExit(exitSeq);
  }

  /** Time that the events of this exit take, and when the hypervisor wants the next one. */
  #charge(clock: EventClock): void {
    const calls = this.counters[CALLS]!, posts = this.counters[COUNTER.postedCalls]!;
    const requests = callCycles(
      clock.placement,
      calls - this.#chargedCalls,
      posts - this.#chargedPosts,
    );
    this.#chargedCalls = calls;
    this.#chargedPosts = posts;
    const completion = VCPU_BLOCK_COMPLETION;
    this.block[completion + COMPLETION_CYCLES] = requests +
      clock.cost(this.block, VCPU_BLOCK_EVENT);
    this.block[completion + COMPLETION_DUE] = clock.due();
  }

  /** Serves posted exits: how many, or -1 when more are left or the machine has ended. */
  #drainPosted(): number {
    const ring = this.#posted;
    let count = 0, outcome = DONE;
    while (count < BATCH && ring.filled && outcome < POWER_OFF) {
      outcome = this.#exits.exit(ring.words, ring.at, this.#noReply);
      if (outcome === RETRY) break;
      this.#end(outcome, this.#noReply, ring.words, ring.at);
      ring.advance();
      count++;
    }
    if (count > 0) {
      ring.release();
      this.counters[COUNTER.postedExits]! += count;
    }
    return count === BATCH || endsOrWaits(outcome) ? -1 : count;
  }

  /** Serves posted requests: how many, or -1 when more are left or the machine has ended. */
  #drainRing(): number {
    const ring = this.#ring;
    let count = 0, outcome = DONE;
    while (count < BATCH && ring.filled && outcome < POWER_OFF) {
      outcome = this.#calls.call(ring.words, ring.at, this.#noReply);
      if (outcome === RETRY) break;
      this.#end(outcome, this.#noReply, this.block, VCPU_BLOCK_EVENT);
      ring.advance();
      count++;
    }
    if (count > 0) {
      ring.release();
      this.counters[COUNTER.postedCalls]! += count;
    }
    return count === BATCH || endsOrWaits(outcome) ? -1 : count;
  }

  #serveExit(seq: number): boolean {
    const block = this.block, reply = this.#completionReply;
    const byCall = block[VCPU_BLOCK_EVENT + EVENT_REASON] === EXIT_IO &&
      block[VCPU_BLOCK_EVENT + EVENT_ADDR_LO] === PORT_HYPERCALL &&
      (block[VCPU_BLOCK_EVENT + EVENT_FLAGS]! & EVENT_WRITE) !== 0;
    let outcome: number;
    if (byCall) {
      outcome = this.#calls.call(this.page, this.#requestAt, this.#responseReply);
      reply[VALUE_LO] = this.#responseReply[VALUE_LO]!;
      reply[VALUE_HI] = this.#responseReply[VALUE_HI]!;
    } else {
      outcome = this.#exits.exit(block, VCPU_BLOCK_EVENT, reply);
    }
    if (outcome === RETRY) return true; // there is work, though it has to wait
    this.#exitSeq = seq;
    // A vCPU whose machine ends has been told to stop, and gets no completion.
    if (this.#end(outcome, reply, block, VCPU_BLOCK_EVENT)) return true;
    this.#completionAction[0] = outcome === SERVED
      ? ACTION_RESUME
      : outcome === PARK
      ? ACTION_PARK
      : ACTION_SKIP;
    if (this.#clock !== undefined) this.#charge(this.#clock);
    this.#completionSeq[0] = seq;
    this.counters[COUNTER.exits]!++;
    return true;
  }

  #serveCall(seq: number): boolean {
    const outcome = this.#calls.call(this.page, this.#requestAt, this.#responseReply);
    if (outcome === SERVED) this.#responseSeq[0] = seq;
    else if (outcome === AGAIN) return true;
    this.#callSeq = seq;
    this.counters[CALLS]!++;
    if (outcome === PARK) this.#park();
    else if (outcome !== SERVED) {
      this.#end(outcome, this.#responseReply, this.block, VCPU_BLOCK_EVENT);
    }
    return true;
  }

  #park(): void {
    const reply = this.#responseReply;
    const ns = (reply[VALUE_HI]! >>> 0) * 2 ** 32 + (reply[VALUE_LO]! >>> 0);
    this.#parked = true;
    this.#deadline = ns === 0 ? Infinity : this.#ticks() + ns * this.#ticksPerNs;
  }

  #answerParked(): boolean {
    if (this.#ticks() < this.#deadline) return false;
    this.#parked = false;
    this.#deadline = Infinity;
    this.#responseSeq[0] = this.#callSeq;
    return true;
  }

  /** Ends the machine when the outcome says so. */
  #end(outcome: number, reply: Int32Array, words: Int32Array, at: number): boolean {
    if (outcome < POWER_OFF) return false;
    this.#ended = true;
    if (outcome === FAIL) this.#machine.failed(words, at);
    else this.#machine.poweredOff(reply[VALUE_LO]! & 0xff);
    return true;
  }
}
