/** The networks of one hypervisor core. */
import type { Stub } from "../../cores/stub.ts";
import type { NetworkDescription } from "../machine_description.ts";
import type { FramePort } from "./frame_port.ts";
import { type FrameCalls, HostPort } from "./host_port.ts";
import { Switch } from "./switch.ts";

/** A machine's place in a network. */
export interface NetworkPlace {
  readonly port: FramePort;
  /** Of the machine's device. */
  readonly mac: Uint8Array;
  /** Gives the place back, once. */
  leave(): void;
}

function callsFor(stub: Stub, kind: "tap" | "stream"): FrameCalls {
  return kind === "tap"
    ? { send: stub.sx_tap_send, receive: stub.sx_tap_receive }
    : { send: stub.sx_stream_send, receive: stub.sx_stream_receive };
}

/** See the head of this file. A network begins with its first machine and ends with its last. */
export class Networks {
  readonly #switches = new Map<string, Switch>();

  /**
   * Gives a machine its place.
   *
   * @param vm the stub's handle of the machine
   * @throws RangeError when its network is full
   */
  join(
    stub: Stub,
    vm: number,
    ticksPerMs: number,
    { link, mac }: NetworkDescription,
  ): NetworkPlace {
    if (link.kind !== "switch") {
      const calls = callsFor(stub, link.kind);
      const port = new HostPort(calls, link.handle, vm, stub.sx_tsc, ticksPerMs);
      return { port, mac, leave: () => {} };
    }
    const network = this.#switches.get(link.name) ?? new Switch();
    const port = network.join(mac);
    this.#switches.set(link.name, network);
    const leave = () => {
      network.leave(port);
      if (network.ports === 0) this.#switches.delete(link.name);
    };
    return { port, mac, leave };
  }
}
