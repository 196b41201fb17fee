/** The networks of one hypervisor core: those that it has machines in. */
import { CORE_BLOCK_BYTES, CORE_BLOCK_PARKED } from "../../cores/abi.ts";
import { type Stub, wordsAt } from "../../cores/stub.ts";
import type { NetworkDescription } from "../machine_description.ts";
import type { FramePort } from "./frame_port.ts";
import { type FrameCalls, HostPort } from "./host_port.ts";
import type { Member } from "./member.ts";
import { type Bell, Switch } from "./switch.ts";

/** A machine's place in a network. */
export interface NetworkPlace {
  readonly port: FramePort;
  /** Of the machine's device. */
  readonly mac: Uint8Array;
}

function callsFor(stub: Stub, kind: "tap" | "stream"): FrameCalls {
  const giveWay = stub.sx_thread_yield;
  return kind === "tap"
    ? { send: stub.sx_tap_send, receive: stub.sx_tap_receive, giveWay }
    : { send: stub.sx_stream_send, receive: stub.sx_stream_receive, giveWay };
}

/** See the head of this file. */
export class Networks {
  readonly #stub: Stub;
  readonly #core: number;
  readonly #switches = new Map<string, Switch>();

  /** @param core the stub's handle of this core */
  constructor(stub: Stub, core: number) {
    this.#stub = stub;
    this.#core = core;
  }

  /** Says who is in a network now; nobody when this core has no machine in it any more. */
  update(name: string, members: readonly Member[]): void {
    const network = this.#switches.get(name) ?? new Switch((member) => this.#bellOf(member));
    network.update(members);
    if (members.length > 0) this.#switches.set(name, network);
    else this.#switches.delete(name);
  }

  /**
   * Gives a machine its place.
   *
   * @param machine its number
   * @param vm the stub's handle of it
   * @throws Error when it is to be in a network that this core was not told of
   */
  join(
    machine: number,
    vm: number,
    ticksPerMs: number,
    { link, mac }: NetworkDescription,
  ): NetworkPlace {
    if (link.kind === "switch") {
      const network = this.#switches.get(link.name);
      if (!network) throw new Error(`machine ${machine} is not in network ${link.name}`);
      return { port: network.join(machine), mac };
    }
    const calls = callsFor(this.#stub, link.kind);
    return { port: new HostPort(calls, link.handle, vm, this.#stub.sx_tsc, ticksPerMs), mac };
  }

  #bellOf({ core: { handle, block } }: Member): Bell | undefined {
    if (handle === this.#core) return undefined;
    const stub = this.#stub, words = wordsAt(block, CORE_BLOCK_BYTES);
    return {
      // A frame is announced by a locked addition, which no later load overtakes (SDM volume 3, 9.2.2).
      ring: () => {
        if (words[CORE_BLOCK_PARKED] !== 0) stub.sx_core_wake(handle);
      },
    };
  }
}
