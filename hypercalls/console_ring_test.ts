import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import {
  CONSOLE_BYTES,
  ConsoleReader,
  ConsoleWriter,
  createConsoleBuffer,
} from "./console_ring.ts";

function consoleEnds(): { writer: ConsoleWriter; reader: ConsoleReader } {
  const buffer = createConsoleBuffer();
  return { writer: new ConsoleWriter(buffer), reader: new ConsoleReader(buffer) };
}

/** The byte that stands at a place of the whole output; its period divides no power of two. */
const byteAt = (place: number) => place % 251;

const step = fc.oneof(
  fc.record({ store: fc.nat(CONSOLE_BYTES) }),
  fc.record({ store: fc.nat(3) }),
  fc.constant("publish" as const),
  fc.constant("take" as const),
);

Deno.test("take() gives every published byte once and in order, room is never negative", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) => {
      const { writer, reader } = consoleEnds();
      let stored = 0, published = 0, taken = 0;
      for (const step of [...steps, "publish" as const, "take" as const]) {
        if (step === "publish") {
          writer.publish();
          published = stored;
        } else if (step === "take") {
          const bytes = reader.take();
          strictEqual(bytes.length, published - taken);
          ok(bytes.every((byte, i) => byte === byteAt(taken + i)));
          taken = published;
        } else {
          const count = Math.min(step.store, writer.room);
          for (let i = 0; i < count; i++) writer.store(byteAt(stored++));
        }
        strictEqual(writer.room, CONSOLE_BYTES - (stored - taken));
        ok(writer.room >= 0);
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("take() does not see what is stored but not published", () => {
  const { writer, reader } = consoleEnds();
  writer.store(1);
  deepStrictEqual(reader.take(), new Uint8Array());
  writer.publish();
  deepStrictEqual(reader.take(), Uint8Array.of(1));
  deepStrictEqual(reader.take(), new Uint8Array());
});

Deno.test("store() keeps the low 8 bits", () => {
  const { writer, reader } = consoleEnds();
  writer.store(0x1241);
  writer.store(-1);
  writer.publish();
  deepStrictEqual(reader.take(), Uint8Array.of(0x41, 0xff));
});

Deno.test("ConsoleWriter goes on past 2 GiB of output", () => {
  const { writer, reader } = consoleEnds();
  const fill = () => {
    for (let room = writer.room; room > 0; room--) writer.store(7);
    writer.publish();
  };
  for (let stored = 0; stored < 2 ** 31; stored += CONSOLE_BYTES) {
    fill();
    strictEqual(writer.room, 0);
    strictEqual(reader.take().length, CONSOLE_BYTES);
    strictEqual(writer.room, CONSOLE_BYTES);
  }
  fill();
  strictEqual(reader.take().length, CONSOLE_BYTES);
});
