/** Records as requests name them. */
import type { RunStore, StoredRun } from "../../run_store.ts";
import type { ApiContext } from "../context.ts";
import { Problem } from "../problem.ts";

/**
 * Where records are kept.
 *
 * @throws Problem `no-store` when it cannot be opened
 */
export function storeOf({ store }: ApiContext): RunStore {
  if (store) return store;
  throw new Problem(503, "no-store", "the store of records cannot be opened");
}

/**
 * A record by its number.
 *
 * @throws Problem `no-such-run` when the number is none's
 */
export function storedRun(context: ApiContext, id: number): StoredRun {
  const run = storeOf(context).get(id);
  if (!run) throw new Problem(404, "no-such-run", `there is no record ${id}`);
  return run;
}
