/**
 * Gives a large array's memory back at once: a collection, which would, may be long in coming. The
 * array is empty afterwards, and so is every view of its buffer.
 *
 * @example
 * ```ts
 * import { freeBytes } from "./free_bytes.ts";
 * import { strictEqual } from "node:assert";
 * const bytes = new Uint8Array(100);
 * freeBytes(bytes);
 * strictEqual(bytes.length, 0);
 * ```
 */
export function freeBytes(bytes: Uint8Array): void {
  if (bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0);
}
