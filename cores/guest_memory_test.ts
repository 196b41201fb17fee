import { deepStrictEqual, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { GuestMemory } from "./guest_memory.ts";

const SIZE = 64 * 1024;
const GIB = 2 ** 30;

/** A view by address does not keep an array alive; this does. */
const kept: Uint8Array[] = [];

/** Memory that lies in an array. */
function memoryIn(bytes: Uint8Array<ArrayBuffer>): GuestMemory {
  kept.push(bytes);
  return new GuestMemory(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)), bytes.length);
}

/** Never touched but around 2 GiB, so the host spends few pages on it. */
const large = new Uint8Array(2 * GIB + SIZE);
const largeMemory = memoryIn(large);

const word = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.constantFrom(0, 1, -1, SIZE - 1, SIZE, SIZE + 1, -(2 ** 31), SIZE - 2 ** 31),
);
const length = fc.oneof(fc.nat(), fc.constantFrom(0, 1, SIZE, 2 ** 31 - 1));

Deno.test("contains() agrees with exact arithmetic", () => {
  const memories = [memoryIn(new Uint8Array(SIZE)), largeMemory];
  const high = fc.oneof(fc.constant(0), word);
  fc.assert(
    fc.property(word, high, length, (lo, hi, length) => {
      for (const memory of memories) {
        const address = BigInt(hi >>> 0) << 32n | BigInt(lo >>> 0);
        const inside = address + BigInt(length) <= BigInt(memory.size);
        strictEqual(memory.contains(lo, hi, length), inside);
      }
    }),
    { numRuns: 5000 },
  );
});

Deno.test("write() puts bytes where byte() and words() read them", () => {
  const bytes = new Uint8Array(SIZE), memory = memoryIn(bytes);
  fc.assert(fc.property(
    fc.nat(SIZE - 1),
    fc.uint8Array({ maxLength: 64 }),
    (address, given) => {
      const part = given.subarray(0, SIZE - address);
      memory.write(address, part);
      const read = Array.from(part, (_, i) => memory.byte(address + i));
      deepStrictEqual(read, [...part]);
      deepStrictEqual(bytes.slice(address, address + part.length), part.slice());
    },
  ));
  memory.write(SIZE - 4, Uint8Array.of(1, 2, 3, 0x84));
  strictEqual(memory.words(SIZE - 4, 4)[0], 0x84030201 | 0);
});

Deno.test("write() out of range throws and changes nothing", () => {
  const bytes = new Uint8Array(SIZE), memory = memoryIn(bytes);
  const outside = [SIZE - 3, SIZE, SIZE + 1, -1, -4, 2 ** 31, 2 ** 32, 2 ** 32 + 8, 2 ** 53, NaN];
  for (const address of outside) {
    throws(() => memory.write(address, Uint8Array.of(1, 2, 3, 4)), RangeError, `${address}`);
  }
  throws(() => memory.write(0, new Uint8Array(SIZE + 1).fill(1)), RangeError);
  strictEqual(bytes.every((byte) => byte === 0), true);
});

Deno.test("write() crosses the 2 GiB between two windows", () => {
  const given = Uint8Array.from({ length: 256 }, (_, i) => i);
  const address = 2 * GIB - 100;
  largeMemory.write(address, given);
  deepStrictEqual(large.slice(address, address + 256), given);
  deepStrictEqual(Array.from(given, (_, i) => largeMemory.byte(address + i)), [...given]);
  strictEqual(largeMemory.words(2 * GIB, 4)[0], 103 << 24 | 102 << 16 | 101 << 8 | 100);
});

Deno.test("words() is a live view", () => {
  const memory = memoryIn(new Uint8Array(SIZE));
  const words = memory.words(4096, 8);
  strictEqual(words.length, 2);
  memory.write(4100, Uint8Array.of(9));
  strictEqual(words[1], 9);
  words[0] = 5;
  strictEqual(memory.byte(4096), 5);
});

Deno.test("words() throws outside one window", () => {
  const memory = memoryIn(new Uint8Array(SIZE));
  throws(() => memory.words(SIZE - 4, 8), RangeError);
  throws(() => memory.words(-4, 4), RangeError);
  throws(() => memory.words(2 * GIB, 4), RangeError);
  throws(() => largeMemory.words(2 * GIB - 4, 8), RangeError);
});
