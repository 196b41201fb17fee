/**
 * The PCI transport of virtio devices, without the legacy interface. Source: virtio 1.2, 4.1.
 */
import type { GuestMemory } from "../../../cores/guest_memory.ts";
import { DONE } from "../../../cores/outcome.ts";
import type { Bus } from "../bus.ts";
import type { Device, MessageSink } from "../device.ts";
import { Msix, NO_VECTOR } from "../pci/msix.ts";
import { PciFunction } from "../pci/pci_function.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import { MOST_ENTRIES, type QueueAddresses, Virtqueue } from "./virtqueue.ts";

const VENDOR = 0x1af4, FIRST_DEVICE = 0x1040, REVISION = 1, SUBSYSTEM = 0x1100;

/** BARs, and what lies where in the first one. */
const BAR = 0, MSIX_BAR = 1, BAR_BYTES = 0x4000;
const COMMON_AT = 0, ISR_AT = 0x1000, DEVICE_AT = 0x2000, NOTIFY_AT = 0x3000;
const AREA_BYTES = 0x1000, COMMON_BYTES = 0x3c;
/** Bytes between two queues' notification addresses. */
const NOTIFY_STEP = 4;

/** Capabilities (4.1.4): vendor-specific, of these types. */
const VENDOR_CAPABILITY = 0x09;
const COMMON = 1, NOTIFY = 2, ISR = 3, DEVICE_CONFIG = 4, PCI_CONFIG = 5;

/** Common configuration (4.1.4.3). */
const DEVICE_FEATURE_SELECT = 0x00, DEVICE_FEATURE = 0x04;
const DRIVER_FEATURE_SELECT = 0x08, DRIVER_FEATURE = 0x0c;
const CONFIG_VECTOR = 0x10, NUM_QUEUES = 0x12, DEVICE_STATUS = 0x14, CONFIG_GENERATION = 0x15;
const QUEUE_SELECT = 0x16, QUEUE_SIZE = 0x18, QUEUE_VECTOR = 0x1a, QUEUE_ENABLE = 0x1c;
const QUEUE_NOTIFY_OFF = 0x1e, QUEUE_DESCRIPTORS = 0x20, QUEUE_DRIVER = 0x28, QUEUE_DEVICE = 0x30;

/** Device status (2.1). */
const DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 64;
/** ISR status: a queue was used; the configuration changed. */
const ISR_QUEUE = 1, ISR_CONFIG = 2;

/** Feature bits of the transport and the queues (6): low word, then high. */
const INDIRECT_DESC = 1 << 28, EVENT_IDX = 1 << 29;
const VERSION_1 = 1 << 0, IN_ORDER = 1 << 3;

/** A queue as the driver sets it up. */
class QueueSetup {
  size = MOST_ENTRIES;
  vector = NO_VECTOR;
  readonly descriptors: [number, number] = [0, 0];
  readonly driver: [number, number] = [0, 0];
  readonly device: [number, number] = [0, 0];

  reset(): void {
    this.size = MOST_ENTRIES;
    this.vector = NO_VECTOR;
    for (const area of [this.descriptors, this.driver, this.device]) area[0] = area[1] = 0;
  }
}

/** See the head of this file. */
export class VirtioPci {
  /** What stands on the PCI bus. */
  readonly function: PciFunction;
  readonly device: VirtioDevice;
  /** One for each queue of the device. */
  readonly queues: readonly Virtqueue[];
  /** Told where a queue lies when its driver has set it up; of undefined, when it has taken it away. */
  queuePlaced: (queue: number, place: QueueAddresses | undefined) => void = () => {};
  readonly #msix: Msix;
  readonly #setups: readonly QueueSetup[];
  readonly #notified: (queue: number) => void;
  #featureSelect = 0;
  #driverSelect = 0;
  readonly #driverFeatures: [number, number] = [0, 0];
  #status = 0;
  #isr = 0;
  #configVector = NO_VECTOR;
  #select = 0;

  /**
   * @param memory bus of the guest's addresses, where its BARs answer
   * @param ram guest memory
   * @param sink takes its interrupts
   * @param notified the driver has notified a queue
   * @param placed told each queue's notification address whenever they move; none while they are
   *   nowhere
   */
  constructor(
    device: VirtioDevice,
    memory: Bus,
    ram: GuestMemory,
    sink: MessageSink,
    notified: (queue: number) => void,
    placed: (addresses: readonly number[]) => void = () => {},
  ) {
    this.device = device;
    this.#notified = notified;
    this.function = new PciFunction(memory, {
      vendor: VENDOR,
      device: FIRST_DEVICE + device.type,
      revision: REVISION,
      classCode: device.classCode,
      subsystemVendor: VENDOR,
      subsystem: SUBSYSTEM,
    });
    this.queues = Array.from({ length: device.queues }, () => new Virtqueue(ram));
    this.#setups = this.queues.map(() => new QueueSetup());
    this.function.addBar(BAR, BAR_BYTES, this.#bar(), (base) =>
      placed(
        base === undefined ? [] : this.queues.map((_, i) => base + NOTIFY_AT + i * NOTIFY_STEP),
      ));
    this.#addCapabilities();
    this.#msix = new Msix(this.function, MSIX_BAR, device.queues + 1, sink);
  }

