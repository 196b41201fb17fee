/** From typing `run` to the guest's first instruction, with a warm cache. */
import { fileURLToPath } from "node:url";
import { runError } from "../errors.ts";
import { Histogram } from "../runtime/histogram.ts";
import { runRecordSchema } from "../runtime/records.ts";
import { Runtime } from "../runtime/runtime.ts";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const RUNS = 15;

/** Milliseconds, one for each run. */
export async function startUpTimes(): Promise<Histogram> {
  await using runtime = await Runtime.open();
  const times = new Histogram();
  for (let i = 0; i < RUNS; i++) {
    const before = runtime.stub.sx_tsc();
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "run", "--guest", "hello", "--json"],
      cwd: PROJECT,
    }).output();
    if (!success) {
      throw runError("run-failed", "run failed:", new TextDecoder().decode(stderr).trim());
    }
    const record = runRecordSchema.parse(JSON.parse(new TextDecoder().decode(stdout)));
    times.add((record.ends[0]!.firstRunTicks - before) / runtime.tscKhz);
  }
  return times;
}
