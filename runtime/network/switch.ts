/**
 * A learning Ethernet switch between machines that one core serves. A frame is copied out of its
 * sender's memory into the ring of each port that it goes to, and from there into the receiver's
 * memory when that has buffers, so that no machine waits for another.
 *
 * A port owns the address of its machine's device: no other port can take it over. Of other
 * addresses each port has a few places, so that a machine which invents senders makes the switch
 * forget its own only.
 */
import { byteArea } from "../../cores/byte_copy.ts";
import type { SegmentList } from "../devices/virtio/segment_list.ts";
import type { FramePort } from "./frame_port.ts";
import { FrameRing } from "./frame_ring.ts";
import { MAC_BYTES } from "./mac.ts";

/** The most ports of a switch. */
export const MOST_PORTS = 64;
/** Addresses that are remembered for a port beside its own. */
const LEARNED = 8;
/** In the first byte of an address: a group's. */
const GROUP = 1;
/** A frame begins with its receiver's address and its sender's. */
const HEAD_BYTES = 2 * MAC_BYTES;

/** See the head of this file. Forwarding allocates nothing. */
export class Switch {
  readonly #ports: (SwitchPort | undefined)[] = new Array(MOST_PORTS).fill(undefined);
  readonly #head = byteArea(HEAD_BYTES);

  /** How many ports are in use. */
  get ports(): number {
    return this.#ports.filter((port) => port !== undefined).length;
  }

  /**
   * Gives a machine a port.
   *
   * @param mac of its device
   * @throws RangeError when every port is taken
   */
  join(mac: Uint8Array): SwitchPort {
    const number = this.#ports.indexOf(undefined);
    if (number < 0) throw new RangeError(`a network has at most ${MOST_PORTS} machines`);
    const port = new SwitchPort(this, number, mac);
    this.#ports[number] = port;
    return port;
  }

  /** Takes a machine's port away. What waits of its frames weighs on the next one's share. */
  leave(port: SwitchPort): void {
    this.#ports[port.number] = undefined;
  }

  /** @returns false when the frame is lost, to one receiver at least */
  forward(from: SwitchPort, frame: SegmentList): boolean {
    const { bytes } = this.#head;
    frame.copyOut(HEAD_BYTES, this.#head, 0);
    // The halves of an address: 16 bits and 32.
    const toHi = bytes[0]! << 8 | bytes[1]!;
    const toLo = bytes[2]! << 24 | bytes[3]! << 16 | bytes[4]! << 8 | bytes[5]!;
    const fromHi = bytes[6]! << 8 | bytes[7]!;
    const fromLo = bytes[8]! << 24 | bytes[9]! << 16 | bytes[10]! << 8 | bytes[11]!;
    if ((bytes[6]! & GROUP) !== 0) return false; // nobody's address
    if (!from.owns(fromHi, fromLo)) this.#learn(from, fromHi, fromLo);
    if ((bytes[0]! & GROUP) === 0) {
      const to = this.#ownerOf(toHi, toLo) ?? this.#learnedAt(toHi, toLo);
      if (to !== undefined) return to === from || to.put(frame, from.number);
    }
    return this.#flood(from, frame);
  }

  #learn(from: SwitchPort, hi: number, lo: number): void {
    if (from.knows(hi, lo) || this.#ownerOf(hi, lo) !== undefined) return;
    for (let i = 0; i < MOST_PORTS; i++) this.#ports[i]?.forget(hi, lo);
    from.learn(hi, lo);
  }

  #flood(from: SwitchPort, frame: SegmentList): boolean {
    let all = true;
    for (let i = 0; i < MOST_PORTS; i++) {
      const port = this.#ports[i];
      if (port !== undefined && port !== from && !port.put(frame, from.number)) all = false;
    }
    return all;
  }

  #ownerOf(hi: number, lo: number): SwitchPort | undefined {
    for (let i = 0; i < MOST_PORTS; i++) {
      const port = this.#ports[i];
      if (port !== undefined && port.owns(hi, lo)) return port;
    }
    return undefined;
  }

  #learnedAt(hi: number, lo: number): SwitchPort | undefined {
    for (let i = 0; i < MOST_PORTS; i++) {
      const port = this.#ports[i];
      if (port !== undefined && port.knows(hi, lo)) return port;
    }
    return undefined;
  }
}

/** One machine's place at a {@link Switch}. */
export class SwitchPort implements FramePort {
  readonly number: number;
  /** Every port of a switch is served by one core. */
  readonly unannounced = false;
  readonly #switch: Switch;
  readonly #ring = new FrameRing(MOST_PORTS);
  readonly #hi: number;
  readonly #lo: number;
  /** Addresses that were seen as senders here: halves, side by side; a free place holds none. */
  readonly #learned = new Int32Array(2 * LEARNED).fill(-1);
  /** The place that is overwritten next. */
  #oldest = 0;
  #up = false;

  /** Made by {@link Switch.join}. */
  constructor(network: Switch, number: number, mac: Uint8Array) {
    this.number = number;
    this.#switch = network;
    const view = new DataView(mac.buffer, mac.byteOffset);
    this.#hi = view.getUint16(0);
    this.#lo = view.getInt32(2);
  }

  /** While nobody listens what comes is lost. */
  set up(listens: boolean) {
    this.#up = listens;
    this.#ring.clear();
  }

  get pending(): boolean {
    return this.#ring.count > 0;
  }

  send(frame: SegmentList): boolean {
    return this.#switch.forward(this, frame);
  }

  receive(room: SegmentList): number {
    return this.#ring.take(room);
  }

  /** A frame for this port: false when it is lost. One that nobody listens for is nobody's loss. */
  put(frame: SegmentList, source: number): boolean {
    return !this.#up || this.#ring.put(frame, source);
  }

  /** Whether this is its device's address. */
  owns(hi: number, lo: number): boolean {
    return this.#lo === lo && this.#hi === hi;
  }

  /** Whether the address was seen as a sender here. */
  knows(hi: number, lo: number): boolean {
    return this.#placeOf(hi, lo) >= 0;
  }

  /** The address was seen elsewhere. */
  forget(hi: number, lo: number): void {
    const place = this.#placeOf(hi, lo);
    if (place >= 0) this.#learned[place] = -1;
  }

  #placeOf(hi: number, lo: number): number {
    const learned = this.#learned;
    for (let i = 0; i < 2 * LEARNED; i += 2) {
      if (learned[i + 1] === lo && learned[i] === hi) return i;
    }
    return -1;
  }

  /** Remembers a sender in place of the one that came first. */
  learn(hi: number, lo: number): void {
    this.#learned[2 * this.#oldest] = hi;
    this.#learned[2 * this.#oldest + 1] = lo;
    this.#oldest = (this.#oldest + 1) % LEARNED;
  }
}
