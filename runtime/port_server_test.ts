import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { join } from "node:path";
import { ConsoleWriter } from "../hypercalls/console_ring.ts";
import { InputReader } from "./devices/input_ring.ts";
import { PortServer } from "./port_server.ts";

/** A port at a socket in a folder of its own, and the core's ends of it. */
class Port implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "splitx-test-" });
  readonly path = join(this.folder, "socket");
  readonly server = new PortServer("com", this.path);
  readonly guest = new ConsoleWriter(this.server.description.output);
  readonly host = new InputReader(this.server.description.input);
  wakes = 0;

  constructor() {
    this.server.serve(() => this.wakes++);
  }

  /** What has come for the guest. */
  take(): number[] {
    const bytes: number[] = [];
    for (; this.host.peek() >= 0; this.host.skip()) bytes.push(this.host.peek());
    return bytes;
  }

  /** Connects, and waits until the guest may know. */
  async connect(): Promise<Deno.UnixConn> {
    const connection = await Deno.connect({ transport: "unix", path: this.path });
    await until(() => this.host.open);
    return connection;
  }

  say(text: string): void {
    for (const byte of new TextEncoder().encode(text)) ok(this.guest.put(byte));
  }

  [Symbol.dispose](): void {
    this.server.close();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 1));
  ok(holds());
}

async function read(connection: Deno.UnixConn): Promise<string> {
  const part = new Uint8Array(4096);
  const count = await connection.read(part);
  return new TextDecoder().decode(part.subarray(0, count ?? 0));
}

Deno.test("PortServer moves bytes both ways while a program is connected, one after the other", async () => {
  using port = new Port();
  strictEqual(port.host.open, false);
  for (const word of ["one", "two"]) {
    using connection = await port.connect();
    await connection.write(new TextEncoder().encode(word));
    await until(() => port.host.peek() >= 0);
    deepStrictEqual(port.take(), [...new TextEncoder().encode(word)]);
    ok(port.wakes >= 2);
    port.say(`${word} back`);
    port.server.pump();
    strictEqual(await read(connection), `${word} back`);
    connection.closeWrite();
    await until(() => !port.host.open);
  }
});

Deno.test("PortServer gives a new program nothing of what was for another, and the guest all", async () => {
  using port = new Port();
  const first = await port.connect();
  const bytes = Uint8Array.from({ length: 10_000 }, (_, i) => i); // more than the ring holds
  await first.write(bytes);
  const got: number[] = [];
  await until(() => got.push(...port.take()) >= bytes.length);
  deepStrictEqual(Uint8Array.from(got), bytes);
  first.close();
  await until(() => !port.host.open);
  port.say("to nobody");
  using second = await port.connect();
  port.say("hello");
  port.server.pump();
  strictEqual(await read(second), "hello");
});

Deno.test("drain() waits for a program that reads, and not for one that does not", async () => {
  using port = new Port();
  using connection = await port.connect();
  const large = "x".repeat(200_000);
  for (let i = 0; i < 10; i++) {
    port.say(large);
    port.server.pump();
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (port.guest.room < large.length) break;
  }
  const before = performance.now();
  await port.server.drain();
  ok(performance.now() - before < 1000);
  ok((await read(connection)).startsWith("xxx"));
});

Deno.test("PortServer removes its socket, and refuses a place that it cannot have", () => {
  const port = new Port();
  throws(
    () => new PortServer("com", port.path),
    /^SplitXError: socket .* is there already: remove/,
  );
  throws(
    () => new PortServer("com", join(port.folder, "no/socket")),
    /socket .* of port com cannot be made: its folder does not exist$/,
  );
  throws(() => new PortServer("com", `/tmp/${"x".repeat(200)}`), /of port com cannot be made \(/);
  port.server.close();
  deepStrictEqual([...Deno.readDirSync(port.folder)], []);
  port[Symbol.dispose]();
});
