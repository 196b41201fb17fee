/**
 * virtio network device with one pair of queues and without offloads: a chain is one whole frame.
 * Source: virtio 1.2, 5.1.
 */
import { byteArea } from "../../../cores/byte_copy.ts";
import type { GuestMemory } from "../../../cores/guest_memory.ts";
import { FRAME_MAX, FRAME_MIN, type FramePort, GONE, LOST } from "../../network/frame_port.ts";
import { MAC_BYTES } from "../../network/mac.ts";
import { Registers } from "../registers.ts";
import { SegmentList } from "./segment_list.ts";
import type { InputQueue, VirtioDevice } from "./virtio_device.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** Queues (5.1.2): the other one is for transmission. */
const RECEIVE = 0, QUEUES = 2;

/** Feature bits (5.1.3). */
const MAC = 1 << 5, STATUS = 1 << 16;

/** Configuration (5.1.4). */
const MAC_AT = 0, STATUS_AT = 6, CONFIG_BYTES = 12;
const LINK_UP = 1;

/** The header before a frame (5.1.6): all zero but for the number of buffers, without offloads. */
const HEADER_BYTES = 12, NUM_BUFFERS_AT = 10;

/** Indexes of the counters that {@link VirtioNet} keeps: frames, and ends that are gone. */
export const NET_COUNTER = { sent: 0, received: 1, dropped: 2, linksLost: 3, count: 4 } as const;

/** See the head of this file. Serving allocates nothing. */
export class VirtioNet implements VirtioDevice {
  readonly type = 1;
  readonly classCode = 0x020000;
  readonly features = MAC | STATUS;
  readonly queues = QUEUES;
  readonly config = new Registers(CONFIG_BYTES);
  readonly inputs: readonly InputQueue[];
  /** Told that the link has gone down, which the driver finds in the configuration. */
  linkLost: () => void = () => {};
  readonly #port: FramePort;
  #running = false;
  readonly #counters: Float64Array;
  readonly #header: SegmentList;
  readonly #frame: SegmentList;
  /** The header of every frame that is received. */
  readonly #plain = byteArea(HEADER_BYTES);

  /** @param counters by {@link NET_COUNTER} */
  constructor(memory: GuestMemory, port: FramePort, mac: Uint8Array, counters: Float64Array) {
    this.#port = port;
    this.#counters = counters;
    const running = () => this.#running;
    this.inputs = [{
      index: RECEIVE,
      get waiting() {
        return port.pending;
      },
      get unannounced() {
        return running() && port.unannounced;
      },
    }];
    this.#header = new SegmentList(memory);
    this.#frame = new SegmentList(memory);
    this.#plain.bytes[NUM_BUFFERS_AT] = 1;
    for (let i = 0; i < MAC_BYTES; i++) this.config.set(MAC_AT + i, 1, mac[i]!);
    this.config.set(STATUS_AT, 2, LINK_UP);
  }

  start(): void {
    this.#running = true;
    this.#port.up = true;
  }

  reset(): void {
    this.#running = false;
    this.#port.up = false;
  }

  serve(index: number, queue: Virtqueue, most: number): number {
    return index === RECEIVE ? this.#receive(queue, most) : this.#transmit(queue, most);
  }

  #loseLink(): void {
    this.#counters[NET_COUNTER.linksLost]!++;
    this.config.set(STATUS_AT, 2, 0);
    this.linkLost();
  }

  #transmit(queue: Virtqueue, most: number): number {
    const frame = this.#frame;
    let served = 0;
    for (; served < most; served++) {
      const head = queue.take();
      if (head < 0) break;
      frame.take(queue.segments, 0, queue.readable, HEADER_BYTES);
      const whole = queue.writable === 0 && frame.bytes >= FRAME_MIN && frame.bytes <= FRAME_MAX;
      const counter = whole && this.#port.send(frame) ? NET_COUNTER.sent : NET_COUNTER.dropped;
      this.#counters[counter]!++;
      queue.give(head, 0);
    }
    return served;
  }

  #receive(queue: Virtqueue, most: number): number {
    const frame = this.#frame;
    let served = 0;
    for (; served < most && this.#port.pending; served++) {
      const head = queue.take();
      if (head < 0) break;
      frame.take(queue.segments, 0, queue.writable, HEADER_BYTES);
      if (queue.readable > 0 || frame.bytes === 0) {
        this.#counters[NET_COUNTER.dropped]!++;
        queue.give(head, 0); // no buffer for a frame
        continue;
      }
      const bytes = this.#port.receive(frame);
      if (bytes > 0) {
        this.#header.take(queue.segments, 0, queue.writable, 0);
        this.#header.copyIn(HEADER_BYTES, this.#plain, 0);
        this.#counters[NET_COUNTER.received]!++;
        queue.give(head, HEADER_BYTES + bytes);
        continue;
      }
      queue.putBack();
      if (bytes === GONE) this.#loseLink();
      if (bytes !== LOST) break;
      this.#counters[NET_COUNTER.dropped]!++;
    }
    return served;
  }
}
