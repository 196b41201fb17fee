/** The PC that a guest finds: its buses and what stands on them. */
import { PORT_COM1, PORT_DEBUG_EXIT } from "../../cores/abi.ts";
import type { GuestMemory } from "../../cores/guest_memory.ts";
import type { Pollable } from "../../cores/hypervisor_loop.ts";
import type { Stub } from "../../cores/stub.ts";
import { IO_APIC, PM_PORT, SCI } from "../acpi/platform.ts";
import type { MachineClock } from "../machine_clock.ts";
import { MACHINE_COUNTER } from "../counters.ts";
import type { FramePort } from "../network/frame_port.ts";
import { AcpiPm, PM_PORTS } from "./acpi_pm.ts";
import { Bus } from "./bus.ts";
import { DEBUG_EXIT_PORTS, DebugExit } from "./debug_exit.ts";
import type { ByteSink, ByteSource, InterruptLine, PortLine } from "./device.ts";
import { Ioapic, IOAPIC_BYTES } from "./ioapic.ts";
import { KernelInterrupts } from "./kernel_interrupts.ts";
import { KernelDoorbells } from "./kernel_doorbells.ts";
import { KEYBOARD_RESET_PORTS, KeyboardReset } from "./keyboard_reset.ts";
import { CONFIG_PORT_COUNT, CONFIG_PORTS, ECAM_BYTES, PciBus } from "./pci/pci_bus.ts";
import { PciFunction } from "./pci/pci_function.ts";
import { Power } from "./power.ts";
import { type PollingPolicy, QueuePoller } from "./queue_poller.ts";
import { ResetControl } from "./reset_control.ts";
import { RTC_PORTS, RtcCmos } from "./rtc_cmos.ts";
import { Uart16550, UART_PORTS } from "./uart_16550.ts";
import { type BlockOptions, VirtioBlock } from "./virtio/block.ts";
import { VirtioConsole } from "./virtio/console.ts";
import { VirtioEntropy } from "./virtio/entropy.ts";
import { VirtioNet } from "./virtio/net.ts";
import { QueueTable } from "./virtio/queue_table.ts";
import type { VirtioDevice } from "./virtio/virtio_device.ts";
import { VirtioPci } from "./virtio/virtio_pci.ts";

/** The hole below 4 GiB: PCI memory, then the ECAM. The interrupt controllers lie above. */
export const PCI_MEMORY = 0xc0000000, ECAM = 0xe0000000;

const COM1_IRQ = 4, RTC_PORT = 0x70, KEYBOARD_PORT = 0x64;

/** A host bridge that no driver needs quirks for. */
const HOST_BRIDGE = {
  vendor: 0x1b36,
  device: 0x0008,
  revision: 0,
  classCode: 0x060000,
  subsystemVendor: 0x1af4,
  subsystem: 0x1100,
};

/** What comes from a terminal. */
export interface TerminalInput extends ByteSource {
  /** Its columns above 16 bits of rows; 0 when it is none. */
  readonly size: number;
}

/** What a platform is made of. */
export interface PlatformOptions {
  readonly stub: Stub;
  /** The stub's handle of the machine. */
  readonly vm: number;
  readonly memory: GuestMemory;
  /** Virtio disks, in the order of their places on the bus. */
  readonly disks: readonly BlockOptions[];
  /** Its place in a network, and its address there. */
  readonly network: { readonly port: FramePort; readonly mac: Uint8Array } | null;
  /** Whether the IOAPIC is ours; the kernel's otherwise. */
  readonly ioapic: boolean;
  /** Where the serial port's bytes go, and where those for it come from. */
  readonly output: ByteSink;
  readonly input: TerminalInput;
  /** Whether a virtio console is the one that input is for, rather than the serial port. */
  readonly virtioConsole: boolean;
  /** What is at the named ports of a virtio console. */
  readonly ports: readonly PortLine[];
  /** Whether it has what an operating system looks for beside the devices that were asked for. */
  readonly entropy: boolean;
  readonly polling: PollingPolicy;
  /**
   * The stub's handle of the core that polls. Undefined when nobody does: queues are served within
   * the driver's notification.
   */
  readonly poller: number | undefined;
  readonly clock: MachineClock;
  /** The machine's, by `MACHINE_COUNTER`. */
  readonly counters: Float64Array;
  /** See `virtio/queue_table.ts`. */
  readonly queueTable: SharedArrayBuffer;
}

interface ConsoleParts {
  readonly device: VirtioConsole;
  readonly transport: VirtioPci;
}

/** The serial line of a machine whose terminal is a virtio console. */
const NOTHING: ByteSource = { peek: () => -1, skip() {} };

/** See the head of this file. What comes to its devices from outside is polled. */
export class Platform implements Pollable {
  readonly ports = new Bus();
  readonly memory = new Bus();
  /** What the guest asked for last. */
  readonly power = new Power();
  readonly #queues: QueuePoller;
  readonly #queueTable: QueueTable;
  /** How many devices of each type there are. */
  readonly #devices = new Map<number, number>();
  readonly #clock: MachineClock;
  readonly #serial: Uart16550;
  readonly #input: TerminalInput;
  /** When there is one, the console that input is for. */
  #console: ConsoleParts | undefined;
  /** Size of the terminal when it was last looked at. */
  #size = 0;
  readonly #pci = new PciBus(new ResetControl(this.power));
  readonly #ram: GuestMemory;
  readonly #interrupts: KernelInterrupts;
  readonly #ioapic: Ioapic | undefined;
  readonly #doorbells: KernelDoorbells | undefined;

