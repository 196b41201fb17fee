/** The networks of one hypervisor core, by name. */
import type { NetworkDescription } from "../machine_description.ts";
import type { FramePort } from "./frame_port.ts";
import { Switch } from "./switch.ts";

/** A machine's place in a network. */
export interface NetworkPlace {
  readonly port: FramePort;
  /** Of the machine's device. */
  readonly mac: Uint8Array;
  /** Gives the place back, once. */
  leave(): void;
}

/** See the head of this file. A network begins with its first machine and ends with its last. */
export class Networks {
  readonly #switches = new Map<string, Switch>();

  /**
   * Gives a machine its place.
   *
   * @throws RangeError when its network is full
   */
  join({ name, mac }: NetworkDescription): NetworkPlace {
    const network = this.#switches.get(name) ?? new Switch();
    const port = network.join(mac);
    this.#switches.set(name, network);
    const leave = () => {
      network.leave(port);
      if (network.ports === 0) this.#switches.delete(name);
    };
    return { port, mac, leave };
  }
}
