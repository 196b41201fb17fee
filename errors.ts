/** The errors that a user sees: one line each, with the exit code of the command that met it. */

/** What a command returns to the shell. */
export const EXIT = { ok: 0, failed: 1, usage: 2, host: 3, interrupted: 130 } as const;

/** Text of a user's as it may stand in a line: no line breaks, no control characters. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f]+/g, " ");
}

/**
 * An error whose message is written for the user; every other error is a defect of ours. The
 * message is one line, whatever names it holds; a compiler's words go into `details`.
 */
export class SplitXError extends Error {
  /** A stable word for programs, such as `image-not-elf`. */
  readonly code: string;
  /** One of {@link EXIT}. */
  readonly exitCode: number;

  /** Made by the functions below. */
  constructor(code: string, message: string, exitCode: number, details = "") {
    super(details ? `${oneLine(message)}\n${details}` : oneLine(message));
    this.name = "SplitXError";
    this.code = code;
    this.exitCode = exitCode;
  }
}

/**
 * A wrong option, value or file.
 *
 * @param code stable word
 * @param message names the thing and what would be right
 */
export function usageError(code: string, message: string): SplitXError {
  return new SplitXError(code, message, EXIT.usage);
}

/**
 * The host lacks something.
 *
 * @param code stable word
 * @param message names it and the command that adds it
 */
export function hostError(code: string, message: string): SplitXError {
  return new SplitXError(code, message, EXIT.host);
}

/**
 * The run itself failed.
 *
 * @param details another program's words, on lines of their own
 */
export function runError(code: string, message: string, details = ""): SplitXError {
  return new SplitXError(code, message, EXIT.failed, details);
}
