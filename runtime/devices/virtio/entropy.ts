/** virtio entropy device: fills the driver's buffers with randomness. Source: virtio 1.2, 5.4. */
import { byteArea } from "../../../cores/byte_copy.ts";
import type { GuestMemory } from "../../../cores/guest_memory.ts";
import { Registers } from "../registers.ts";
import { SegmentList } from "./segment_list.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** Bytes for one chain at most; a device may give fewer than there is room for (5.4.6.1). */
export const ENTROPY_BYTES = 256;

/** Where randomness comes from. */
export interface RandomSource {
  /**
   * Fills the beginning of an array.
   *
   * @param length at most `ENTROPY_BYTES`
   * @returns how many bytes it is, negative when there are none
   */
  fill(bytes: Uint8Array, length: number): number;
}

/** See the head of this file. Serving allocates nothing. */
export class VirtioEntropy implements VirtioDevice {
  readonly type = 4;
  readonly classCode = 0x100000;
  readonly features = 0;
  readonly queues = 1;
  readonly config = new Registers(0);
  readonly #source: RandomSource;
  readonly #room: SegmentList;
  readonly #bytes = byteArea(ENTROPY_BYTES);

  constructor(memory: GuestMemory, source: RandomSource) {
    this.#source = source;
    this.#room = new SegmentList(memory);
  }

  start(): void {}

  reset(): void {}

  serve(_index: number, queue: Virtqueue, most: number): number {
    let served = 0;
    for (; served < most; served++) {
      const head = queue.take();
      if (head < 0) break;
      this.#room.take(queue.segments, queue.readable, queue.writable, 0);
      queue.give(head, this.#fill());
    }
    return served;
  }

  #fill(): number {
    const wanted = Math.min(this.#room.bytes, ENTROPY_BYTES);
    const got = Math.max(0, this.#source.fill(this.#bytes.bytes, wanted));
    this.#room.copyIn(got, this.#bytes, 0);
    return got;
  }
}
