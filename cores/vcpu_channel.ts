/**
 * The hypervisor's end of one vCPU: its exit slot, its posted exits, and the synchronous cell and
 * posted ring of its hypercall page. Whatever the placement, the same code serves them.
 *
 * Order: everything posted before a synchronous event or request is served before it. x86 keeps
 * stores in order, so it is enough to read the synchronous sequence numbers first and then drain.
 *
 * A guest may write anything into its page at any time: indexes are kept here, each word is read
 * once, and nothing read is trusted. Nothing here allocates.
 */
import {
  ACTION_PARK,
  ACTION_RESUME,
  COMPLETION_ACTION,
  COMPLETION_DATA_HI,
  COMPLETION_DATA_LO,
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
  RESPONSE_VALUE_HI,
  RESPONSE_VALUE_LO,
  RING_DEPTH,
  VCPU_BLOCK_COMPLETION,
  VCPU_BLOCK_EVENT,
  VCPU_BLOCK_POSTED,
  VCPU_BLOCK_POSTED_TAIL,
} from "./abi.ts";
import {
  FAIL,
  PARK,
  POWER_OFF,
  REPLY_WORDS,
  RETRY,
  STATUS,
  VALUE_HI,
  VALUE_LO,
} from "./outcome.ts";

/** Acts on exit events; see `outcome.ts` for what it returns. */
export interface ExitHandler {
  /**
   * @param words the block that holds the event
   * @param at index of the event's first word
   * @param reply receives the value of a read in `VALUE_LO`, `VALUE_HI`
   */
  exit(words: Int32Array, at: number, reply: Int32Array): number;
}

/** Acts on hypercalls. */
export interface CallHandler {
  /**
   * @param words the page that holds the request; the guest may be writing it
   * @param at index of the request's first word
   * @param reply receives status and value
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

const EVENT_WORDS = EVENT_BYTES / 4;
const REQUEST_WORDS = REQUEST_BYTES / 4;
/** Posted entries served in one go, so that one busy vCPU does not keep the others waiting. */
const BATCH = 128;
/** Indexes of {@link VcpuChannel.counters}. */
export const COUNTER = {
  exits: 0,
  postedExits: 1,
  calls: 2,
  postedCalls: 3,
  busyTicks: 4,
  count: 5,
} as const;

/** Nothing is deferred. */
const NEVER = -1;

/** See the head of this file. */
export class VcpuChannel {
  /** Sums since the start, written here only; index by {@link COUNTER}. */
  readonly counters: Float64Array;
  /** The vCPU's block. */
  readonly block: Int32Array;
  /** The vCPU's hypercall page. */
  readonly page: Int32Array;
  readonly #machine: Machine;
  readonly #ticks: Ticks;
  readonly #ticksPerNs: number;
  readonly #reply = new Int32Array(REPLY_WORDS);
  #exitSeq = 0;
  #callSeq = 0;
  #postedHead = 0;
  #ringHead = 0;
  /** Ticks at which a parked cell request is answered. */
  #deadline = NEVER;

  /**
   * @param block the vCPU's block
   * @param page the vCPU's hypercall page
   * @param counters shared with whoever shows them, `COUNTER.count` long
   */
  constructor(
    block: Int32Array,
    page: Int32Array,
    machine: Machine,
    counters: Float64Array,
    ticks: Ticks,
    ticksPerNs: number,
  ) {
    this.block = block;
    this.page = page;
    this.#machine = machine;
    this.counters = counters;
    this.#ticks = ticks;
    this.#ticksPerNs = ticksPerNs;
    this.#exitSeq = block[VCPU_BLOCK_COMPLETION + COMPLETION_SEQ]!;
  }

