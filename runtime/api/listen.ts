/** The server of the API. */
import { EXIT, hostError, SplitXError, usageError } from "../../errors.ts";
import { type Api, createApi } from "./app.ts";
import type { ApiContext } from "./context.ts";
import { type Listening, reachOf } from "./listening.ts";

const SHORTEST_TOKEN = 16;

/** An API that listens; disposal ends that, and every stream of events. */
export interface ApiServer extends AsyncDisposable {
  /** Where it is, for people: an address for a browser, or the path of a socket. */
  readonly address: string;
}

/**
 * Serves the API.
 *
 * @throws SplitXError `token-needed` for an address beyond this host without a token; `in-use`
 */
export function serveApi(
  context: Omit<ApiContext, "reach">,
  listening: Listening,
): ApiServer {
  const reach = reachOf(listening);
  const { token } = context;
  if (reach === "network" && token === undefined) {
    throw usageError(
      "token-needed",
      `other hosts can reach ${
        nameOf(listening)
      }: set SPLITX_TOKEN to a secret that they must send`,
    );
  }
  if (token !== undefined && !new RegExp(`^\\S{${SHORTEST_TOKEN},}$`).test(token)) {
    throw usageError(
      "bad-token",
      `SPLITX_TOKEN has ${SHORTEST_TOKEN} characters or more, no space`,
    );
  }
  const api = createApi({ ...context, reach });
  const ending = new AbortController();
  const server = listen(api, listening, ending.signal);
  return {
    address: addressOf(server.addr),
    async [Symbol.asyncDispose]() {
      api[Symbol.dispose]();
      ending.abort();
      await server.finished;
      if (listening.kind === "unix") remove(listening.path);
    },
  };
}

function listen(api: Api, listening: Listening, signal: AbortSignal): Deno.HttpServer<Deno.Addr> {
  const onListen = () => {};
  try {
    if (listening.kind === "tcp") {
      const { hostname, port } = listening;
      return Deno.serve(
        { hostname, port, signal, onListen },
        (request, { remoteAddr }) => api.app.fetch(request, { client: remoteAddr.hostname }),
      );
    }
    removeStale(listening.path);
    const mask = Deno.umask(0o177); // nobody else may connect
    try {
      return Deno.serve(
        { path: listening.path, signal, onListen },
        (request) => api.app.fetch(request, {}),
      );
    } finally {
      Deno.umask(mask);
    }
  } catch (error) {
    api[Symbol.dispose]();
    throw explained(error as Error, listening);
  }
}

function nameOf(listening: Listening): string {
  return listening.kind === "unix" ? listening.path : `${listening.hostname}:${listening.port}`;
}

function explained(error: Error, listening: Listening): Error {
  const where = nameOf(listening);
  if (error instanceof SplitXError) return error;
  if (error instanceof Deno.errors.AddrInUse) {
    return hostError(
      "in-use",
      `${where} is in use: name another with --listen (0 takes a free port), or serve nothing with --no-ui`,
    );
  }
  return new SplitXError(
    "no-listen",
    `${where} cannot be listened on: ${error.message}`,
    EXIT.host,
  );
}

function addressOf(address: Deno.Addr): string {
  if (address.transport === "unix" || address.transport === "unixpacket") return address.path;
  const { hostname, port } = address as Deno.NetAddr;
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** Removes a socket on which nobody listens. */
function removeStale(path: string): void {
  let found: Deno.FileInfo;
  try {
    found = Deno.lstatSync(path);
  } catch {
    return;
  }
  if (!found.isSocket) throw new Deno.errors.AddrInUse(path);
  const sockets = readSockets();
  if (sockets.has(Deno.realPathSync(path)) || sockets.has(path)) {
    throw new Deno.errors.AddrInUse(path);
  }
  remove(path);
}

/** Paths of Unix sockets that are bound; Linux, proc(5), /proc/net/unix. */
function readSockets(): Set<string> {
  const lines = Deno.readTextFileSync("/proc/net/unix").split("\n");
  return new Set(lines.flatMap((line) => /\s(\/?\S+)$/.exec(line)?.[1] ?? []));
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It is gone.
  }
}
