/** Numbers as ACPI stores them. */

/**
 * @param value not negative, at most 2^53
 * @returns that many bytes, the lowest first
 */
export function littleEndian(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);
}

/** @returns its characters, one byte each, filled up to a length */
export function ascii(text: string, length: number, fill = " "): number[] {
  return [...text.padEnd(length, fill)].map((character) => character.charCodeAt(0));
}
