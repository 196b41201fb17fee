/** Ranges of ports or of guest-physical addresses, and the devices that answer in them. */
import type { Device } from "./device.ts";

/** A device's place on a bus. */
export interface Mapping {
  readonly device: Device;
  readonly length: number;
  /** First address; undefined while the device answers nowhere. */
  readonly base: number | undefined;
}

interface MovableMapping extends Mapping {
  base: number | undefined;
}

/** A bus of a machine. Finding a device allocates nothing. */
export class Bus {
  readonly #mappings: MovableMapping[] = [];

  /**
   * Gives a device its place.
   *
   * @param base undefined for one that the guest will place
   * @throws RangeError when another device answers there
   */
  map(base: number | undefined, length: number, device: Device): Mapping {
    if (base !== undefined) {
      const other = this.#mappings.find((one) =>
        one.base !== undefined && base < one.base + one.length && one.base < base + length
      );
      if (other) {
        throw new RangeError(`0x${base.toString(16)} is taken from 0x${other.base!.toString(16)}`);
      }
    }
    const mapping = { device, length, base };
    this.#mappings.push(mapping);
    return mapping;
  }

  /** Moves a device to where the guest wants it. Where two overlap, the one mapped first answers. */
  move(mapping: Mapping, base: number | undefined): void {
    (mapping as MovableMapping).base = base;
  }

  /** What answers an access, which must lie inside one range. */
  find(address: number, size: number): Mapping | undefined {
    for (let i = 0; i < this.#mappings.length; i++) {
      const { base, length } = this.#mappings[i]!;
      if (base !== undefined && address >= base && address + size <= base + length) {
        return this.#mappings[i];
      }
    }
    return undefined;
  }
}
