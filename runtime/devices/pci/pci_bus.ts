/**
 * PCI bus 0 and the two ways to its configuration spaces: the ports 0xcf8 and 0xcfc (PCI Local Bus
 * 3.0, 3.2.2.3.2) and the memory-mapped ECAM (PCI Express 4.0, 7.2.2).
 */
import { DONE } from "../../../cores/outcome.ts";
import type { Device } from "../device.ts";
import type { PciFunction } from "./pci_function.ts";

/** The first of the configuration ports and how many there are. */
export const CONFIG_PORTS = 0xcf8, CONFIG_PORT_COUNT = 8;
/** What bus 0 takes of the ECAM. */
export const ECAM_BYTES = 0x100000;

const DEVICES = 32;
/** Configuration address: bits 31 enable, 23:16 bus, 15:11 device, 10:8 function, 7:2 register. */
const ENABLE = 1 << 31, INNER_PORT = 1, DATA_PORT = 4;

/** See the head of this file. One function a device. */
export class PciBus {
  readonly #functions: (PciFunction | undefined)[] = new Array(DEVICES).fill(undefined);
  /** Answers at {@link CONFIG_PORTS}. */
  readonly ports: Device;
  /** Answers where ACPI's MCFG says, for bus 0. */
  readonly ecam: Device = new Ecam(this);

  /** @param inner answers accesses of one byte to port 0xcf9, inside the address port */
  constructor(inner: Device) {
    this.ports = new ConfigPorts(this, inner);
  }

  /** Puts a function into the next free device number, which it returns. */
  add(pciFunction: PciFunction): number {
    const device = this.#functions.indexOf(undefined);
    if (device < 0) throw new RangeError("PCI bus 0 is full");
    this.#functions[device] = pciFunction;
    return device;
  }

  /** Places every BAR as firmware would, from an address on. */
  assignBars(from: number): void {
    let next = from;
    for (const one of this.#functions) next = one?.assignBars(next) ?? next;
  }

  /** @param address bits 15:8 of a configuration address: device and function */
  functionAt(bus: number, devfn: number): PciFunction | undefined {
    return bus === 0 && (devfn & 7) === 0 ? this.#functions[devfn >> 3] : undefined;
  }
}

class ConfigPorts implements Device {
  readonly #bus: PciBus;
  readonly #inner: Device;
  #address = 0;

  constructor(bus: PciBus, inner: Device) {
    this.#bus = bus;
    this.#inner = inner;
  }

  read(offset: number, size: number): number {
    if (offset === INNER_PORT && size === 1) return this.#inner.read(0, 1);
    if (offset < DATA_PORT) return offset === 0 && size === 4 ? this.#address : -1;
    return this.#target()?.read((this.#address & 0xfc) + offset - DATA_PORT, size) ?? -1;
  }

  write(offset: number, size: number, value: number): number {
    if (offset >= DATA_PORT) {
      return this.#target()?.write((this.#address & 0xfc) + offset - DATA_PORT, size, value) ??
        DONE;
    }
    if (offset === INNER_PORT && size === 1) return this.#inner.write(0, 1, value);
    if (offset === 0 && size === 4) this.#address = value & 0x80fffffc;
    return DONE;
  }

  #target(): PciFunction | undefined {
    const address = this.#address;
    if ((address & ENABLE) === 0) return undefined;
    return this.#bus.functionAt(address >> 16 & 0xff, address >> 8 & 0xff);
  }
}

class Ecam implements Device {
  readonly #bus: PciBus;

  constructor(bus: PciBus) {
    this.#bus = bus;
  }

  read(offset: number, size: number): number {
    return this.#bus.functionAt(offset >> 20, offset >> 12 & 0xff)?.read(offset & 0xfff, size) ??
      -1;
  }

  write(offset: number, size: number, value: number): number {
    return this.#bus.functionAt(offset >> 20, offset >> 12 & 0xff)
      ?.write(offset & 0xfff, size, value) ?? DONE;
  }
}
