/**
 * The virtqueues of one machine on the core that serves them. A queue begins by notifications; when
 * they come often the driver is told not to notify, until it has been idle for long (ELVIS, USENIX
 * ATC 2013, 3.4). Queues are served round robin, a quantum each. Within a quantum the others are
 * looked at: few chains to which none is added belong to a guest that waits for them, so they are
 * served in between.
 *
 * A core that polls looks at every avail index in each turn, polled queue or not: a notification only
 * ends its sleep, and the kernel may take it (`kernel_doorbells.ts`). Where nobody polls, queues are
 * served within the notification. A queue that is room for input is looked at when there is input, and
 * its driver need not notify.
 */
import { TIMED_EVERY } from "../../cores/vcpu_channel.ts";
import type { InputQueue } from "./virtio/virtio_device.ts";
import type { VirtioPci } from "./virtio/virtio_pci.ts";

/** When a queue is polled. */
export interface PollingPolicy {
  /** Notifications in a millisecond that start it; Infinity for never, 0 for always. */
  readonly startRate: number;
  /** Milliseconds without work that end it. */
  readonly stopIdleMs: number;
  /** Chains of one queue that are served before the next queue's turn. */
  readonly quantum: number;
  /** Chains of one queue that are served between two looks at the others; more are no few. */
  readonly leastQuantum: number;
  /** Microseconds for which a queue has few chains before it is served in between. */
  readonly stuckUs: number;
}

/** Indexes of the counters that {@link QueuePoller} keeps. */
export const QUEUE_COUNTER = {
  notifications: 0,
  chains: 1,
  /** What serving queues took of a core that polls; within a notification it is the exit's time. */
  servedTicks: 2,
  count: 3,
} as const;

/** Turns between two looks at the clock for queues that may have become idle. */
const TURNS_PER_LOOK = 4096;

interface Entry {
  readonly transport: VirtioPci;
  readonly index: number;
  /** What the device says of it, when it is room for input. */
  readonly input: InputQueue | undefined;
  /** The driver has been told not to notify. */
  polled: boolean;
  /** Start of the millisecond in which notifications are counted, and how many came. */
  since: number;
  notifications: number;
  /** Chains served since the start, and at the last look at the clock. */
  chains: number;
  seen: number;
  /** Ticks of the last look that found something served since the one before. */
  worked: number;
  /** Chains that waited when another queue's quantum was interrupted, and since when so many. */
  backlog: number;
  stuckSince: number;
}

/** See the head of this file. It is polled like a vCPU. Polling allocates nothing. */
export class QueuePoller {
  readonly #entries: Entry[] = [];
  #policy: PollingPolicy;
  readonly #ticks: () => number;
  readonly #ticksPerMs: number;
  readonly #atOnce: boolean;
  readonly #counters: Float64Array;
  #turns = 0;
  #servings = 0;

  /**
   * @param atOnce serve within the notification: for placements in which nobody polls
   * @param counters by {@link QUEUE_COUNTER}
   */
  constructor(
    policy: PollingPolicy,
    ticks: () => number,
    ticksPerMs: number,
    atOnce: boolean,
    counters: Float64Array,
  ) {
    this.#policy = policy;
    this.#ticks = ticks;
    this.#ticksPerMs = ticksPerMs;
    this.#atOnce = atOnce;
    this.#counters = counters;
  }

