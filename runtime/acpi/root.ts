/** Where an operating system starts to look: RSDP and XSDT (ACPI 6.5, 5.2.5 and 5.2.8). */
import { ascii, littleEndian } from "./little_endian.ts";
import { acpiTable, checksumOf, OEM_ID } from "./table.ts";

/** Bytes of an RSDP. */
export const RSDP_BYTES = 36;
/** With an XSDT. */
const RSDP_REVISION = 2;
/** What the first checksum covers: the RSDP of ACPI 1.0. */
const FIRST_PART = 20;
const FIRST_CHECKSUM = 8, WHOLE_CHECKSUM = 32;
const XSDT_REVISION = 1;

/** @param xsdt its address */
export function rsdp(xsdt: number): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from([
    ...ascii("RSD PTR ", 8),
    0, // checksum
    ...OEM_ID,
    RSDP_REVISION,
    ...littleEndian(0, 4), // no RSDT
    ...littleEndian(RSDP_BYTES, 4),
    ...littleEndian(xsdt, 8),
    0, // checksum of the whole
    ...[0, 0, 0],
  ]);
  bytes[FIRST_CHECKSUM] = checksumOf(bytes.subarray(0, FIRST_PART));
  bytes[WHOLE_CHECKSUM] = checksumOf(bytes);
  return bytes;
}

/** @param tables their addresses */
export function xsdt(tables: readonly number[]): Uint8Array<ArrayBuffer> {
  return acpiTable("XSDT", XSDT_REVISION, tables.flatMap((address) => littleEndian(address, 8)));
}
