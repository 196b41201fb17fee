/** Command-line options: strict, one line for a wrong one. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { usageError } from "../errors.ts";

/** What `parseArgs` takes as `options`. */
export type OptionSpec = NonNullable<ParseArgsConfig["options"]>;

/** Of an option that may be given several times a list. */
export type OptionValue = string | boolean | readonly (string | boolean)[];

/** Values by name; an option that was not given is absent. */
export type OptionValues = Readonly<Record<string, OptionValue | undefined>>;

/**
 * Reads a command line.
 *
 * @param args the words
 * @param options what is allowed
 * @param positionals whether words without dashes are allowed
 * @throws SplitXError `bad-option`
 */
export function readOptions(
  args: readonly string[],
  options: OptionSpec,
  positionals = false,
): { values: OptionValues; words: string[] } {
  try {
    const parsed = parseArgs({
      args: [...args],
      options,
      strict: true,
      allowPositionals: positionals,
    });
    return { values: parsed.values as OptionValues, words: parsed.positionals };
  } catch (error) {
    const known = Object.keys(options).map((name) => `--${name}`).join(" ");
    const why = (error as Error).message.split(/[.\n]/)[0];
    throw usageError("bad-option", `${why}; the options are ${known}`);
  }
}

/** The text of an option, or undefined. */
export function textOf(values: OptionValues, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** Every text of an option that may be given several times. */
export function textsOf(values: OptionValues, name: string): string[] {
  return [values[name] ?? []].flat().filter((value) => typeof value === "string");
}
