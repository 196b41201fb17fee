/**
 * A typed client of the API, for browsers too: requests, live statistics and consoles.
 *
 * @example
 * ```ts ignore
 * const client = createClient({ address: "http://127.0.0.1:8787" });
 * const { data, error } = await client.POST("/api/vms", { body: { guest: "hello" } });
 * ```
 *
 * @module
 */
import openapiFetch, { type Client } from "openapi-fetch";
import type { components, paths } from "./api_types.ts";

/** What the API gives and takes, by name, such as `Schemas["Vm"]`. */
export type Schemas = components["schemas"];

/** The client: `GET`, `POST` and `DELETE` with the API's paths. */
export type ApiClient = Client<paths>;

/** Where the API is. */
export interface ClientOptions {
  /** Such as `http://127.0.0.1:8787`; a browser's own page when absent. */
  readonly address?: string;
  /** What the API wants to see, when it does. */
  readonly token?: string;
  /** What makes requests; another serves a Unix socket. */
  readonly fetch?: (request: Request) => Promise<Response>;
}

/** Makes a client. */
export function createClient({ address, token, fetch }: ClientOptions = {}): ApiClient {
  return openapiFetch<paths>({
    baseUrl: address ?? "",
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    ...(fetch ? { fetch } : {}),
  });
}

/**
 * Live statistics, ten times a second at most, until the loop over them ends.
 *
 * @param signal ends them
 * @throws TypeError when the API does not answer
 */
export async function* liveSnapshots(
  client: ApiClient,
  signal?: AbortSignal,
): AsyncGenerator<Schemas["Snapshot"]> {
  const { data, response } = await client.GET("/api/events", {
    parseAs: "stream",
    ...(signal ? { signal } : {}),
  });
  if (!data) throw new TypeError(`the API answers ${response.status}`);
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of data as ReadableStream<Uint8Array<ArrayBuffer>>) {
    const events = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = events.pop()!;
    for (const event of events) {
      const line = /^data: (.*)$/m.exec(event)?.[1];
      if (line) yield JSON.parse(line) as Schemas["Snapshot"];
    }
  }
}

/** Address of a machine's console, for a WebSocket. */
export function consoleAddress(address: string, vm: number): string {
  return `${address.replace(/^http/, "ws")}/api/vms/${vm}/console`;
}
