/** Keeps a command's record in the run store. */
import type { KeptRecord } from "../runtime/records.ts";
import { RunStore } from "../runtime/run_store.ts";

/**
 * A store that cannot be written is worth a line, not the run.
 *
 * @returns the record's number in the store
 */
export function keepRecord(record: KeptRecord): number | undefined {
  try {
    using store = RunStore.open();
    return store.add(record);
  } catch (error) {
    console.error(`the record was not kept: ${(error as Error).message}`);
  }
}
