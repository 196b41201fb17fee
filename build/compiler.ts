/** The host's C compiler. */
import { hostError, runError } from "../errors.ts";

/** Compiles still running, so that an interruption can end them. */
const running = new Set<Deno.ChildProcess>();

/** Ends every compile that is still running. */
export function stopCompilers(): void {
  for (const child of running) {
    try {
      child.kill("SIGTERM");
    } catch {
      // It ended by itself.
    }
  }
}

/**
 * Runs `cc`.
 *
 * @param args its arguments
 * @param scratch folder for its temporary files
 * @throws SplitXError `no-compiler` (exit code 3) or `compile-failed` with the compiler's words
 */
export async function compile(args: readonly string[], scratch: string): Promise<void> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("cc", {
      args: [...args],
      env: { TMPDIR: scratch },
      stdout: "null",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw hostError(
      "no-compiler",
      "no C compiler (cc) on this host: install one, for example with: apt-get install -y gcc libc6-dev",
    );
  }
  running.add(child);
  try {
    const { success, stderr } = await child.output();
    if (!success) {
      throw runError("compile-failed", "cc failed:", new TextDecoder().decode(stderr).trimEnd());
    }
  } finally {
    running.delete(child);
  }
}
