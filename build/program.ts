/** Programs of the host that a build runs. */
import { EXIT, hostError, SplitXError } from "../errors.ts";

/** Programs still running, so that an interruption can end them. */
const running = new Set<Deno.ChildProcess>();

/** Ends every program that is still running. */
export function stopPrograms(): void {
  for (const child of running) {
    try {
      child.kill("SIGTERM");
    } catch {
      // It ended by itself.
    }
  }
}

/** What a program left behind. */
export interface ProgramResult {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end.
 *
 * @param missing what to tell the user when there is no such program: what it is and the command
 *   that installs it
 * @throws SplitXError `no-PROGRAM` (exit code 3), `interrupted` (exit code 130)
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  missing: string,
  options: { readonly cwd?: string; readonly env?: Record<string, string> } = {},
): Promise<ProgramResult> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...options,
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw hostError(`no-${program}`, missing);
  }
  running.add(child);
  try {
    const { success, signal, stdout, stderr } = await child.output();
    // Ctrl-C reaches every program of a terminal, and this one may hear of it first.
    if (signal === "SIGINT" || signal === "SIGTERM") {
      throw new SplitXError("interrupted", `${program} was interrupted`, EXIT.interrupted);
    }
    const decoder = new TextDecoder();
    return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr).trimEnd() };
  } finally {
    running.delete(child);
  }
}