  /**
   * Serves what has come.
   *
   * @returns whether there was anything
   */
  poll(): boolean {
    const block = this.block, page = this.page;
    const exitSeq = block[VCPU_BLOCK_EVENT + EVENT_SEQ]!;
    const callSeq = page[HYPERCALL_PAGE_REQUEST + REQUEST_SEQ]!;
    if (
      exitSeq === this.#exitSeq && callSeq === this.#callSeq &&
      block[this.#postedAt() + EVENT_SEQ] !== (this.#postedHead + 1 | 0) &&
      page[this.#ringAt() + REQUEST_SEQ] !== (this.#ringHead + 1 | 0) && this.#deadline === NEVER
    ) return false;
    return this.#serve(exitSeq, callSeq);
  }

  /** Whether the vCPU's last exit event still waits, or a parked request does. */
  get pending(): boolean {
    return this.#deadline !== NEVER ||
      this.block[VCPU_BLOCK_EVENT + EVENT_SEQ] !== this.#exitSeq;
  }

  /** Ticks at which something is due although nobody publishes anything; Infinity when nothing. */
  get deadline(): number {
    return this.#deadline === NEVER ? Infinity : this.#deadline;
  }

  /** Tells the guest whether it must ring the doorbell after publishing. */
  set doorbell(wanted: boolean) {
    this.page[HYPERCALL_PAGE_DOORBELL] = wanted ? 1 : 0;
  }

  #postedAt(): number {
    return VCPU_BLOCK_POSTED + (this.#postedHead & (POSTED_DEPTH - 1)) * EVENT_WORDS;
  }

  #ringAt(): number {
    return HYPERCALL_PAGE_RING + (this.#ringHead & (RING_DEPTH - 1)) * REQUEST_WORDS;
  }

  #serve(exitSeq: number, callSeq: number): boolean {
    const started = this.#ticks();
    let served = this.#answerParked(started);
    const drained = this.#drainPosted();
    const ringDrained = this.#drainRing();
    served = served || drained !== 0 || ringDrained !== 0;
    // A batch that was full, or stopped at a full buffer, has more in it: those come first.
    if (drained >= 0 && ringDrained >= 0) {
      if (exitSeq !== this.#exitSeq) served = this.#serveExit(exitSeq) || served;
      if (callSeq !== this.#callSeq && this.#deadline === NEVER) {
        served = this.#serveCall(callSeq) || served;
      }
    }
    this.counters[COUNTER.busyTicks]! += this.#ticks() - started;
    return served;
  }

  /** Serves posted exits: how many, or -1 when more are left. */
  #drainPosted(): number {
    const block = this.block;
    let count = 0;
    while (count < BATCH) {
      const at = this.#postedAt();
      if (block[at + EVENT_SEQ] !== (this.#postedHead + 1 | 0)) break;
      const outcome = this.#machine.exits.exit(block, at, this.#reply);
      if (outcome === RETRY) {
        this.#releasePosted(count);
        return -1;
      }
      this.#postedHead = this.#postedHead + 1 | 0;
      count++;
      this.#end(outcome, block, at);
    }
    this.#releasePosted(count);
    return count === BATCH ? -1 : count;
  }

  #releasePosted(count: number): void {
    if (count === 0) return;
    this.block[VCPU_BLOCK_POSTED_TAIL] = this.#postedHead;
    this.counters[COUNTER.postedExits]! += count;
  }

  /** Serves posted requests: how many, or -1 when more are left. */
  #drainRing(): number {
    const page = this.page;
    let count = 0;
    while (count < BATCH) {
      const at = this.#ringAt();
      if (page[at + REQUEST_SEQ] !== (this.#ringHead + 1 | 0)) break;
      const outcome = this.#machine.calls.call(page, at, this.#reply);
      if (outcome === RETRY) {
        this.#releaseRing(count);
        return -1;
      }
      this.#ringHead = this.#ringHead + 1 | 0;
      count++;
      this.#end(outcome, this.block, VCPU_BLOCK_EVENT);
    }
    this.#releaseRing(count);
    return count === BATCH ? -1 : count;
  }

  #releaseRing(count: number): void {
    if (count === 0) return;
    this.page[HYPERCALL_PAGE_RING_TAIL] = this.#ringHead;
    this.counters[COUNTER.postedCalls]! += count;
  }

  #serveExit(seq: number): boolean {
    const block = this.block, reply = this.#reply;
    reply[VALUE_LO] = 0;
    reply[VALUE_HI] = 0;
    const byCall = block[VCPU_BLOCK_EVENT + EVENT_REASON] === EXIT_IO &&
      block[VCPU_BLOCK_EVENT + EVENT_ADDR_LO] === PORT_HYPERCALL &&
      (block[VCPU_BLOCK_EVENT + EVENT_FLAGS]! & EVENT_WRITE) !== 0;
    const outcome = byCall
      ? this.#machine.calls.call(this.page, HYPERCALL_PAGE_REQUEST, reply)
      : this.#machine.exits.exit(block, VCPU_BLOCK_EVENT, reply);
    if (outcome === RETRY) return false;
    if (this.#end(outcome, block, VCPU_BLOCK_EVENT)) {
      this.#exitSeq = seq; // no completion: the vCPU has been told to stop
      return true;
    }
    if (byCall) this.#writeResponse();
    block[VCPU_BLOCK_COMPLETION + COMPLETION_ACTION] = outcome === PARK
      ? ACTION_PARK
      : ACTION_RESUME;
    block[VCPU_BLOCK_COMPLETION + COMPLETION_DATA_LO] = reply[VALUE_LO]!;
    block[VCPU_BLOCK_COMPLETION + COMPLETION_DATA_HI] = reply[VALUE_HI]!;
    block[VCPU_BLOCK_COMPLETION + COMPLETION_SEQ] = seq;
    this.#exitSeq = seq;
    this.counters[COUNTER.exits]!++;
    return true;
  }

  #serveCall(seq: number): boolean {
    const outcome = this.#machine.calls.call(this.page, HYPERCALL_PAGE_REQUEST, this.#reply);
    if (outcome === RETRY) return false;
    this.#callSeq = seq;
    this.counters[COUNTER.calls]!++;
    if (this.#end(outcome, this.block, VCPU_BLOCK_EVENT)) return true;
    if (outcome === PARK) {
      this.#deadline = this.#parkDeadline();
      return true;
    }
    this.#respond(seq);
    return true;
  }

  #respond(seq: number): void {
    this.#writeResponse();
    this.page[HYPERCALL_PAGE_RESPONSE + RESPONSE_SEQ] = seq;
  }

