/** The lab as its tests use it. */
import { command } from "../support.ts";

/** Runs `deno task lab` without the task. */
export function lab(...words: string[]) {
  return command(Deno.execPath(), ["run", "-A", "cli/lab.ts", "--", ...words]);
}
