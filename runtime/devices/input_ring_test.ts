import { deepStrictEqual, strictEqual } from "node:assert";
import fc from "fast-check";
import { createInputBuffer, InputReader, InputWriter } from "./input_ring.ts";

Deno.test("bytes come out as they went in, over many turns, and none is lost when it is full", () => {
  fc.assert(fc.property(
    fc.array(fc.record({ write: fc.nat(5000), read: fc.nat(5000) }), { maxLength: 30 }),
    (steps) => {
      const buffer = createInputBuffer();
      const writer = new InputWriter(buffer), reader = new InputReader(buffer);
      const sent: number[] = [], got: number[] = [];
      for (const { write, read } of steps) {
        const bytes = Uint8Array.from({ length: write }, (_, i) => sent.length + i);
        const taken = writer.write(bytes);
        sent.push(...bytes.subarray(0, taken));
        for (let i = 0; i < read && reader.peek() >= 0; i++) {
          got.push(reader.peek());
          reader.skip();
        }
      }
      for (; reader.peek() >= 0; reader.skip()) got.push(reader.peek());
      deepStrictEqual(got, sent);
    },
  ));
});

Deno.test("write() takes what fits and says how much", () => {
  const writer = new InputWriter(createInputBuffer());
  strictEqual(writer.write(new Uint8Array(5000)), 4096);
  strictEqual(writer.write(new Uint8Array(1)), 0);
});

Deno.test("resize() tells the size of the terminal and leaves the bytes alone", () => {
  const buffer = createInputBuffer();
  const writer = new InputWriter(buffer), reader = new InputReader(buffer);
  strictEqual(reader.size, 0);
  writer.write(Uint8Array.of(7));
  writer.resize(132, 50);
  strictEqual(reader.size, 132 << 16 | 50);
  strictEqual(reader.peek(), 7);
});
