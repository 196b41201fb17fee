/** The head that nearly every ACPI table has (ACPI 6.5, 5.2.6). */
import { ascii, littleEndian } from "./little_endian.ts";

const HEADER_BYTES = 36;
const CHECKSUM = 9;
const OEM_REVISION = 1;
const CREATOR_REVISION = 1;

/** Who made the tables; six characters. */
export const OEM_ID = ascii("SPLITX", 6);

/** The byte that makes the sum of all zero, modulo 256; its own place holds zero. */
export function checksumOf(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/**
 * A table of a head and a body.
 *
 * @param signature four characters
 */
export function acpiTable(
  signature: string,
  revision: number,
  body: readonly number[],
): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from([
    ...ascii(signature, 4),
    ...littleEndian(HEADER_BYTES + body.length, 4),
    revision,
    0, // checksum
    ...OEM_ID,
    ...ascii(`SPLX${signature}`, 8),
    ...littleEndian(OEM_REVISION, 4),
    ...ascii("SPLX", 4),
    ...littleEndian(CREATOR_REVISION, 4),
    ...body,
  ]);
  bytes[CHECKSUM] = checksumOf(bytes);
  return bytes;
}
