/** The host's C compiler. */
import { runError } from "../errors.ts";
import { runProgram } from "./program.ts";

const MISSING =
  "no C compiler (cc) on this host: install one, for example with: apt-get install -y gcc libc6-dev";

/**
 * Runs `cc`.
 *
 * @param args its arguments
 * @param scratch folder for its temporary files
 * @throws SplitXError `no-cc` (exit code 3) or `compile-failed` with the compiler's words
 */
export async function compile(args: readonly string[], scratch: string): Promise<void> {
  const { success, stderr } = await runProgram("cc", args, MISSING, { env: { TMPDIR: scratch } });
  if (!success) throw runError("compile-failed", "cc failed:", stderr);
}
