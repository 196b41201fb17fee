/** Where the API listens, as people write it. */
import { join } from "node:path";
import { usageError } from "../../errors.ts";

/** Where the API listens when nobody says otherwise. */
export const DEFAULT_LISTEN = "127.0.0.1:8787";
const MOST_PORT = 65535;

/** Where to listen. */
export type Listening =
  | { readonly kind: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/**
 * Reads where to listen.
 *
 * @param text a port (0 takes a free one), HOST:PORT, or the path of a Unix socket, with a `/` in it
 * @throws SplitXError `bad-listen`
 *
 * @example
 * ```ts
 * import { parseListen } from "./listening.ts";
 * import { deepStrictEqual } from "node:assert";
 * deepStrictEqual(parseListen("80"), { kind: "tcp", hostname: "127.0.0.1", port: 80 });
 * deepStrictEqual(parseListen("./api.sock"), { kind: "unix", path: "./api.sock" });
 * ```
 */
export function parseListen(text: string): Listening {
  if (text.includes("/")) return { kind: "unix", path: text };
  const match = /^(?:(?:\[([0-9a-f:.]+)\]|([\w.-]+)):)?(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > MOST_PORT) {
    throw usageError(
      "bad-listen",
      `--listen ${text}: write a port, HOST:PORT or the path of a Unix socket, such as ./api.sock`,
    );
  }
  return { kind: "tcp", hostname: match[1] ?? match[2] ?? "127.0.0.1", port };
}

/** Where requests can come from. */
export type Reach = "loopback" | "unix" | "network";

/** Who can reach an API that listens there. */
export function reachOf(listening: Listening): Reach {
  if (listening.kind === "unix") return "unix";
  const { hostname } = listening;
  return hostname === "localhost" || hostname === "::1" || /^127(?:\.\d{1,3}){3}$/.test(hostname)
    ? "loopback"
    : "network";
}

/** `$XDG_DATA_HOME/splitx/images`, or `~/.local/share/splitx/images`. */
export function defaultImageFolder(): string {
  const base = Deno.env.get("XDG_DATA_HOME");
  return base
    ? join(base, "splitx/images")
    : join(Deno.env.get("HOME") ?? ".", ".local/share/splitx/images");
}