  /** Whether the driver runs the device. */
  get running(): boolean {
    return (this.#status & (DRIVER_OK | NEEDS_RESET)) === DRIVER_OK;
  }

  /**
   * Serves chains of a queue and tells the driver, if it wants to hear.
   *
   * @param most how many chains at most
   * @returns how many were taken
   */
  serve(index: number, most: number): number {
    const queue = this.queues[index]!;
    if (!this.running || !queue.enabled || !this.function.isMaster) return 0;
    const served = this.device.serve(index, queue, most);
    if (queue.interruptWanted) {
      this.#isr |= ISR_QUEUE;
      this.#msix.trigger(this.#setups[index]!.vector);
    }
    if (queue.broken) this.#fail();
    return served;
  }

  /** Tells the driver that the device's configuration has changed. */
  configChanged(): void {
    if ((this.#status & DRIVER_OK) === 0) return;
    this.#isr |= ISR_CONFIG;
    this.#msix.trigger(this.#configVector);
  }

  /** Stops until the driver resets it: what the device holds of the guest's is never given back. */
  #fail(): void {
    if ((this.#status & NEEDS_RESET) !== 0) return;
    this.#status |= NEEDS_RESET;
    this.device.reset();
    this.configChanged();
  }

  #reset(): void {
    this.#status = 0;
    this.#isr = 0;
    this.#configVector = NO_VECTOR;
    this.#driverFeatures.fill(0);
    this.#featureSelect = this.#driverSelect = this.#select = 0;
    for (const [i, queue] of this.queues.entries()) {
      queue.reset();
      this.queuePlaced(i, undefined);
    }
    for (const setup of this.#setups) setup.reset();
    this.device.reset();
  }

  #offered(word: number): number {
    if (word === 0) return this.device.features | INDIRECT_DESC | EVENT_IDX;
    return word === 1 ? VERSION_1 | IN_ORDER : 0;
  }

  /** The four areas of the BAR; everything else in it reads as 0. */
  #bar(): Device {
    const common = this.#common(), isr = this.#isrRegister(), notify = this.#notifyRegister();
    const areas = [common, isr, this.device.config, notify];
    return {
      read: (offset, size) => areas[offset >> 12]?.read(offset % AREA_BYTES, size) ?? 0,
      write: (offset, size, value) =>
        areas[offset >> 12]?.write(offset % AREA_BYTES, size, value) ?? DONE,
    };
  }

  #isrRegister(): Device {
    return {
      read: (offset) => {
        if (offset !== 0) return 0;
        const value = this.#isr;
        this.#isr = 0; // reading acknowledges (4.1.4.5)
        return value;
      },
      write: () => DONE,
    };
  }

  #notifyRegister(): Device {
    return {
      read: () => 0,
      write: (offset) => {
        const queue = Math.floor(offset / NOTIFY_STEP);
        if (queue < this.queues.length) this.#notified(queue);
        return DONE;
      },
    };
  }