  constructor(options: PlatformOptions) {
    const { stub, vm, memory, network, counters } = options;
    this.#ram = memory;
    this.#clock = options.clock;
    this.#interrupts = new KernelInterrupts(
      stub,
      vm,
      counters.subarray(MACHINE_COUNTER.interrupts),
    );
    if (options.ioapic) {
      const interrupts = this.#interrupts;
      this.#ioapic = new Ioapic(interrupts, (routes) => interrupts.route(routes));
      this.memory.map(IO_APIC, IOAPIC_BYTES, this.#ioapic);
    }
    this.#queues = new QueuePoller(
      options.polling,
      options.clock.ticks,
      options.clock.ticksPerMs,
      options.poller === undefined,
      counters.subarray(MACHINE_COUNTER.queueNotifications),
    );
    this.#queueTable = new QueueTable(options.queueTable);
    if (options.poller !== undefined) {
      this.#doorbells = new KernelDoorbells(stub, vm, options.poller);
    }
    this.#input = options.input;
    const typed = options.virtioConsole ? NOTHING : options.input;
    this.#serial = new Uart16550(options.output, this.#line(COM1_IRQ), typed);
    this.#addPcDevices(options.clock);
    this.ports.map(CONFIG_PORTS, CONFIG_PORT_COUNT, this.#pci.ports);
    this.memory.map(ECAM, ECAM_BYTES, this.#pci.ecam);
    this.#pci.add(new PciFunction(this.memory, HOST_BRIDGE));
    for (const disk of options.disks) this.#addVirtio(new VirtioBlock(stub, vm, memory, disk));
    if (network) {
      const frames = counters.subarray(MACHINE_COUNTER.framesSent);
      const device = new VirtioNet(memory, network.port, network.mac, frames);
      const transport = this.#addVirtio(device);
      device.linkLost = () => transport.configChanged();
    }
    if (options.entropy) {
      this.#addVirtio(new VirtioEntropy(memory, options.clock));
    }
    if (options.virtioConsole || options.ports.length > 0) this.#addConsole(options);
    this.#pci.assignBars(PCI_MEMORY);
  }

  /** Serves device queues and the serial line. */
  poll(): boolean {
    const any = this.#queues.poll();
    if (this.#console !== undefined) this.#lookAtSize(this.#console);
    return this.#serial.poll() || any;
  }

  settle(): void {
    while (this.poll());
  }

  get deadline(): number {
    return this.#queues.deadline;
  }

  set doorbell(wanted: boolean) {
    this.#queues.doorbell = wanted;
  }

  /** When device queues are polled, from now on. */
  set polling(policy: PollingPolicy) {
    this.#queues.policy = policy;
  }

  /** A level-triggered interrupt that our IOAPIC sent has ended. */
  endOfInterrupt(vector: number): void {
    this.#ioapic?.endOfInterrupt(vector);
  }

  #line(gsi: number): InterruptLine {
    return (this.#ioapic ?? this.#interrupts).line(gsi);
  }

  #addPcDevices(clock: MachineClock): void {
    const { ports, power } = this;
    const { ticks, ticksPerMs } = clock;
    const steadyClock = { nanoseconds: () => ticks() / ticksPerMs * 1e6 };
    const sizes = { below4GiB: this.#ram.lowBytes, above4GiB: this.#ram.highBytes };
    ports.map(PORT_COM1, UART_PORTS, this.#serial);
    ports.map(RTC_PORT, RTC_PORTS, new RtcCmos(clock, sizes));
    ports.map(KEYBOARD_PORT, KEYBOARD_RESET_PORTS, new KeyboardReset(power));
    ports.map(PORT_DEBUG_EXIT, DEBUG_EXIT_PORTS, new DebugExit(power));
    ports.map(PM_PORT, PM_PORTS, new AcpiPm(power, this.#line(SCI), steadyClock));
  }

  #addConsole({ memory, output, input, virtioConsole, ports }: PlatformOptions): void {
    const terminal = virtioConsole ? { name: "", output, input, open: true } : undefined;
    const device = new VirtioConsole(memory, terminal, ports);
    const transport = this.#addVirtio(device);
    if (terminal) this.#console = { device, transport };
  }

  #lookAtSize({ device, transport }: ConsoleParts): void {
    if (this.#input.size !== this.#size) {
      this.#size = this.#input.size;
      device.resize(this.#size >>> 16, this.#size & 0xffff);
    }
    if (!device.sizeUntold || !transport.running) return;
    device.sizeUntold = false;
    transport.configChanged();
  }

  #addVirtio(device: VirtioDevice): VirtioPci {
    const transport: VirtioPci = new VirtioPci(
      device,
      this.memory,
      this.#ram,
      this.#interrupts,
      (queue) => {
        this.#clock.notified();
        this.#queues.notified(transport, queue);
      },
      this.#doorbells?.ofDevice(),
    );
    this.#pci.add(transport.function);
    this.#queues.add(transport);
    this.#listQueues(transport);
    return transport;
  }

  #listQueues(transport: VirtioPci): void {
    const { type, inputs = [] } = transport.device;
    const number = this.#devices.get(type) ?? 0;
    this.#devices.set(type, number + 1);
    const rows = [...transport.queues.keys()].map((index) => {
      const input = inputs.some((one) => one.index === index);
      return this.#queueTable.add({ type, number, index, input });
    });
    transport.queuePlaced = (queue, place) => rows[queue]!(place);
  }
}
