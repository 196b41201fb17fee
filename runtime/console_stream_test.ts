import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { CONSOLE_BYTES, ConsoleWriter, createConsoleBuffer } from "../hypercalls/console_ring.ts";
import { ConsoleStream } from "./console_stream.ts";

/** A console and its writer, which numbers the bytes. */
class Bench {
  readonly #buffer = createConsoleBuffer();
  readonly writer = new ConsoleWriter(this.#buffer);
  readonly console = new ConsoleStream(this.#buffer);
  written = 0;

  /** Writes as much as fits. */
  fill(): void {
    this.write(this.writer.room);
  }

  write(count: number): void {
    for (let i = 0; i < count; i++) this.writer.store(this.written++ % 251);
    this.writer.publish();
  }
}

/** Reads to the end: how many bytes, after a look that they are the numbered ones. */
async function drain(console: ConsoleStream): Promise<number> {
  let count = 0;
  for await (const bytes of console.stream) {
    const from = count;
    ok(bytes.every((byte, i) => byte === (from + i) % 251));
    count += bytes.length;
  }
  return count;
}

/** Fills and pumps until the stream takes no more. */
function fillToTheBrim(bench: Bench): void {
  for (let before = -1; before !== bench.written;) {
    before = bench.written;
    bench.fill();
    bench.console.pump();
  }
}

Deno.test("pump() delivers what was published", async () => {
  const bench = new Bench(), reader = bench.console.stream.getReader();
  bench.console.pump();
  bench.write(3);
  bench.console.pump();
  deepStrictEqual((await reader.read()).value, Uint8Array.of(0, 1, 2));
  bench.write(2);
  bench.console.pump();
  deepStrictEqual((await reader.read()).value, Uint8Array.of(3, 4));
});

Deno.test("pump() leaves bytes in the ring while nobody reads, and loses none", async () => {
  const bench = new Bench();
  fillToTheBrim(bench);
  strictEqual(bench.writer.room, 0);
  const stalled = bench.written;
  const reader = bench.console.stream.getReader();
  let read = 0;
  while (read < stalled) {
    bench.console.pump();
    read += (await reader.read()).value!.length;
  }
  strictEqual(read, stalled);
  strictEqual(bench.writer.room, CONSOLE_BYTES);
});

Deno.test("close() delivers the rest and ends the stream", async () => {
  const bench = new Bench();
  fillToTheBrim(bench);
  bench.console.close();
  strictEqual(await drain(bench.console), bench.written);
  bench.console.close();
});

Deno.test("close() of a silent console ends the stream", async () => {
  const { console } = new Bench();
  console.close();
  strictEqual(await drain(console), 0);
});

Deno.test("pump() swallows the console of a cancelled stream, so that the guest goes on", async () => {
  const bench = new Bench();
  fillToTheBrim(bench);
  await bench.console.stream.cancel();
  for (let turn = 0; turn < 3; turn++) {
    bench.fill();
    bench.console.pump();
    strictEqual(bench.writer.room, CONSOLE_BYTES);
  }
  bench.console.close();
});
