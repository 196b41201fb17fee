/** The command line as a kernel finds it in memory. */
import { usageError } from "../../errors.ts";

/** The longest command line in bytes, its zero included. */
export const COMMAND_LINE_BYTES = 4096;

/**
 * The bytes of a command line, its zero included.
 *
 * @param most how many bytes the kernel takes, the zero not included
 * @throws SplitXError `cmdline-bad`, `cmdline-too-long`
 */
export function encodeCommandLine(text: string, most = COMMAND_LINE_BYTES - 1): Uint8Array {
  const longest = Math.min(most, COMMAND_LINE_BYTES - 1);
  const bytes = new TextEncoder().encode(`${text}\0`);
  if (bytes.indexOf(0) !== bytes.length - 1) {
    throw usageError("cmdline-bad", "the command line holds a zero character");
  }
  if (bytes.length - 1 > longest) {
    throw usageError(
      "cmdline-too-long",
      `the command line has ${bytes.length - 1} bytes, at most ${longest} are possible`,
    );
  }
  return bytes;
}
