/** Keeps a command's record in the run store. */
import type { BenchRecord, RunRecord } from "../runtime/records.ts";
import { RunStore } from "../runtime/run_store.ts";

/** A store that cannot be written is worth a line, not the run. */
export function keepRecord(record: BenchRecord | RunRecord): void {
  try {
    using store = RunStore.open();
    store.add(record);
  } catch (error) {
    console.error(`the record was not kept: ${(error as Error).message}`);
  }
}