  #common(): Device {
    return {
      read: (offset) => this.#readCommon(offset),
      write: (offset, _size, value) => {
        this.#writeCommon(offset, value);
        return DONE;
      },
    };
  }

  #readCommon(offset: number): number {
    const setup = this.#setups[this.#select];
    switch (offset) {
      case DEVICE_FEATURE_SELECT:
        return this.#featureSelect;
      case DEVICE_FEATURE:
        return this.#offered(this.#featureSelect);
      case DRIVER_FEATURE_SELECT:
        return this.#driverSelect;
      case DRIVER_FEATURE:
        return this.#driverFeatures[this.#driverSelect] ?? 0;
      case CONFIG_VECTOR:
        return this.#configVector;
      case NUM_QUEUES:
        return this.queues.length;
      case DEVICE_STATUS:
        return this.#status;
      case CONFIG_GENERATION:
        return 0;
      case QUEUE_SELECT:
        return this.#select;
      case QUEUE_NOTIFY_OFF:
        return this.#select;
    }
    if (!setup) return 0; // a queue that is not there has size 0 (4.1.4.3.1)
    switch (offset) {
      case QUEUE_SIZE:
        return setup.size;
      case QUEUE_VECTOR:
        return setup.vector;
      case QUEUE_ENABLE:
        return this.queues[this.#select]!.enabled ? 1 : 0;
      case QUEUE_DESCRIPTORS:
      case QUEUE_DESCRIPTORS + 4:
        return setup.descriptors[offset - QUEUE_DESCRIPTORS >> 2]!;
      case QUEUE_DRIVER:
      case QUEUE_DRIVER + 4:
        return setup.driver[offset - QUEUE_DRIVER >> 2]!;
      case QUEUE_DEVICE:
      case QUEUE_DEVICE + 4:
        return setup.device[offset - QUEUE_DEVICE >> 2]!;
      default:
        return 0;
    }
  }

  #writeCommon(offset: number, value: number): void {
    switch (offset) {
      case DEVICE_FEATURE_SELECT:
        this.#featureSelect = value >>> 0;
        return;
      case DRIVER_FEATURE_SELECT:
        this.#driverSelect = value >>> 0;
        return;
      case DRIVER_FEATURE:
        if (this.#driverSelect < 2 && (this.#status & FEATURES_OK) === 0) {
          this.#driverFeatures[this.#driverSelect] = value;
        }
        return;
      case CONFIG_VECTOR:
        this.#configVector = this.#vector(value);
        return;
      case DEVICE_STATUS:
        this.#writeStatus(value & 0xff);
        return;
      case QUEUE_SELECT:
        this.#select = value & 0xffff;
        return;
    }
    const setup = this.#setups[this.#select], queue = this.queues[this.#select];
    if (!setup || !queue) return;
    if (offset === QUEUE_VECTOR) {
      setup.vector = this.#vector(value);
    } else if (offset === QUEUE_ENABLE) {
      if ((value & 0xffff) === 1 && !queue.enabled) this.#enable(this.#select, queue, setup);
    } else if (!queue.enabled) {
      this.#writeSetup(setup, offset, value);
    }
  }

  #writeSetup(setup: QueueSetup, offset: number, value: number): void {
    switch (offset) {
      case QUEUE_SIZE:
        setup.size = value & 0xffff;
        return;
      case QUEUE_DESCRIPTORS:
      case QUEUE_DESCRIPTORS + 4:
        setup.descriptors[offset - QUEUE_DESCRIPTORS >> 2] = value | 0;
        return;
      case QUEUE_DRIVER:
      case QUEUE_DRIVER + 4:
        setup.driver[offset - QUEUE_DRIVER >> 2] = value | 0;
        return;
      case QUEUE_DEVICE:
      case QUEUE_DEVICE + 4:
        setup.device[offset - QUEUE_DEVICE >> 2] = value | 0;
    }
  }

  /** A vector that is not there becomes none, which the driver reads back (4.1.5.1.2). */
  #vector(value: number): number {
    const vector = value & 0xffff;
    return vector < this.#msix.vectors ? vector : NO_VECTOR;
  }

  #enable(index: number, queue: Virtqueue, setup: QueueSetup): void {
    const eventIndex = (this.#driverFeatures[0] & EVENT_IDX) !== 0;
    if (queue.enable(setup, eventIndex)) this.queuePlaced(index, setup);
    else this.#fail();
  }

  #writeStatus(value: number): void {
    if (value === 0) {
      this.#reset();
      return;
    }
    let status = value & ~NEEDS_RESET | this.#status & NEEDS_RESET;
    if ((value & FEATURES_OK) !== 0 && (this.#status & FEATURES_OK) === 0 && !this.#acceptable()) {
      status &= ~FEATURES_OK;
    }
    const starts = (status & DRIVER_OK) !== 0 && (this.#status & DRIVER_OK) === 0;
    this.#status = status;
    if (starts) {
      const [lo, hi] = this.#driverFeatures;
      this.device.start(lo & this.device.features, (hi & IN_ORDER) !== 0);
    }
  }

  #acceptable(): boolean {
    const [lo, hi] = this.#driverFeatures;
    return (lo & ~this.#offered(0)) === 0 && (hi & ~this.#offered(1)) === 0 &&
      (hi & VERSION_1) !== 0;
  }

  #addCapabilities(): void {
    const add = (type: number, at: number, bytes: number, more: readonly number[] = []) => {
      const body = new Uint8Array(14 + 4 * more.length);
      const view = new DataView(body.buffer);
      body[0] = body.length + 2;
      body[1] = type;
      body[2] = BAR;
      view.setUint32(6, at, true);
      view.setUint32(10, bytes, true);
      more.forEach((word, i) => view.setUint32(14 + 4 * i, word, true));
      const writable = new Uint8Array(body.length);
      if (type === PCI_CONFIG) writable.fill(0xff, 2, 3).fill(0xff, 6, 14);
      return this.function.addCapability(VENDOR_CAPABILITY, body, writable);
    };
    add(COMMON, COMMON_AT, COMMON_BYTES);
    add(ISR, ISR_AT, 1);
    add(DEVICE_CONFIG, DEVICE_AT, AREA_BYTES);
    add(NOTIFY, NOTIFY_AT, NOTIFY_STEP * this.queues.length, [NOTIFY_STEP]);
    const at = add(PCI_CONFIG, 0, 0, [0]);
    this.function.addWindow(at + 16, 4, this.#configAccess(at));
  }

  /** Access to the BARs through the configuration space (4.1.4.9). */
  #configAccess(at: number): Device {
    const target = () => this.function.barDevice(this.function.read(at + 4, 1));
    const offset = () => this.function.read(at + 8, 4) >>> 0;
    const fits = (size: number) => this.function.read(at + 12, 4) === size;
    return {
      read: (_at, size) => fits(size) ? target()?.read(offset(), size) ?? -1 : -1,
      write: (_at, size, value) =>
        fits(size) ? target()?.write(offset(), size, value) ?? DONE : DONE,
    };
  }
}
