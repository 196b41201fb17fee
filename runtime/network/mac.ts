/** Ethernet addresses (IEEE 802). */

/** Bytes of an address. */
export const MAC_BYTES = 6;
/** In the first byte: the address is a group's, and it was not given by a manufacturer. */
const GROUP = 1, LOCAL = 2;

/**
 * Reads an address.
 *
 * @param text six hexadecimal bytes between colons
 * @returns its bytes, or undefined when it is no address that a device may have
 *
 * @example
 * ```ts
 * import { parseMac } from "./mac.ts";
 * import { deepStrictEqual, strictEqual } from "node:assert";
 * deepStrictEqual(parseMac("02:00:00:00:00:0a"), Uint8Array.of(2, 0, 0, 0, 0, 10));
 * strictEqual(parseMac("01:00:00:00:00:0a"), undefined);
 * ```
 */
export function parseMac(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\da-f]{2}(:[\da-f]{2}){5}$/i.test(text)) return undefined;
  const bytes = Uint8Array.from(text.split(":"), (byte) => parseInt(byte, 16));
  const usable = (bytes[0]! & GROUP) === 0 && bytes.some((byte) => byte !== 0);
  return usable ? bytes : undefined;
}

/** An address as people write it. */
export function formatMac(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/**
 * The address of a machine: what it was given, or a locally administered one of `SX` and its number.
 *
 * @param id unique in a runtime
 * @param given an address as {@link parseMac} reads it
 */
export function macOf(id: number, given = ""): Uint8Array<ArrayBuffer> {
  return parseMac(given) ?? Uint8Array.of(LOCAL, 0x53, 0x58, id >> 16, id >> 8, id);
}
