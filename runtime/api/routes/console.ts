/**
 * A machine's console on a WebSocket. Bytes go both ways as binary messages; a text message is a
 * command in JSON. Close codes: 1000 the console has ended, 1008 a message that is none, 1013 the
 * watcher did not keep up or typed faster than the guest reads.
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { ConsoleHub, ConsoleHubs } from "../console_hub.ts";
import type { RequestEnv } from "../context.ts";
import type { Machines } from "../machines.ts";
import { Problem } from "../problem.ts";
import { idParameter, REFUSALS } from "./answers.ts";

/** Bytes that may wait for a watcher. */
const MOST_WAITING = 1024 * 1024;
/** Seconds after which a watcher that answers no ping is gone. */
const IDLE_SECONDS = 30;
const ENDED = 1000, NO_MESSAGE = 1008, TOO_SLOW = 1013;
const MOST_CELLS = 65535;

/** What a text message asks for. */
const commandSchema = z.strictObject({
  resize: z.strictObject({
    columns: z.int().min(1).max(MOST_CELLS),
    rows: z.int().min(1).max(MOST_CELLS),
  }),
});

const watchConsole = createRoute({
  method: "get",
  path: "/api/vms/{id}/console",
  operationId: "watchConsole",
  summary: "The console, by a WebSocket",
  description: "Binary messages are bytes: first what was said lately, then what comes; what is " +
    'sent is typed. The text message {"resize":{"columns":80,"rows":24}} tells the size of the ' +
    "terminal. Close codes: 1000 it has ended, 1008 a message that is none, 1013 too slow.",
  tags: ["vms"],
  request: { params: idParameter },
  responses: { 101: { description: "It goes on as a WebSocket" }, ...REFUSALS },
});

/** Adds the route of consoles. */
export function addConsole(
  app: OpenAPIHono<RequestEnv>,
  machines: Machines,
  consoles: ConsoleHubs,
): void {
  app.openapi(watchConsole, (c) => {
    const hub = consoles.of(machines.get(c.req.valid("param").id));
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
      throw new Problem(426, "upgrade-needed", "the console is a WebSocket: send Upgrade");
    }
    const { socket, response } = upgrade(c.req.raw);
    connect(socket, hub);
    return response as never;
  });
}

function upgrade(request: Request): Deno.WebSocketUpgrade {
  try {
    return Deno.upgradeWebSocket(request, { idleTimeout: IDLE_SECONDS });
  } catch (error) {
    throw new Problem(400, "bad-upgrade", (error as Error).message);
  }
}

/** Joins a WebSocket and a console. */
function connect(socket: WebSocket, hub: ConsoleHub): void {
  let leave = () => {};
  const show = (bytes: Uint8Array<ArrayBuffer>): boolean => {
    if (socket.readyState !== WebSocket.OPEN) return false;
    if (socket.bufferedAmount + bytes.length > MOST_WAITING) {
      socket.close(TOO_SLOW, "did not keep up");
      return false;
    }
    socket.send(bytes);
    return true;
  };
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    try {
      leave = hub.watch({ show, end: () => socket.close(ENDED, "the console has ended") });
    } catch (error) {
      socket.close(TOO_SLOW, (error as Error).message);
    }
  };
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) {
      if (!hub.type(new Uint8Array(data))) socket.close(TOO_SLOW, "the guest reads too slowly");
      return;
    }
    const command = commandOf(data);
    if (command) hub.resize(command.resize.columns, command.resize.rows);
    else socket.close(NO_MESSAGE, "no message of a console");
  };
  socket.onerror = () => leave();
  socket.onclose = () => leave();
}

function commandOf(text: unknown): z.infer<typeof commandSchema> | undefined {
  try {
    return commandSchema.parse(JSON.parse(String(text)));
  } catch {
    return undefined;
  }
}
