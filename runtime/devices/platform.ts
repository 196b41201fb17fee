/** The PC that a guest finds: its buses and what stands on them. */
import type { GuestMemory } from "../../cores/guest_memory.ts";
import type { Stub } from "../../cores/stub.ts";
import type { Disk } from "../../hypercalls/block.ts";
import { MACHINE_COUNTER } from "../counters.ts";
import { Bus } from "./bus.ts";
import { KernelInterrupts } from "./kernel_interrupts.ts";
import { CONFIG_PORT_COUNT, CONFIG_PORTS, ECAM_BYTES, PciBus } from "./pci/pci_bus.ts";
import { PciFunction } from "./pci/pci_function.ts";
import { type PollingPolicy, QueuePoller } from "./queue_poller.ts";
import { VirtioBlock } from "./virtio/block.ts";
import type { VirtioDevice } from "./virtio/virtio_device.ts";
import { VirtioPci } from "./virtio/virtio_pci.ts";

/** The hole below 4 GiB: PCI memory, then the ECAM. The interrupt controllers lie above. */
export const PCI_MEMORY = 0xc0000000, ECAM = 0xe0000000;

/** A host bridge that no driver needs quirks for. */
const HOST_BRIDGE = {
  vendor: 0x1b36,
  device: 0x0008,
  revision: 0,
  classCode: 0x060000,
  subsystemVendor: 0x1af4,
  subsystem: 0x1100,
};

/** What a platform is made of. */
export interface PlatformOptions {
  readonly stub: Stub;
  /** The stub's handle of the machine. */
  readonly vm: number;
  readonly memory: GuestMemory;
  readonly disk: Disk | null;
  readonly polling: PollingPolicy;
  /** Nobody polls: queues are served within the driver's notification. */
  readonly atOnce: boolean;
  readonly ticksPerMs: number;
  /** The machine's, by `MACHINE_COUNTER`. */
  readonly counters: Float64Array;
}

/** See the head of this file. */
export class Platform {
  readonly ports = new Bus();
  readonly memory = new Bus();
  readonly queues: QueuePoller;
  readonly #pci = new PciBus();
  readonly #ram: GuestMemory;
  readonly #interrupts: KernelInterrupts;

  constructor(options: PlatformOptions) {
    const { stub, vm, memory, disk, counters } = options;
    this.#ram = memory;
    this.#interrupts = new KernelInterrupts(
      stub,
      vm,
      counters.subarray(MACHINE_COUNTER.interrupts),
    );
    this.queues = new QueuePoller(
      options.polling,
      stub.sx_tsc,
      options.ticksPerMs,
      options.atOnce,
      counters.subarray(MACHINE_COUNTER.queueNotifications),
    );
    this.ports.map(CONFIG_PORTS, CONFIG_PORT_COUNT, this.#pci.ports);
    this.memory.map(ECAM, ECAM_BYTES, this.#pci.ecam);
    this.#pci.add(new PciFunction(this.memory, HOST_BRIDGE));
    if (disk) {
      this.#addVirtio(new VirtioBlock(stub, vm, memory, { disk, serial: "splitx-0", queues: 1 }));
    }
    this.#pci.assignBars(PCI_MEMORY);
  }

  #addVirtio(device: VirtioDevice): void {
    const transport: VirtioPci = new VirtioPci(
      device,
      this.memory,
      this.#ram,
      this.#interrupts,
      (queue) => this.queues.notified(transport, queue),
    );
    this.#pci.add(transport.function);
    this.queues.add(transport);
  }
}
