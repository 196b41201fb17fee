/**
 * Which machines are in which network, on the housekeeping core. Every core that serves a machine of a
 * network is told of its members whenever they change. Nobody waits for it: what is sent meanwhile to a
 * machine that has gone is lost, and what one that has come sends waits.
 */
import { createInbox, MOST_PORTS } from "./inbox.ts";
import type { Member } from "./member.ts";

/** What a core is told. */
export interface NetworkMessage {
  readonly type: "network";
  readonly name: string;
  /** Nobody when the core serves no machine of the network any more. */
  readonly members: readonly Member[];
}

/** A hypervisor core, as far as networks are concerned. */
export interface NetworkCore {
  /** The stub's handle. */
  readonly handle: number;
  /** Address of its block. */
  readonly block: bigint;
  /** Hands over a message; messages arrive in the order of the calls. */
  exchange(message: NetworkMessage): Promise<unknown>;
}

interface Place {
  readonly member: Member;
  readonly core: NetworkCore;
}

/** See the head of this file. */
export class Memberships {
  readonly #networks = new Map<string, Place[]>();

  /**
   * Puts a machine into a network. A message to its core that follows finds it there.
   *
   * @param machine its number
   * @param mac of its device
   * @param core that serves it
   * @throws RangeError when the network is full
   */
  enter(name: string, machine: number, mac: Uint8Array, core: NetworkCore): void {
    const places = this.#networks.get(name) ?? [];
    const taken = new Set(places.map(({ member }) => member.port));
    const port = Array.from({ length: MOST_PORTS }, (_, i) => i).find((i) => !taken.has(i));
    if (port === undefined) throw new RangeError(`a network has at most ${MOST_PORTS} machines`);
    const { handle, block } = core;
    const member = { machine, port, mac, inbox: createInbox(), core: { handle, block } };
    places.push({ member, core });
    this.#networks.set(name, places);
    this.#tell(name, places);
  }

  /**
   * Takes a machine out of its network, when it is in one. Its core must serve it no more: its port's
   * number, and with it its lane at every other port, may be the next one's.
   */
  leave(machine: number): void {
    for (const [name, places] of this.#networks) {
      const at = places.findIndex(({ member }) => member.machine === machine);
      if (at < 0) continue;
      const [gone] = places.splice(at, 1);
      if (places.length === 0) this.#networks.delete(name);
      this.#tell(name, places, gone!.core);
      return;
    }
  }

  /** @param left the core of a machine that has gone */
  #tell(name: string, places: readonly Place[], left?: NetworkCore): void {
    const members = places.map(({ member }) => member);
    const cores = new Set(places.map(({ core }) => core));
    const tell = (core: NetworkCore, members: readonly Member[]) =>
      void core.exchange({ type: "network", name, members }).catch(() => {
        // It is dead, and so are its machines.
      });
    for (const core of cores) tell(core, members);
    if (left && !cores.has(left)) tell(left, []);
  }
}
