/** Tables for people: the first column to the left, figures to the right. */

/**
 * Lays out a table.
 *
 * @param head names of the columns
 * @param rows as many cells each
 *
 * @example
 * ```ts
 * import { table } from "./table.ts";
 * import { strictEqual } from "node:assert";
 * strictEqual(table(["a", "n"], [["x", "10"]]), "a   n\nx  10\n");
 * ```
 */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join(
      "  ",
    );
  return [head, ...rows].map((row) => `${line(row).trimEnd()}\n`).join("");
}
