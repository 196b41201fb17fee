/** The driver's side of a split virtqueue in plain memory: for tests, benchmarks and fuzzers. */
import { GuestMemory } from "../../../cores/guest_memory.ts";
import type { QueueAddresses } from "./virtqueue.ts";

const TABLE = 0x1000, AVAILABLE = 0x2000, USED = 0x3000;
/** From one queue to the next. */
export const QUEUE_BYTES = 0x4000;
const DESCRIPTOR_BYTES = 16, USED_BYTES = 8;

/** Flags of a descriptor. */
export const FLAG = { next: 1, write: 2, indirect: 4 } as const;

/** A buffer of a chain. */
export interface Buffer {
  readonly address: number;
  readonly length: number;
  /** Whether the device writes it. */
  readonly write?: boolean;
}

/** Guest memory with one queue in its first 16 KiB, or behind another one's queue. */
export class DriverSide {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly memory: GuestMemory;
  readonly addresses: QueueAddresses;
  /** Where the queue's three areas begin. */
  readonly #at: number;
  #free = 0;
  #published = 0;
  #seen = 0;

  /**
   * @param size of the queue
   * @param memoryBytes at least 64 KiB
   * @param place where the memory of a machine is mapped, or a queue whose memory it shares; memory
   *   of its own when absent
   */
  constructor(size: number, memoryBytes = 65536, place?: Deno.PointerObject | DriverSide) {
    const beside = place instanceof DriverSide ? place : undefined;
    const at = place instanceof DriverSide ? undefined : place;
    this.bytes = beside?.bytes ?? new Uint8Array(
      at ? Deno.UnsafePointerView.getArrayBuffer(at, memoryBytes) : new ArrayBuffer(memoryBytes),
    );
    this.view = new DataView(this.bytes.buffer);
    const address = Deno.UnsafePointer.value(at ?? Deno.UnsafePointer.of(this.bytes));
    this.memory = beside?.memory ?? new GuestMemory(address, memoryBytes);
    this.#at = beside ? beside.#at + QUEUE_BYTES : 0;
    this.addresses = {
      size,
      descriptors: [this.#at + TABLE, 0],
      driver: [this.#at + AVAILABLE, 0],
      device: [this.#at + USED, 0],
    };
  }

  /** Writes one descriptor. */
  describe(index: number, buffer: Buffer, flags: number, next = 0, table = this.#at + TABLE): void {
    const at = table + index * DESCRIPTOR_BYTES;
    this.view.setBigUint64(at, BigInt(buffer.address), true);
    this.view.setUint32(at + 8, buffer.length, true);
    this.view.setUint16(at + 12, flags, true);
    this.view.setUint16(at + 14, next, true);
  }

  /** Makes a head available. */
  publish(head: number): void {
    const slot = this.#published % this.addresses.size;
    this.view.setUint16(this.#at + AVAILABLE + 4 + 2 * slot, head, true);
    this.#published = this.#published + 1 & 0xffff;
    this.view.setUint16(this.#at + AVAILABLE + 2, this.#published, true);
  }

  /** Puts a chain of direct descriptors into the queue: its head. */
  add(buffers: readonly Buffer[]): number {
    const size = this.addresses.size, head = this.#free;
    buffers.forEach((buffer, i) => {
      const last = i === buffers.length - 1;
      const flags = (buffer.write ? FLAG.write : 0) | (last ? 0 : FLAG.next);
      const index = (head + i) % size;
      this.describe(index, buffer, flags, (index + 1) % size);
    });
    this.#free = (head + buffers.length) % size;
    this.publish(head);
    return head;
  }

  /** What the device has given back since the last look. */
  collect(): { head: number; written: number }[] {
    const given: { head: number; written: number }[] = [];
    while (this.#seen !== this.view.getUint16(this.#at + USED + 2, true)) {
      const at = this.#at + USED + 4 + this.#seen % this.addresses.size * USED_BYTES;
      given.push({
        head: this.view.getUint32(at, true),
        written: this.view.getUint32(at + 4, true),
      });
      this.#seen = this.#seen + 1 & 0xffff;
    }
    return given;
  }

  /** The driver's flags: 1 wants no interrupts. */
  set availableFlags(flags: number) {
    this.view.setUint16(this.#at + AVAILABLE, flags, true);
  }

  /** With event index: the used index after which the driver wants an interrupt. */
  set usedEvent(index: number) {
    this.view.setUint16(this.#at + AVAILABLE + 4 + 2 * this.addresses.size, index, true);
  }

  /** The device's flags: 1 wants no notifications. */
  get usedFlags(): number {
    return this.view.getUint16(this.#at + USED, true);
  }

  /** With event index: the available index at which the device wants a notification. */
  get availableEvent(): number {
    return this.view.getUint16(this.#at + USED + 4 + USED_BYTES * this.addresses.size, true);
  }
}
