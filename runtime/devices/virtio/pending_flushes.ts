/**
 * Flush requests of a disk that the host has not finished, in the order in which they came. The
 * stub's own thread flushes, so that the core goes on serving.
 */
import type { Stub } from "../../../cores/stub.ts";
import { MOST_ENTRIES } from "./virtqueue.ts";

/** See the head of this file. Allocates nothing once it is made. */
export class PendingFlushes {
  /** How many wait. */
  count = 0;
  /** Whether the one found done last has failed. */
  failed = false;
  readonly #stub: Stub;
  readonly #file: number;
  readonly #capacity: number;
  readonly #queues: Int32Array;
  readonly #heads: Int32Array;
  readonly #statuses: Float64Array;
  #first = 0;
  /** Ticket of the first that waits: tickets count the flushes of the file. */
  #ticket = 1;

  /** @param queues of the device: so many times `MOST_ENTRIES` may wait */
  constructor(stub: Stub, file: number, queues: number) {
    this.#stub = stub;
    this.#file = file;
    this.#capacity = queues * MOST_ENTRIES;
    this.#queues = new Int32Array(this.#capacity);
    this.#heads = new Int32Array(this.#capacity);
    this.#statuses = new Float64Array(this.#capacity);
  }

  /**
   * Asks the host for a flush.
   *
   * @param status guest-physical address of the request's status byte
   * @returns false when the host cannot
   */
  push(queue: number, head: number, status: number): boolean {
    if (this.count === this.#capacity) return false;
    if (this.#stub.sx_file_flush_start(this.#file) < 0) return false;
    const at = (this.#first + this.count) % this.#capacity;
    this.#queues[at] = queue;
    this.#heads[at] = head;
    this.#statuses[at] = status;
    this.count++;
    return true;
  }

  /** Whether the first that waits belongs to a queue and the host is done with it. */
  isDone(queue: number): boolean {
    if (this.count === 0 || this.#queues[this.#first] !== queue) return false;
    const result = this.#stub.sx_file_flush_poll(this.#file, this.#ticket);
    this.failed = result < 0;
    return result !== 0;
  }

  /** Head of the first that waits. */
  get head(): number {
    return this.#heads[this.#first]!;
  }

  /** Address of its status byte. */
  get status(): number {
    return this.#statuses[this.#first]!;
  }

  /** Takes it away. */
  shift(): void {
    this.#first = (this.#first + 1) % this.#capacity;
    this.#ticket = this.#ticket + 1 >>> 0;
    this.count--;
  }

  /** Forgets all that wait; the host finishes them nevertheless. */
  clear(): void {
    while (this.count > 0) this.shift();
  }
}
