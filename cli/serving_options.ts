/** Whether `run` serves an API beside its guests, and where. */
import { usageError } from "../errors.ts";
import { DEFAULT_LISTEN, type Listening, parseListen } from "../runtime/api/listening.ts";
import { type OptionValues, textOf } from "./options.ts";

/** Whether the command ends with its guests, as programs that read what it prints expect. */
export function endsWithGuests(values: OptionValues): boolean {
  return ["once", "no-ui", "json", "script"].some((name) => values[name] !== undefined);
}

/**
 * Where the options say to listen.
 *
 * @returns undefined when nothing is served
 * @throws SplitXError `bad-option`, `bad-listen`
 */
export function listeningOf(values: OptionValues): Listening | undefined {
  const listen = textOf(values, "listen");
  if (values["no-ui"] && listen !== undefined) {
    throw usageError("bad-option", "--no-ui serves nothing: leave out --listen, or it");
  }
  if (listen === undefined && endsWithGuests(values)) return undefined;
  return parseListen(listen ?? DEFAULT_LISTEN);
}
