/** A machine as the housekeeping core describes it to the core that serves it. */
import type { Placement } from "../cores/cost_model.ts";
import type { PollingPolicy } from "./devices/queue_poller.ts";
import type { Disks } from "./disk.ts";

/** Everything here is shared memory, handles and numbers, so that it crosses to a worker. */
export interface MachineDescription {
  readonly id: number;
  /** The stub's handle of the machine. */
  readonly vm: number;
  readonly memory: { readonly address: bigint; readonly bytes: number };
  readonly vcpus: readonly VcpuDescription[];
  readonly console: SharedArrayBuffer;
  /** What is typed to the guest; see `devices/input_ring.ts`. */
  readonly input: SharedArrayBuffer;
  /** Whether devices are polled beside the vCPUs. */
  readonly polled: boolean;
  /** Whether its IOAPIC is ours; otherwise the engine has it, or there is none. */
  readonly ioapic: boolean;
  /** See `counters.ts`. */
  readonly counters: SharedArrayBuffer;
  /** Where its device queues lie; see `devices/virtio/queue_table.ts`. */
  readonly queueTable: SharedArrayBuffer;
  readonly disks: Disks;
  readonly network: NetworkDescription | null;
  /** Devices that are there or not. */
  readonly entropy: boolean;
  readonly virtioConsole: boolean;
  /** Named ports of a virtio console. */
  readonly ports: readonly PortDescription[];
  /** Where the handler of an exit runs. */
  readonly placement: Placement;
  /** Its virtual clock; null when time is the host's. */
  readonly clock: VirtualClockDescription | null;
  /** When device queues are polled. */
  readonly polling: PollingPolicy;
}

/** A named port, between its guest and a program of the host. */
export interface PortDescription {
  readonly name: string;
  /** What comes for the guest; see `devices/input_ring.ts`. */
  readonly input: SharedArrayBuffer;
  /** What the guest says; see `hypercalls/console_ring.ts`. */
  readonly output: SharedArrayBuffer;
}

/** A virtual clock. */
export interface VirtualClockDescription {
  /** What the guest's clock says when it starts, seconds since the Unix epoch. */
  readonly epoch: number;
  /** Of the random numbers that devices give. */
  readonly seed: number;
}

/** What a machine's network device is joined to. */
export interface NetworkDescription {
  /** The device's address. */
  readonly mac: Uint8Array;
  /** A switch between machines, or the stub's handle of something of the host's. */
  readonly link:
    | { readonly kind: "switch"; readonly name: string }
    | { readonly kind: "tap" | "stream"; readonly handle: number };
}

/** One vCPU of it. */
export interface VcpuDescription {
  /** The stub's handle. */
  readonly handle: number;
  /** Address of its block. */
  readonly block: bigint;
  /** Guest-physical address of its hypercall page. */
  readonly page: number;
}

/** An exit event, for people. */
export interface LastExit {
  /** SDM basic exit reason, or one of ours above them. */
  readonly reason: number;
  /** Port or guest-physical address. */
  readonly address: bigint;
  /** Where the guest stood; only with reasons that end a guest. */
  readonly rip: bigint;
  /** The engine's own error number. */
  readonly detail: number;
}

/** How a machine ended, as the core that serves it saw it. */
export type MachineEnd =
  | { readonly kind: "powered-off"; readonly code: number }
  | { readonly kind: "failed"; readonly reason: string; readonly lastExit?: LastExit };

/** Sent by a worker on its own. */
export interface EndedEvent {
  readonly type: "event";
  readonly machine: number;
  readonly end: MachineEnd;
}
