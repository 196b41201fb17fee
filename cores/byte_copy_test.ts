import { deepStrictEqual } from "node:assert";
import fc from "fast-check";
import { byteArea, copyBytes } from "./byte_copy.ts";

const SIZE = 64;

Deno.test("copyBytes() copies what it is told to and nothing beside it, at every alignment", () => {
  const from = byteArea(SIZE);
  for (let i = 0; i < SIZE; i++) from.bytes[i] = 0x80 + i;
  fc.assert(
    fc.property(fc.nat(SIZE), fc.nat(SIZE), fc.nat(SIZE), (fromAt, toAt, most) => {
      const length = Math.min(most, SIZE - fromAt, SIZE - toAt);
      const to = byteArea(SIZE), expected = new Uint8Array(SIZE);
      expected.set(from.bytes.subarray(fromAt, fromAt + length), toAt);
      copyBytes(from, fromAt, to, toAt, length);
      deepStrictEqual(to.bytes, expected);
    }),
    { numRuns: 5000 },
  );
});
