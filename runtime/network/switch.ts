/**
 * A learning Ethernet switch between the machines of a network, which one core serves or several. Each
 * core has a switch of its own and forwards what its machines send: a frame is copied out of its
 * sender's memory into the inbox of each port that it goes to, and from there, by the core of that
 * port, into the receiver's memory when that has buffers. No machine waits for another, and no core.
 *
 * A port owns the address of its machine's device: no other port can take it over. Of other
 * addresses each port has a few places, so that a machine which invents senders makes the network
 * forget its own only.
 */
import { byteArea } from "../../cores/byte_copy.ts";
import type { SegmentList } from "../devices/virtio/segment_list.ts";
import type { FramePort } from "./frame_port.ts";
import { Inbox } from "./inbox.ts";
import { MAC_BYTES } from "./mac.ts";
import type { Member } from "./member.ts";

/** In the first byte of an address: a group's. */
const GROUP = 1;
/** A frame begins with its receiver's address and its sender's. */
const HEAD_BYTES = 2 * MAC_BYTES;

/** Wakes a core that sleeps. */
export interface Bell {
  /** Something has been published for it. */
  ring(): void;
}

/** See the head of this file. Forwarding allocates nothing. */
export class Switch {
  #ports: readonly Port[] = [];
  readonly #head = byteArea(HEAD_BYTES);
  readonly #bellOf: (member: Member) => Bell | undefined;

  /** @param bellOf what wakes a member's core, undefined for this one */
  constructor(bellOf: (member: Member) => Bell | undefined) {
    this.#bellOf = bellOf;
  }

  /** Says who is in the network now. Who stays keeps his port. */
  update(members: readonly Member[]): void {
    this.#ports = members.map((member) =>
      this.#ports.find((port) => port.machine === member.machine) ??
        new Port(member, this.#bellOf(member))
    );
    const lanes = members.reduce((most, { port }) => Math.max(most, port + 1), 0);
    for (const port of this.#ports) port.inbox.open(lanes);
  }

  /**
   * The place of a machine that this core serves.
   *
   * @throws Error when it is no member
   */
  join(machine: number): SwitchPort {
    const port = this.#ports.find((port) => port.machine === machine);
    if (!port) throw new Error(`machine ${machine} is not in this network`);
    return new SwitchPort(this, port);
  }

  /** @returns false when the frame is lost, to one receiver at least */
  forward(from: Port, frame: SegmentList): boolean {
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

  /** What two cores learn of one address at once is settled by its next frame. */
  #learn(from: Port, hi: number, lo: number): void {
    if (this.#ownerOf(hi, lo) !== undefined) return;
    for (let i = 0; i < this.#ports.length; i++) {
      const port = this.#ports[i]!;
      if (port !== from) port.inbox.addresses.forget(hi, lo);
    }
    const { addresses } = from.inbox;
    if (!addresses.knows(hi, lo)) addresses.learn(hi, lo);
  }

  #flood(from: Port, frame: SegmentList): boolean {
    let all = true;
    for (let i = 0; i < this.#ports.length; i++) {
      const port = this.#ports[i]!;
      if (port !== from && !port.put(frame, from.number)) all = false;
    }
    return all;
  }

  #ownerOf(hi: number, lo: number): Port | undefined {
    for (let i = 0; i < this.#ports.length; i++) {
      const port = this.#ports[i]!;
      if (port.owns(hi, lo)) return port;
    }
    return undefined;
  }

  #learnedAt(hi: number, lo: number): Port | undefined {
    for (let i = 0; i < this.#ports.length; i++) {
      const port = this.#ports[i]!;
      if (port.inbox.addresses.knows(hi, lo)) return port;
    }
    return undefined;
  }
}

/** A member of the network as one core sees it. */
class Port {
  readonly machine: number;
  readonly number: number;
  readonly inbox: Inbox;
  readonly #bell: Bell | undefined;
  readonly #hi: number;
  readonly #lo: number;

  constructor({ machine, port, mac, inbox }: Member, bell: Bell | undefined) {
    this.machine = machine;
    this.number = port;
    this.inbox = new Inbox(inbox);
    this.#bell = bell;
    const view = new DataView(mac.buffer, mac.byteOffset);
    this.#hi = view.getUint16(0);
    this.#lo = view.getInt32(2);
  }

  /** A frame for this port: false when it is lost. */
  put(frame: SegmentList, source: number): boolean {
    const taken = this.inbox.put(frame, source);
    if (this.#bell !== undefined) this.#bell.ring();
    return taken;
  }

  /** Whether this is its device's address. */
  owns(hi: number, lo: number): boolean {
    return this.#lo === lo && this.#hi === hi;
  }
}

/** One machine's place at a {@link Switch}, on the core that serves it. */
export class SwitchPort implements FramePort {
  /** Who sends a frame rings. */
  readonly unannounced = false;
  readonly #switch: Switch;
  readonly #port: Port;
  readonly #inbox: Inbox;

  /** Made by {@link Switch.join}. */
  constructor(network: Switch, port: Port) {
    this.#switch = network;
    this.#port = port;
    this.#inbox = port.inbox;
  }

  /** While nobody listens what comes is lost. */
  set up(listens: boolean) {
    this.#inbox.up = listens;
  }

  get pending(): boolean {
    return this.#inbox.pending;
  }

  send(frame: SegmentList): boolean {
    return this.#switch.forward(this.#port, frame);
  }

  receive(room: SegmentList): number {
    return this.#inbox.take(room);
  }
}
