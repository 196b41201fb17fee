/**
 * A port of a guest as a Unix socket of the host, as a virtual serial port is elsewhere: one program
 * at a time is connected, and the guest sees whether one is.
 */
import { usageError } from "../errors.ts";
import { ConsoleReader, createConsoleBuffer } from "../hypercalls/console_ring.ts";
import { createInputBuffer, InputWriter } from "./devices/input_ring.ts";
import type { PortDescription } from "./machine_description.ts";

const PART_BYTES = 4096;
/** How often room in a full ring is looked for, milliseconds. */
const ROOM_MS = 4;
/** How long the connected program may take for what the guest said last, milliseconds. */
const LAST_MS = 200;

function listen(name: string, path: string): Deno.UnixListener {
  try {
    return Deno.listen({ transport: "unix", path });
  } catch (error) {
    const why = error instanceof Deno.errors.AddrInUse
      ? "is there already: remove it, or name another one"
      : error instanceof Deno.errors.NotFound
      ? "cannot be made: its folder does not exist"
      : `cannot be made (${(error as Error).message})`;
    throw usageError("socket-unusable", `socket ${path} of port ${name} ${why}`);
  }
}

/** See the head of this file. */
export class PortServer {
  readonly description: PortDescription;
  readonly #path: string;
  readonly #listener: Deno.UnixListener;
  readonly #output: ConsoleReader;
  readonly #input: InputWriter;
  #connection: Deno.UnixConn | undefined;
  #sending: Promise<void> | undefined;
  #closed = false;

  /**
   * @param name what the guest finds it by
   * @param path of the socket, which is made
   * @throws SplitXError `socket-unusable` (exit code 2)
   */
  constructor(name: string, path: string) {
    this.#path = path;
    this.#listener = listen(name, path);
    this.description = { name, input: createInputBuffer(), output: createConsoleBuffer() };
    this.#output = new ConsoleReader(this.description.output);
    this.#input = new InputWriter(this.description.input);
  }

  /**
   * Takes connections from now on.
   *
   * @param wake wakes the core that serves the guest
   */
  async serve(wake: () => void): Promise<void> {
    for await (const connection of this.#listener) {
      this.#output.take(); // it was for somebody who is gone
      this.#connection = connection;
      this.#input.open = true;
      wake();
      try {
        await this.#receive(connection, wake);
      } catch {
        // The program is gone.
      }
      this.#hangUp();
      wake();
    }
  }

  /** Moves what the guest has said, unless the program has not taken what was before. */
  pump(): void {
    const connection = this.#connection;
    if (this.#sending !== undefined || connection === undefined) return;
    const bytes = this.#output.take();
    if (bytes.length === 0) return;
    this.#sending = send(connection, bytes).catch(() => this.#hangUp())
      .finally(() => this.#sending = undefined);
  }

  /** Moves the rest, for a while. */
  async drain(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, LAST_MS));
    const rest = (async () => {
      for (this.pump(); this.#sending !== undefined; this.pump()) await this.#sending;
    })();
    await Promise.race([rest, late]);
    clearTimeout(timer);
  }

  /** Ends it, and removes the socket. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    this.#hangUp();
    try {
      Deno.removeSync(this.#path);
    } catch {
      // Somebody else has removed it.
    }
  }

  async #receive(connection: Deno.UnixConn, wake: () => void): Promise<void> {
    const part = new Uint8Array(PART_BYTES);
    for (let count; (count = await connection.read(part)) !== null;) {
      for (let done = 0; done < count && this.#connection === connection;) {
        done += this.#input.write(part.subarray(done, count));
        wake();
        if (done < count) await new Promise((resolve) => setTimeout(resolve, ROOM_MS));
      }
    }
  }

  #hangUp(): void {
    this.#connection?.close();
    this.#connection = undefined;
    this.#input.open = false;
  }
}

async function send(connection: Deno.UnixConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
