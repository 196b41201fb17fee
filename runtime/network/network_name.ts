/** What a user may write as a machine's network. */

/** A switch between machines, an interface of the host, the sockets of its user, or nothing. */
export type NetworkName =
  | { readonly kind: "none" }
  | { readonly kind: "user" }
  | { readonly kind: "switch"; readonly name: string }
  | { readonly kind: "tap"; readonly device: string };

/**
 * Reads a network's name.
 *
 * @returns undefined when it is none
 *
 * @example
 * ```ts
 * import { parseNetwork } from "./network_name.ts";
 * import { deepStrictEqual, strictEqual } from "node:assert";
 * deepStrictEqual(parseNetwork("lan"), { kind: "switch", name: "lan" });
 * deepStrictEqual(parseNetwork("tap:tap0"), { kind: "tap", device: "tap0" });
 * deepStrictEqual(parseNetwork("user"), { kind: "user" });
 * strictEqual(parseNetwork("tap:"), undefined);
 * ```
 */
export function parseNetwork(text: string): NetworkName | undefined {
  if (text === "none" || text === "user") return { kind: text };
  // The kernel's rules for the name of an interface; % would ask it to choose a number.
  const device = /^tap:(?!\.\.?$)([!-~]{1,15})$/.exec(text)?.[1];
  if (device !== undefined) return /[/:%]/.test(device) ? undefined : { kind: "tap", device };
  return /^[a-z][a-z\d-]{0,31}$/.test(text) ? { kind: "switch", name: text } : undefined;
}