  #writeResponse(): void {
    const page = this.page, reply = this.#reply;
    page[HYPERCALL_PAGE_RESPONSE + RESPONSE_STATUS] = reply[STATUS]!;
    page[HYPERCALL_PAGE_RESPONSE + RESPONSE_VALUE_LO] = reply[VALUE_LO]!;
    page[HYPERCALL_PAGE_RESPONSE + RESPONSE_VALUE_HI] = reply[VALUE_HI]!;
  }

  #parkDeadline(): number {
    const lo = this.#reply[VALUE_LO]! >>> 0, hi = this.#reply[VALUE_HI]! >>> 0;
    const ns = hi * 2 ** 32 + lo;
    return ns === 0 ? Infinity : this.#ticks() + ns * this.#ticksPerNs;
  }

  #answerParked(now: number): boolean {
    if (this.#deadline === NEVER || now < this.#deadline) return false;
    this.#deadline = NEVER;
    this.#reply.fill(0);
    this.#respond(this.#callSeq);
    return true;
  }

  /** Ends the machine when the outcome says so. */
  #end(outcome: number, words: Int32Array, at: number): boolean {
    if (outcome < POWER_OFF) return false;
    if (outcome === FAIL) this.#machine.failed(words, at);
    else this.#machine.poweredOff(this.#reply[VALUE_LO]!);
    return true;
  }
}
