/**
 * One PCI function: a type 0 configuration space, memory BARs that the guest may move, capabilities.
 * Source: PCI Local Bus 3.0, chapter 6.
 */
import type { Bus, Mapping } from "../bus.ts";
import type { Device } from "../device.ts";
import { Registers } from "../registers.ts";

const CONFIG_BYTES = 4096;
const VENDOR = 0x00, DEVICE = 0x02, COMMAND = 0x04, STATUS = 0x06;
const REVISION = 0x08, CLASS = 0x09, CACHE_LINE = 0x0c, LATENCY = 0x0d;
const BAR_0 = 0x10, BARS = 6, BAR_END = BAR_0 + 4 * BARS;
const SUBSYSTEM_VENDOR = 0x2c, SUBSYSTEM = 0x2e;
const CAPABILITIES = 0x34, INTERRUPT_LINE = 0x3c;
const FIRST_CAPABILITY = 0x40, CAPABILITIES_END = 0x100;

/** Command: I/O space, memory space, bus master, parity, SERR, INTx disable. */
const COMMAND_WRITABLE = 0x0547, MEMORY_SPACE = 0x0002, BUS_MASTER = 0x0004;
/** Status: a list of capabilities is there. */
const HAS_CAPABILITIES = 0x0010;
const SMALLEST_BAR = 4096;

/** What a function says it is. */
export interface PciIdentity {
  readonly vendor: number;
  readonly device: number;
  readonly revision: number;
  /** Class, subclass and programming interface: 24 bits. */
  readonly classCode: number;
  readonly subsystemVendor: number;
  readonly subsystem: number;
}

interface Bar {
  readonly bytes: number;
  readonly mapping: Mapping;
  readonly placed: (base: number | undefined) => void;
}

interface Window {
  readonly offset: number;
  readonly length: number;
  readonly device: Device;
}

/** See the head of this file. As a device it is its own configuration space. */
export class PciFunction implements Device {
  readonly #config = new Registers(CONFIG_BYTES);
  readonly #memory: Bus;
  readonly #bars: (Bar | undefined)[] = new Array(BARS).fill(undefined);
  readonly #windows: Window[] = [];
  readonly #watches: { readonly offset: number; changed(): void }[] = [];
  #nextCapability = FIRST_CAPABILITY;
  #lastLink = CAPABILITIES;

  /** @param memory where its BARs answer */
  constructor(memory: Bus, identity: PciIdentity) {
    this.#memory = memory;
    const config = this.#config;
    config.set(VENDOR, 2, identity.vendor);
    config.set(DEVICE, 2, identity.device);
    config.set(COMMAND, 2, 0, COMMAND_WRITABLE);
    config.set(REVISION, 1, identity.revision);
    config.set(CLASS, 3, identity.classCode);
    config.set(CACHE_LINE, 1, 0, 0xff);
    config.set(LATENCY, 1, 0, 0xff);
    config.set(SUBSYSTEM_VENDOR, 2, identity.subsystemVendor);
    config.set(SUBSYSTEM, 2, identity.subsystem);
    config.set(INTERRUPT_LINE, 1, 0, 0xff);
  }

  /** Whether the guest lets it reach memory and send messages. */
  get isMaster(): boolean {
    return (this.#config.read(COMMAND, 2) & BUS_MASTER) !== 0;
  }

  /**
   * Adds a 32-bit memory BAR.
   *
   * @param index 0 to 5
   * @param bytes a power of two, at least 4 KiB
   * @param placed told where it answers, undefined for nowhere, whenever that changes
   */
  addBar(
    index: number,
    bytes: number,
    device: Device,
    placed: (base: number | undefined) => void = () => {},
  ): void {
    if (bytes < SMALLEST_BAR || (bytes & bytes - 1) !== 0) throw new RangeError(`BAR of ${bytes}`);
    this.#bars[index] = { bytes, mapping: this.#memory.map(undefined, bytes, device), placed };
    this.#config.set(BAR_0 + 4 * index, 4, 0, -bytes);
  }

  /** Where a BAR's device can be reached without it being mapped; undefined when there is none. */
  barDevice(index: number): Device | undefined {
    return this.#bars[index]?.mapping.device;
  }

  /**
   * Places the BARs as firmware would, each at a multiple of its size.
   *
   * @param from first free address
   * @returns the first address behind them
   */
  assignBars(from: number): number {
    let next = from;
    for (const [index, bar] of this.#bars.entries()) {
      if (!bar) continue;
      const base = Math.ceil(next / bar.bytes) * bar.bytes;
      this.#config.set(BAR_0 + 4 * index, 4, base | 0);
      next = base + bar.bytes;
    }
    this.#place();
    return next;
  }

  /**
   * Adds a capability.
   *
   * @param body what follows id and link
   * @param writable which bits of the body the guest may write
   * @returns its offset
   */
  addCapability(id: number, body: Uint8Array, writable: Uint8Array): number {
    const offset = this.#nextCapability;
    const end = offset + 2 + body.length;
    if (end > CAPABILITIES_END) throw new RangeError("no room for a capability");
    const config = this.#config;
    config.set(offset, 1, id);
    body.forEach((byte, i) => config.set(offset + 2 + i, 1, byte, writable[i] ?? 0));
    config.set(this.#lastLink, 1, offset);
    config.set(STATUS, 2, HAS_CAPABILITIES);
    this.#lastLink = offset + 1;
    this.#nextCapability = Math.ceil(end / 4) * 4;
    return offset;
  }

  /** Calls back after each write that touches a byte of the configuration space. */
  watch(offset: number, changed: () => void): void {
    this.#watches.push({ offset, changed });
  }

  /** Lets a device answer for a part of the configuration space. */
  addWindow(offset: number, length: number, device: Device): void {
    this.#windows.push({ offset, length, device });
  }

  read(offset: number, size: number): number {
    const window = this.#windowAt(offset, size);
    return window
      ? window.device.read(offset - window.offset, size)
      : this.#config.read(offset, size);
  }

  write(offset: number, size: number, value: number): number {
    const window = this.#windowAt(offset, size);
    if (window) return window.device.write(offset - window.offset, size, value);
    const outcome = this.#config.write(offset, size, value);
    if (offset < BAR_END && offset + size > COMMAND) this.#place();
    for (let i = 0; i < this.#watches.length; i++) {
      const watch = this.#watches[i]!;
      if (watch.offset >= offset && watch.offset < offset + size) watch.changed();
    }
    return outcome;
  }

  #windowAt(offset: number, size: number): Window | undefined {
    for (let i = 0; i < this.#windows.length; i++) {
      const window = this.#windows[i]!;
      if (offset >= window.offset && offset + size <= window.offset + window.length) return window;
    }
    return undefined;
  }

  #place(): void {
    const enabled = (this.#config.read(COMMAND, 2) & MEMORY_SPACE) !== 0;
    for (let index = 0; index < BARS; index++) {
      const bar = this.#bars[index];
      if (!bar) continue;
      const given = (this.#config.read(BAR_0 + 4 * index, 4) & -bar.bytes) >>> 0;
      const base = enabled && given !== 0 ? given : undefined;
      if (base === bar.mapping.base) continue;
      this.#memory.move(bar.mapping, base);
      bar.placed(base);
    }
  }
}
