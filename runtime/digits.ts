/** Figures for people. */

/**
 * Three significant digits, without exponent; large whole numbers keep theirs.
 *
 * @example
 * ```ts
 * import { digits } from "./digits.ts";
 * import { deepStrictEqual } from "node:assert";
 * deepStrictEqual([0, 1.2345, 12345.6, 0.000123, NaN].map(digits), ["0", "1.23", "12346", "0.000123", "-"]);
 * ```
 */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value === 0) return "0";
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(decimals, 6));
}
