/**
 * virtio console: a terminal with a size, and named ports beside it. Source: virtio 1.2, 5.3.
 */
import type { GuestMemory } from "../../../cores/guest_memory.ts";
import type { PortLine } from "../device.ts";
import { Registers } from "../registers.ts";
import { ConsoleControl } from "./console_control.ts";
import { ConsolePort } from "./console_port.ts";
import type { InputQueue, VirtioDevice } from "./virtio_device.ts";
import type { Virtqueue } from "./virtqueue.ts";

/**
 * Queues (5.3.2): each port has one for what it receives and one for what it transmits; the control
 * queues stand behind those of port 0.
 */
const QUEUES_OF_PORT = 2, CONTROL_RECEIVE = 2, CONTROL_TRANSMIT = 3;

/** Feature bits (5.3.3). */
const SIZE = 1 << 0, MULTIPORT = 1 << 1;

/** Configuration (5.3.4). */
const COLUMNS_AT = 0, ROWS_AT = 2, PORTS_AT = 4, CONFIG_BYTES = 12;

/** See the head of this file. Serving allocates nothing. */
export class VirtioConsole implements VirtioDevice {
  readonly type = 3;
  readonly classCode = 0x078000;
  readonly features: number;
  readonly queues: number;
  readonly config = new Registers(CONFIG_BYTES);
  readonly inputs: readonly InputQueue[];
  /** The driver must be told that the configuration changed. */
  sizeUntold = false;
  /** By number; port 0 is the terminal and may be none. */
  readonly #ports: readonly (ConsolePort | undefined)[];
  readonly #control: ConsoleControl;
  #multiport = false;

  /**
   * @param terminal what is at port 0
   * @param lines what is at the ports beside it
   */
  constructor(
    memory: GuestMemory,
    terminal: PortLine | undefined,
    lines: readonly PortLine[] = [],
  ) {
    const several = lines.length > 0;
    this.features = (terminal ? SIZE : 0) | (several ? MULTIPORT : 0);
    this.#ports = [terminal, ...lines].map((line) => line && new ConsolePort(memory, line));
    this.queues = QUEUES_OF_PORT * (this.#ports.length + (several ? 1 : 0));
    this.config.set(PORTS_AT, 4, this.#ports.length);
    this.#control = new ConsoleControl(
      memory,
      terminal,
      lines,
      () => this.config.read(COLUMNS_AT, 4),
    );
    this.inputs = [
      ...this.#ports.flatMap((port, id) => port ? [this.#inputOf(port, id)] : []),
      ...(several ? [this.#controlInput()] : []),
    ];
  }

  /** A driver with one port asks for the size when it is told of a change, and not before. */
  start(features: number): void {
    this.#multiport = (features & MULTIPORT) !== 0;
    this.sizeUntold = !this.#multiport && this.config.read(COLUMNS_AT, 2) !== 0;
  }

  reset(): void {
    this.#multiport = false;
    for (const port of this.#ports) port?.reset();
    this.#control.reset();
  }

  /** An output is full and nobody tells when it is not. */
  get impatient(): boolean {
    for (let i = 0; i < this.#ports.length; i++) {
      if (this.#ports[i]?.stalled) return true;
    }
    return false;
  }

  /** The terminal has another size. */
  resize(columns: number, rows: number): void {
    this.config.set(COLUMNS_AT, 2, columns);
    this.config.set(ROWS_AT, 2, rows);
    if (this.#multiport) this.#control.resized();
    else this.sizeUntold = true;
  }

  serve(index: number, queue: Virtqueue, most: number): number {
    if (index >= QUEUES_OF_PORT && !this.#multiport) return 0;
    if (index === CONTROL_RECEIVE) return this.#control.send(queue, most);
    if (index === CONTROL_TRANSMIT) return this.#control.hear(queue, most);
    const id = index < QUEUES_OF_PORT ? 0 : (index >> 1) - 1;
    const port = this.#ports[id];
    if (!port) return 0;
    if ((index & 1) !== 0) return port.transmit(queue, most);
    return id === 0 || this.#control.isOpenInGuest(id) ? port.receive(queue, most) : 0;
  }

  #inputOf({ line: { input } }: ConsolePort, id: number): InputQueue {
    const control = this.#control;
    return {
      index: id === 0 ? 0 : QUEUES_OF_PORT * (id + 1),
      get waiting() {
        return input.peek() >= 0 && (id === 0 || control.isOpenInGuest(id));
      },
    };
  }

  #controlInput(): InputQueue {
    const control = this.#control;
    return {
      index: CONTROL_RECEIVE,
      get waiting() {
        return control.waiting;
      },
    };
  }
}
