/** An API on a port, and somebody at the console of one of its machines. */
import { consoleAddress } from "../runtime/api/client.ts";
import { ConsoleHubs } from "../runtime/api/console_hub.ts";
import { type ApiServer, serveApi } from "../runtime/api/listen.ts";
import { parseListen } from "../runtime/api/listening.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { eventually } from "./support.ts";

/** An API on a port of its own. */
export function serve(runtime: Runtime): ApiServer {
  const consoles = new ConsoleHubs();
  const context = { runtime, consoles, imageFolders: [], now: Date.now, log: () => {} };
  return serveApi(context, parseListen("0"));
}

/** Somebody at a console. */
export class Watching {
  text = "";
  closed: CloseEvent | undefined;
  readonly socket: WebSocket;

  constructor(server: ApiServer, vm: number) {
    this.socket = new WebSocket(consoleAddress(server.address, vm));
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => void (this.text += new TextDecoder().decode(data));
    this.socket.onclose = (event) => void (this.closed = event);
  }

  async sees(text: string, seconds?: number): Promise<void> {
    await eventually(`"${text}" is seen`, () => this.text.includes(text), seconds);
  }

  type(text: string): void {
    this.socket.send(new TextEncoder().encode(text));
  }

  async end(): Promise<CloseEvent> {
    await eventually("it is closed", () => this.closed !== undefined);
    return this.closed!;
  }
}
