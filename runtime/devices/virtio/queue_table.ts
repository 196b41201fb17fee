/**
 * Where the queues of a machine's devices lie in its memory: a table in shared memory that the core
 * which serves them writes when a driver sets a queue up or gives it back, so that another core can see
 * how full each is without asking.
 */
import type { GuestMemory } from "../../../cores/guest_memory.ts";
import type { QueueAddresses } from "./virtqueue.ts";

/** Names of device types (virtio 1.2, 5). */
const DEVICE_NAMES = ["", "net", "block", "console", "entropy"] as const;

/** 16 disks of 8 queues, a console with 16 ports, network and entropy are 167. */
const MOST_QUEUES = 256;
/** A row of doubles: what the queue is, its entries (0: not set up), and addresses of its rings. */
const TYPE = 0, NUMBER = 1, INDEX = 2, INPUT = 3, SIZE = 4, DRIVER = 5, DEVICE = 6, ROW = 8;
/** Both rings begin with flags and index, 16 bits each (virtio 1.2, 2.7.6 and 2.7.8). */
const RING_INDEX = 1, RING_HEAD = 2;

/** How full a queue is. */
export interface QueueOccupancy {
  /** `net`, `block`, `console` or `entropy`. */
  readonly device: string;
  /** Which of the machine's devices of that kind, from 0. */
  readonly number: number;
  /** Which of the device's queues, from 0. */
  readonly queue: number;
  /** Whether its entries are room for what comes from outside, rather than requests. */
  readonly input: boolean;
  /** Entries that it has. */
  readonly size: number;
  /** Chains that its driver has made available and the device has not given back, by the rings. */
  readonly occupied: number;
}

/** What a queue is. */
export interface QueueIdentity {
  /** Device type (virtio 1.2, 5). */
  readonly type: number;
  readonly number: number;
  readonly index: number;
  readonly input: boolean;
}

/** Shared memory for a machine's table. */
export function createQueueTable(): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * ROW * MOST_QUEUES);
}

function address([lo, hi]: readonly [number, number]): number {
  return (hi >>> 0) * 2 ** 32 + (lo >>> 0);
}

/** The table as the core that serves the queues writes it. */
export class QueueTable {
  readonly #rows: Float64Array;
  #count = 0;

  /** @param buffer made by {@link createQueueTable} */
  constructor(buffer: SharedArrayBuffer) {
    this.#rows = new Float64Array(buffer);
  }

  /**
   * Adds a queue.
   *
   * @returns to be called with the queue's place when its driver has set it up, and with undefined when
   * it has none any more
   */
  add(
    { type, number, index, input }: QueueIdentity,
  ): (place: QueueAddresses | undefined) => void {
    if (this.#count === MOST_QUEUES) throw new Error(`a machine with over ${MOST_QUEUES} queues`);
    const row = this.#rows.subarray(this.#count * ROW, ++this.#count * ROW);
    row[TYPE] = type;
    row[NUMBER] = number;
    row[INDEX] = index;
    row[INPUT] = input ? 1 : 0;
    return (place) => {
      row[SIZE] = 0;
      if (place === undefined) return;
      row[DRIVER] = address(place.driver);
      row[DEVICE] = address(place.device);
      row[SIZE] = place.size;
    };
  }
}

/** The index of a ring as it lies in memory; the guest may write anything there. */
function ringIndex(memory: GuestMemory, ring: number): number {
  const half = memory.view16(ring | 0, Math.floor(ring / 2 ** 32), RING_HEAD)?.[RING_INDEX];
  return half ?? 0;
}

/**
 * How full the queues are that drivers have set up.
 *
 * @param buffer the machine's table
 * @param memory the machine's
 */
export function readQueues(buffer: SharedArrayBuffer, memory: GuestMemory): QueueOccupancy[] {
  const rows = new Float64Array(buffer), queues: QueueOccupancy[] = [];
  for (let at = 0; at < rows.length; at += ROW) {
    const size = rows[at + SIZE]!;
    if (size === 0) continue;
    const given = ringIndex(memory, rows[at + DEVICE]!);
    const available = ringIndex(memory, rows[at + DRIVER]!);
    queues.push({
      device: DEVICE_NAMES[rows[at + TYPE]!] ?? `type ${rows[at + TYPE]}`,
      number: rows[at + NUMBER]!,
      queue: rows[at + INDEX]!,
      input: rows[at + INPUT] === 1,
      size,
      occupied: Math.min(size, available - given & 0xffff),
    });
  }
  return queues;
}
