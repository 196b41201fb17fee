/** One port of a virtio console: the bytes of its two queues. Source: virtio 1.2, 5.3.6. */
import { byteArea } from "../../../cores/byte_copy.ts";
import type { GuestMemory } from "../../../cores/guest_memory.ts";
import type { PortLine } from "../device.ts";
import { SegmentList } from "./segment_list.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** Bytes that are copied at once. */
const PART_BYTES = 256;
/** Bytes of a chain that are taken in one turn: a chain may be as large as memory. */
const TURN_BYTES = 4096;

/** See the head of this file. Serving allocates nothing. */
export class ConsolePort {
  readonly line: PortLine;
  /** The output is full and nobody tells when it is not. */
  stalled = false;
  readonly #list: SegmentList;
  readonly #part = byteArea(PART_BYTES);
  /** Bytes of the next chain that have been put out. */
  #done = 0;

  constructor(memory: GuestMemory, line: PortLine) {
    this.line = line;
    this.#list = new SegmentList(memory);
  }

  reset(): void {
    this.#done = 0;
    this.stalled = false;
  }

  /** Fills chains with what has come: how many. */
  receive(queue: Virtqueue, most: number): number {
    const { input } = this.line;
    let served = 0;
    for (; served < most && input.peek() >= 0; served++) {
      const head = queue.take();
      if (head < 0) break;
      this.#list.take(queue.segments, queue.readable, queue.writable, 0);
      const room = Math.min(PART_BYTES, this.#list.bytes);
      let count = 0;
      for (let byte = input.peek(); byte >= 0 && count < room; byte = input.peek()) {
        this.#part.bytes[count++] = byte;
        input.skip();
      }
      this.#list.copyIn(count, this.#part, 0);
      queue.give(head, count);
    }
    return served;
  }

  /** Puts out what chains hold, or throws it away when nobody is there: how many. */
  transmit(queue: Virtqueue, most: number): number {
    this.stalled = false;
    let budget = TURN_BYTES;
    for (let served = 0; served < most; served++) {
      const head = queue.take();
      if (head < 0) return served;
      this.#list.take(queue.segments, 0, queue.readable, this.#done);
      const before = this.#done;
      while (this.line.open && this.#list.bytes > 0 && this.#putPart()) {
        this.#list.take(queue.segments, 0, queue.readable, this.#done);
        if (this.#done - before >= budget) break;
      }
      if (this.line.open && this.#list.bytes > 0) {
        // The rest of the chain waits for its turn, or for the output.
        queue.putBack();
        return this.stalled ? served : served + 1;
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
      if (!this.line.output.put(bytes[i]!)) {
        this.stalled = true;
        return false;
      }
      this.#done++;
    }
    return true;
  }
}
