/** Exit reasons for people. */
import * as abi from "../cores/abi.ts";

/** Names of exit reasons, by number. */
const REASON_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(abi)
    .filter(([name]) => /^EXIT_/.test(name) && name !== "EXIT_REASONS")
    .map(([name, number]) => [
      number as number,
      name.slice("EXIT_".length).toLowerCase().replaceAll("_", "-"),
    ]),
);

/**
 * The name of an exit reason, such as `io` for 30.
 *
 * @param reason SDM basic exit reason, or one of ours above them
 */
export function reasonName(reason: number): string {
  return REASON_NAMES.get(reason) ?? `reason-${reason}`;
}