  /**
   * Looks after every queue of a device from now on, room for input last: what is sent may be answered
   * at once.
   */
  add(transport: VirtioPci): void {
    const { queues, device } = transport;
    const inputOf = (index: number) => device.inputs?.find((one) => one.index === index);
    const isInput = (index: number) => inputOf(index) === undefined ? 0 : 1;
    for (const index of [...queues.keys()].toSorted((a, b) => isInput(a) - isInput(b))) {
      const input = inputOf(index);
      const polled = !this.#atOnce && (input !== undefined || this.#policy.startRate === 0);
      this.#entries.push({
        transport,
        index,
        input,
        polled,
        since: 0,
        notifications: 0,
        chains: 0,
        seen: 0,
        worked: 0,
        backlog: 0,
        stuckSince: 0,
      });
    }
  }

  /**
   * Another policy, from now on: each queue begins anew, by notifications or polled. To be set between
   * two turns.
   */
  set policy(policy: PollingPolicy) {
    this.#policy = policy;
    for (const entry of this.#entries) {
      if (this.#atOnce || entry.input !== undefined) continue;
      entry.polled = policy.startRate === 0;
      entry.notifications = 0;
      entry.transport.queues[entry.index]!.notifications = !entry.polled;
    }
  }

  /** Ticks at which there is to be another turn although nobody rings. */
  get deadline(): number {
    for (let i = 0; i < this.#entries.length; i++) {
      const { transport: { device }, input } = this.#entries[i]!;
      if (device.impatient === true || input?.unannounced === true) {
        return this.#ticks() + this.#ticksPerMs;
      }
    }
    return Infinity;
  }

  /** The driver has notified a queue, and no kernel took it. */
  notified(transport: VirtioPci, index: number): void {
    if (!this.#atOnce) return;
    this.#counters[QUEUE_COUNTER.notifications]!++;
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      if (entry.transport !== transport || entry.index !== index) continue;
      const { quantum } = this.#policy;
      while (this.#serve(entry, quantum) > 0 || (transport.device.outstanding ?? 0) > 0);
    }
  }

  /** Serves every queue that has work, for one quantum: whether any had. */
  poll(): boolean {
    let any = false;
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      const { outstanding = 0, impatient = false } = entry.transport.device;
      if (outstanding > 0) any = true; // nobody may sleep on it
      else if (!impatient && !this.#hasWork(entry)) continue;
      const toldToNotify = !entry.polled;
      if (!this.#turn(entry)) continue;
      any = true;
      if (toldToNotify && !this.#atOnce) this.#count(entry);
    }
    if (++this.#turns % TURNS_PER_LOOK === 0) this.#retireIdle();
    return any;
  }

  /** The core is about to sleep, or woke up: whether drivers must notify although it polls. */
  set doorbell(wanted: boolean) {
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      if (entry.polled) entry.transport.queues[entry.index]!.notifications = wanted;
    }
  }

  #hasWork(entry: Entry): boolean {
    // The queue first: its line is here when it is needed.
    if (!entry.transport.queues[entry.index]!.pending) return false;
    return entry.input === undefined || entry.input.waiting;
  }

  /** Serves one quantum: whether there was anything. */
  #turn(entry: Entry): boolean {
    const timed = (this.#servings & (TIMED_EVERY - 1)) === 0;
    const started = timed ? this.#ticks() : 0;
    if (this.#serveQuantum(entry) === 0) return false;
    this.#servings++;
    if (timed) {
      this.#counters[QUEUE_COUNTER.servedTicks]! += TIMED_EVERY * (this.#ticks() - started);
    }
    return true;
  }

  /** Serves one quantum: how many chains of this queue there were. */
  #serveQuantum(entry: Entry): number {
    const { quantum, leastQuantum } = this.#policy;
    const part = this.#entries.length === 1 ? quantum : Math.min(leastQuantum, quantum);
    let served = 0;
    while (served < quantum) {
      const most = Math.min(part, quantum - served), count = this.#serve(entry, most);
      served += count;
      if (count < most) break;
      if (served < quantum) this.#serveStuck(entry);
    }
    return served;
  }

  /** Serves the drivers that wait while another queue has its turn. */
  #serveStuck(running: Entry): void {
    const { leastQuantum, stuckUs } = this.#policy;
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      if (entry === running) continue;
      const { backlog } = entry.transport.queues[entry.index]!;
      if (backlog === 0 || backlog > leastQuantum) continue;
      const now = this.#ticks();
      if (backlog !== entry.backlog) {
        entry.backlog = backlog;
        entry.stuckSince = now;
      }
      if ((now - entry.stuckSince) * 1000 >= stuckUs * this.#ticksPerMs) {
        this.#serve(entry, leastQuantum);
      }
    }
  }

  /** Serves so many chains at most: how many there were. */
  #serve(entry: Entry, most: number): number {
    const { transport, index } = entry;
    const queue = transport.queues[index]!;
    if (entry.polled && queue.notifications) queue.notifications = false;
    const served = transport.serve(index, most);
    entry.chains += served;
    entry.backlog = 0;
    this.#counters[QUEUE_COUNTER.chains]! += served;
    if (!entry.polled && served < most) queue.notifications = true;
    return served;
  }

  /** Counts a notification and starts polling when they come often. */
  #count(entry: Entry): void {
    this.#counters[QUEUE_COUNTER.notifications]!++;
    const now = this.#ticks();
    if (now - entry.since > this.#ticksPerMs) {
      entry.since = now;
      entry.notifications = 0;
    }
    if (++entry.notifications < this.#policy.startRate) return;
    entry.polled = true;
    entry.worked = now;
    entry.transport.queues[entry.index]!.notifications = false;
  }

  /** Goes back to notifications where a queue has been idle for long. */
  #retireIdle(): void {
    if (this.#policy.startRate === 0) return;
    const now = this.#ticks();
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      if (!entry.polled || entry.input !== undefined) continue;
      if (entry.chains !== entry.seen) {
        entry.seen = entry.chains;
        entry.worked = now;
      } else if (now - entry.worked > this.#policy.stopIdleMs * this.#ticksPerMs) {
        entry.polled = false;
        entry.transport.queues[entry.index]!.notifications = true;
      }
    }
  }
}
