/** What machines of one network must not have in common. */
import { usageError } from "../../errors.ts";
import { formatMac } from "./mac.ts";

/** A machine as its network sees it. */
export interface Neighbour {
  /** For people. */
  readonly name: string;
  /** Name of its switch, when it has one. */
  readonly network: string | undefined;
  readonly mac: Uint8Array;
}

/**
 * Refuses a machine that cannot join its network.
 *
 * @param others machines that run or will
 * @throws SplitXError `network-impossible` with the reason
 */
export function checkNeighbours(one: Neighbour, others: readonly Neighbour[]): void {
  if (one.network === undefined) return;
  for (const other of others) {
    if (other.network !== one.network) continue;
    if (formatMac(other.mac) === formatMac(one.mac)) {
      throw usageError(
        "network-impossible",
        `${one.name} and ${other.name} have the address ${formatMac(one.mac)} on network ` +
          `${one.network}: give each a mac of its own`,
      );
    }
  }
}
