/** What every command does around its work: errors as one line, exit codes, interruption. */
import { stopPrograms } from "../build/program.ts";
import { EXIT, SplitXError } from "../errors.ts";

/** How long giving everything back may take after an interruption, milliseconds. */
const LAST_MS = 700;

/**
 * The same as `work`, but rejects at once when the signal is aborted.
 *
 * @param work left to itself after an abort
 */
export function interruptible<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const interrupt = () => reject(new Interrupted());
  if (signal.aborted) interrupt();
  signal.addEventListener("abort", interrupt, { once: true });
  work.catch(() => {});
  return Promise.race([work, promise]).finally(() => {
    signal.removeEventListener("abort", interrupt);
  });
}

/** The user asked the command to end. */
export class Interrupted extends Error {}

const INTERRUPTIONS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/**
 * Runs a command and ends the process with its exit code. After an interruption the command's
 * signal is aborted and it has a moment to give everything back.
 *
 * @param name prefix of its error lines
 * @param main the command; its exit code
 */
export async function runCommand(
  name: string,
  main: (signal: AbortSignal) => Promise<number>,
): Promise<void> {
  const controller = new AbortController();
  const interrupt = () => {
    setTimeout(() => Deno.exit(EXIT.interrupted), LAST_MS);
    stopPrograms();
    controller.abort();
  };
  for (const signal of INTERRUPTIONS) Deno.addSignalListener(signal, interrupt);
  try {
    const code = await main(controller.signal);
    Deno.exit(controller.signal.aborted ? EXIT.interrupted : code);
  } catch (error) {
    if (controller.signal.aborted) Deno.exit(EXIT.interrupted);
    if (!(error instanceof SplitXError)) throw error;
    console.error(`${name}: ${error.message}`);
    Deno.exit(error.exitCode);
  }
}
