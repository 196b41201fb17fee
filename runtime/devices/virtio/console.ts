/** virtio console with one port and a size. Source: virtio 1.2, 5.3. */
import { byteArea } from "../../../cores/byte_copy.ts";
import type { GuestMemory } from "../../../cores/guest_memory.ts";
import type { ByteSink, ByteSource } from "../device.ts";
import { Registers } from "../registers.ts";
import { SegmentList } from "./segment_list.ts";
import type { InputQueue, VirtioDevice } from "./virtio_device.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** Queues (5.3.2): the other one is for transmission. */
const RECEIVE = 0, QUEUES = 2;

/** Feature bit (5.3.3). */
const SIZE = 1 << 0;

/** Configuration (5.3.4). */
const COLUMNS_AT = 0, ROWS_AT = 2, PORTS_AT = 4, CONFIG_BYTES = 12;

/** Bytes that are copied at once. */
const PART_BYTES = 256;
/** Bytes of a chain that are taken in one turn: a chain may be as large as memory. */
const TURN_BYTES = 4096;

/** See the head of this file. Serving allocates nothing. */
export class VirtioConsole implements VirtioDevice {
  readonly type = 3;
  readonly classCode = 0x078000;
  readonly features = SIZE;
  readonly queues = QUEUES;
  readonly config = new Registers(CONFIG_BYTES);
  readonly input: InputQueue;
  /** The driver must be told that the configuration changed. */
  sizeUntold = false;
  readonly #output: ByteSink;
  readonly #typed: ByteSource;
  readonly #list: SegmentList;
  readonly #part = byteArea(PART_BYTES);
  /** Bytes of the next chain that have been put out. */
  #done = 0;
  #stalled = false;

  constructor(memory: GuestMemory, output: ByteSink, typed: ByteSource) {
    this.#output = output;
    this.#typed = typed;
    this.#list = new SegmentList(memory);
    this.config.set(PORTS_AT, 4, 1);
    this.input = {
      index: RECEIVE,
      get waiting() {
        return typed.peek() >= 0;
      },
    };
  }

  /** A driver with one port asks for the size when it is told of a change, and not before. */
  start(): void {
    this.sizeUntold = this.config.read(COLUMNS_AT, 2) !== 0;
  }

  reset(): void {
    this.#done = 0;
    this.#stalled = false;
  }

  /** The output is full and nobody tells when it is not. */
  get impatient(): boolean {
    return this.#stalled;
  }

  /** The terminal has another size. */
  resize(columns: number, rows: number): void {
    this.config.set(COLUMNS_AT, 2, columns);
    this.config.set(ROWS_AT, 2, rows);
    this.sizeUntold = true;
  }

  serve(index: number, queue: Virtqueue, most: number): number {
    return index === RECEIVE ? this.#receive(queue, most) : this.#transmit(queue, most);
  }

  #receive(queue: Virtqueue, most: number): number {
    let served = 0;
    for (; served < most && this.#typed.peek() >= 0; served++) {
      const head = queue.take();
      if (head < 0) break;
      this.#list.take(queue.segments, queue.readable, queue.writable, 0);
      const room = Math.min(PART_BYTES, this.#list.bytes);
      let count = 0;
      for (let byte = this.#typed.peek(); byte >= 0 && count < room; byte = this.#typed.peek()) {
        this.#part.bytes[count++] = byte;
        this.#typed.skip();
      }
      this.#list.copyIn(count, this.#part, 0);
      queue.give(head, count);
    }
    return served;
  }

  #transmit(queue: Virtqueue, most: number): number {
    this.#stalled = false;
    let budget = TURN_BYTES;
    for (let served = 0; served < most; served++) {
      const head = queue.take();
      if (head < 0) return served;
      this.#list.take(queue.segments, 0, queue.readable, this.#done);
      const before = this.#done;
      while (this.#list.bytes > 0 && this.#putPart()) {
        this.#list.take(queue.segments, 0, queue.readable, this.#done);
        if (this.#done - before >= budget) break;
      }
      if (this.#list.bytes > 0) {
        // The rest of the chain waits for its turn, or for the output.
        queue.putBack();
        return this.#stalled ? served : served + 1;
      }
      budget -= this.#done - before;
      this.#done = 0;
      queue.give(head, 0);
    }
    return most;
  }

  /** Puts out what of the list fits in a part: false when the output is full. */
  #putPart(): boolean {
    const length = Math.min(PART_BYTES, this.#list.bytes), { bytes } = this.#part;
    this.#list.copyOut(length, this.#part, 0);
    for (let i = 0; i < length; i++) {
      if (!this.#output.put(bytes[i]!)) {
        this.#stalled = true;
        return false;
      }
      this.#done++;
    }
    return true;
  }
}
