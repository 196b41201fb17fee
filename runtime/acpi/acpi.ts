/** A machine's ACPI tables, laid out where a PC's firmware leaves them. */
import { dsdt } from "./dsdt.ts";
import { facs, fadt } from "./fadt.ts";
import { madt } from "./madt.ts";
import { mcfg } from "./mcfg.ts";
import type { AcpiPlatform } from "./platform.ts";
import { rsdp, RSDP_BYTES, xsdt } from "./root.ts";

/** Where systems without a better hint look for the RSDP (ACPI 6.5, 5.2.5.1). */
const START = 0xe0000, END = 0x100000;
/** The FACS needs it; the others are content with it. */
const ALIGNMENT = 64;

/** Bytes and where in guest memory they go. */
export interface AcpiBlock {
  readonly address: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Tables ready to be written into guest memory. */
export interface AcpiTables {
  /** Address of the RSDP: for the boot protocols that pass it on. */
  readonly rsdp: number;
  readonly blocks: readonly AcpiBlock[];
}

/**
 * Builds the tables of a machine, all of them between 0xe0000 and 0xfffff.
 *
 * @throws RangeError when they do not fit, which takes more than 7000 processors
 */
export function buildAcpi(platform: AcpiPlatform): AcpiTables {
  const blocks: AcpiBlock[] = [];
  let next = START + RSDP_BYTES;
  const place = (bytes: Uint8Array<ArrayBuffer>): number => {
    const address = Math.ceil(next / ALIGNMENT) * ALIGNMENT;
    next = address + bytes.length;
    if (next > END) throw new RangeError("the ACPI tables do not fit below 1 MiB");
    blocks.push({ address, bytes });
    return address;
  };
  const root = xsdt([
    place(fadt(place(facs()), place(dsdt(platform)))),
    place(madt(platform)),
    place(mcfg(platform.ecam)),
  ]);
  return {
    rsdp: START,
    blocks: [{ address: START, bytes: rsdp(place(root)) }, ...blocks],
  };
}
