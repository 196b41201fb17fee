/**
 * The control messages of a virtio console with several ports: what ports there are, and who is at
 * their ends. What is to be told is a few bits for each port, so a driver that takes no messages makes
 * nothing grow. Source: virtio 1.2, 5.3.6.2.
 */
import { byteArea } from "../../../cores/byte_copy.ts";
import type { GuestMemory } from "../../../cores/guest_memory.ts";
import type { PortLine } from "../device.ts";
import { SegmentList } from "./segment_list.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** A message: port (32 bits), event, value; a name or a size may follow. */
const PORT = 0, EVENT_AND_VALUE = 1, HEADER_BYTES = 8, SIZE_BYTES = 4;
/** The longest name of a port, bytes. */
export const MOST_NAME_BYTES = 64;

/** Events that the driver sends. */
const DEVICE_READY = 0, PORT_READY = 3;
/** Events that the device sends, and `PORT_OPEN` by either. */
const PORT_ADD = 1, CONSOLE_PORT = 4, RESIZE = 5, PORT_OPEN = 6, PORT_NAME = 7;

/** What a driver is still to be told of a port, in this order; then whether its other end is open. */
const ADD = 1, CONSOLE = 2, NAME = 4, SIZE = 8;

interface PortState {
  readonly id: number;
  readonly line: PortLine;
  readonly name: Uint8Array;
  untold: number;
  /** The driver has set it up. */
  ready: boolean;
  /** Somebody in the guest has it open. */
  openInGuest: boolean;
  /** What the driver was told last of the host's end. */
  openTold: boolean;
}

/** See the head of this file. Serving allocates nothing. */
export class ConsoleControl {
  readonly #ports: readonly PortState[];
  readonly #list: SegmentList;
  readonly #message = byteArea(HEADER_BYTES + MOST_NAME_BYTES);
  readonly #size: () => number;

  /**
   * @param console what is at port 0, when there is a console
   * @param lines what is at the ports from 1 on
   * @param size columns of the console below 16 bits of rows
   */
  constructor(
    memory: GuestMemory,
    console: PortLine | undefined,
    lines: readonly PortLine[],
    size: () => number,
  ) {
    this.#list = new SegmentList(memory);
    this.#size = size;
    this.#ports = [console, ...lines].flatMap((line, id) =>
      line === undefined ? [] : [{
        id,
        line,
        name: new TextEncoder().encode(line.name),
        untold: 0,
        ready: false,
        openInGuest: false,
        openTold: false,
      }]
    );
  }

  reset(): void {
    for (const port of this.#ports) {
      port.untold = 0;
      port.ready = port.openInGuest = port.openTold = false;
    }
  }

  /** Whether there is something to tell. */
  get waiting(): boolean {
    for (let i = 0; i < this.#ports.length; i++) {
      const port = this.#ports[i]!;
      if (port.untold !== 0 || this.#openChanged(port)) return true;
    }
    return false;
  }

  /** Whether a port may be given what has come for it. */
  isOpenInGuest(id: number): boolean {
    return this.#portOf(id)?.openInGuest ?? false;
  }

  /** The terminal at port 0 has another size. */
  resized(): void {
    const port = this.#portOf(0);
    if (port?.ready) port.untold |= SIZE;
  }

  /** Tells the driver: how many chains were taken. */
  send(queue: Virtqueue, most: number): number {
    let served = 0;
    for (let i = 0; i < this.#ports.length; i++) {
      const port = this.#ports[i]!;
      for (; port.untold !== 0 || this.#openChanged(port); served++) {
        if (served === most) return served;
        const head = queue.take();
        if (head < 0) return served;
        this.#list.take(queue.segments, queue.readable, queue.writable, 0);
        const length = Math.min(this.#compose(port), this.#list.bytes);
        this.#list.copyIn(length, this.#message, 0);
        queue.give(head, length);
      }
    }
    return served;
  }

  /** Hears what the driver says: how many chains were taken. Messages that make no sense are none. */
  hear(queue: Virtqueue, most: number): number {
    let served = 0;
    for (; served < most; served++) {
      const head = queue.take();
      if (head < 0) break;
      this.#list.take(queue.segments, 0, queue.readable, 0);
      if (this.#list.bytes >= HEADER_BYTES) {
        this.#list.copyOut(HEADER_BYTES, this.#message, 0);
        const event = this.#message.words[EVENT_AND_VALUE]!;
        this.#obey(this.#message.words[PORT]!, event & 0xffff, event >>> 16);
      }
      queue.give(head, 0);
    }
    return served;
  }

  #portOf(id: number): PortState | undefined {
    for (let i = 0; i < this.#ports.length; i++) {
      if (this.#ports[i]!.id === id) return this.#ports[i];
    }
    return undefined;
  }

  /** The end of what comes from the host is told behind its last byte. */
  #openChanged({ id, line, ready, openInGuest, openTold }: PortState): boolean {
    if (!ready) return false;
    if (line.open) return !openTold;
    return openTold && !(id > 0 && openInGuest && line.input.peek() >= 0);
  }

  #obey(id: number, event: number, value: number): void {
    if (event === DEVICE_READY) {
      if (value === 1) { for (const port of this.#ports) port.untold |= ADD; }
      return;
    }
    const port = this.#portOf(id);
    if (port === undefined) return;
    if (event === PORT_READY) {
      port.ready = value === 1;
      port.openTold = false;
      if (port.ready) port.untold |= port.id === 0 ? CONSOLE | SIZE : NAME;
    } else if (event === PORT_OPEN) {
      port.openInGuest = value === 1;
    }
  }

  /** Makes the next message: its length. */
  #compose(port: PortState): number {
    const next = port.untold & -port.untold;
    port.untold &= ~next;
    switch (next) {
      case ADD:
        return this.#head(port.id, PORT_ADD, 1);
      case CONSOLE:
        return this.#head(port.id, CONSOLE_PORT, 1);
      case NAME:
        this.#message.bytes.set(port.name, HEADER_BYTES);
        return this.#head(port.id, PORT_NAME, 1) + port.name.length;
      case SIZE:
        this.#message.words[HEADER_BYTES / 4] = this.#size();
        return this.#head(port.id, RESIZE, 1) + SIZE_BYTES;
      default:
        port.openTold = port.line.open;
        return this.#head(port.id, PORT_OPEN, port.openTold ? 1 : 0);
    }
  }

  #head(id: number, event: number, value: number): number {
    this.#message.words[PORT] = id;
    this.#message.words[EVENT_AND_VALUE] = value << 16 | event;
    return HEADER_BYTES;
  }
}
