import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { byteArea } from "./byte_copy.ts";
import { GuestMemory, wordIndex } from "./guest_memory.ts";

const SIZE = 64 * 1024;
const GIB = 2 ** 30;

/** A view by address does not keep an array alive; this does. */
const kept: Uint8Array[] = [];

/** Memory that lies in an array. */
function memoryIn(bytes: Uint8Array<ArrayBuffer>): GuestMemory {
  kept.push(bytes);
  return new GuestMemory(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)), bytes.length);
}

/** 3 GiB low, the rest from 4 GiB; hardly touched, so the host spends few pages on it. */
const HIGH = 2 * GIB + SIZE;
const large = new Uint8Array(3 * GIB + HIGH);
const largeMemory = memoryIn(large);

const word = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.constantFrom(0, 1, -1, SIZE - 1, SIZE, SIZE + 1, -(2 ** 31), SIZE - 2 ** 31, -(2 ** 30)),
);
const length = fc.oneof(fc.nat(), fc.constantFrom(0, 1, SIZE, 2 ** 31 - 1));

Deno.test("contains() agrees with exact arithmetic", () => {
  const memories = [memoryIn(new Uint8Array(SIZE)), largeMemory];
  const high = fc.oneof(fc.constantFrom(0, 1), word);
  fc.assert(
    fc.property(word, high, length, (lo, hi, length) => {
      for (const memory of memories) {
        const address = BigInt(hi >>> 0) << 32n | BigInt(lo >>> 0);
        const end = address + BigInt(length);
        const inHigh = address >= 1n << 32n && memory.highBytes > 0 &&
          end <= (1n << 32n) + BigInt(memory.highBytes);
        const inside = end <= BigInt(memory.lowBytes) || inHigh;
        strictEqual(memory.contains(lo, hi, length), inside);
      }
    }),
    { numRuns: 5000 },
  );
});

Deno.test("window() holds what lies in one window from a word on, and nothing else", () => {
  const end = 2 * GIB;
  new DataView(large.buffer).setInt32(end - 4, 7, true);
  new DataView(large.buffer).setInt32(end, 8, true);
  strictEqual(largeMemory.window(end - 4, 0, 4)?.[wordIndex(end - 4)], 7);
  strictEqual(largeMemory.window(end | 0, 0, 4)?.[wordIndex(end | 0)], 8);
  strictEqual(largeMemory.window(0, 1, 4)?.[wordIndex(0)], 0);
  for (
    const [lo, hi, length] of [
      [end - 4, 0, 8], // in two windows
      [end - 6, 0, 4], // between words
      [3 * GIB - 4 | 0, 0, 8], // into the hole
      [0, 2, 4],
      [0, -1, 4],
    ] as const
  ) strictEqual(largeMemory.window(lo, hi, length), undefined);
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

Deno.test("memory beyond 3 GiB appears at 4 GiB, with nothing between", () => {
  strictEqual(largeMemory.lowBytes, 3 * GIB);
  strictEqual(largeMemory.highBytes, HIGH);
  const given = Uint8Array.of(7, 8, 9, 10);
  largeMemory.write(3 * GIB - 4, given);
  largeMemory.write(4 * GIB, given);
  largeMemory.write(6 * GIB - 2, given); // crosses two windows
  deepStrictEqual(large.slice(3 * GIB - 4, 3 * GIB + 4), Uint8Array.of(...given, ...given));
  deepStrictEqual(large.slice(5 * GIB - 2, 5 * GIB + 2), given);
  deepStrictEqual([0, 1, 2].map((i) => largeMemory.byte(6 * GIB - 1 + i)), [8, 9, 10]);
  for (const address of [3 * GIB - 2, 3 * GIB, 4 * GIB - 2, 4 * GIB + HIGH - 2]) {
    throws(() => largeMemory.write(address, given), RangeError);
  }
  strictEqual(largeMemory.byte(3 * GIB), 0);
  strictEqual(largeMemory.byte(4 * GIB + HIGH), 0);
});

Deno.test("view16() and view32() are live views of guest memory wherever it is", () => {
  for (const [lo, hi] of [[4096, 0], [-(2 ** 31), 0], [16, 1], [-(2 ** 31) + 8, 1]] as const) {
    const address = hi * 2 ** 32 + (lo >>> 0);
    const halves = largeMemory.view16(lo, hi, 4)!, words = largeMemory.view32(lo, hi, 2)!;
    largeMemory.write(address, Uint8Array.of(1, 2, 3, 4, 0xff, 0xff, 0xff, 0x80));
    deepStrictEqual([...halves], [0x0201, 0x0403, 0xffff, 0x80ff]);
    deepStrictEqual([...words], [0x04030201, 0x80ffffff | 0]);
    halves[0] = 0x1234;
    words[1] = 0;
    deepStrictEqual([0, 1, 4].map((i) => largeMemory.byte(address + i)), [0x34, 0x12, 0]);
  }
});

Deno.test("view16() and view32() refuse what is not aligned inside one window", () => {
  const small = memoryIn(new Uint8Array(SIZE));
  strictEqual(small.view16(SIZE - 2, 0, 1)!.length, 1);
  strictEqual(small.view32(SIZE - 4, 0, 1)!.length, 1);
  const bad: readonly (readonly [number, number, number])[] = [
    [1, 0, 1],
    [SIZE, 0, 1],
    [SIZE - 4, 0, 3],
    [-4, 0, 1],
    [0, 1, 1],
    [0, -1, 1],
    [0, 0, -1],
    [0, 0, 0.5],
    [0, 0, NaN],
    [0, 0, 2 ** 53],
  ];
  for (const [lo, hi, count] of bad) {
    strictEqual(small.view16(lo, hi, count), undefined, `${lo} ${hi} ${count}`);
    strictEqual(small.view32(lo, hi, count), undefined, `${lo} ${hi} ${count}`);
  }
  strictEqual(small.view32(2, 0, 1), undefined);
  strictEqual(largeMemory.view32(2 ** 31 - 4, 0, 2), undefined); // two windows
  strictEqual(largeMemory.view32(-(2 ** 30), 0, 1), undefined); // the hole
  strictEqual(largeMemory.view32(SIZE - 2 ** 31, 1, 1), undefined); // the end
});

Deno.test("view16() and view32() agree with contains()", () => {
  const halves = fc.tuple(word, fc.constantFrom(0, 1, 2, -1));
  fc.assert(fc.property(halves, fc.nat(1 << 20), ([lo, hi], count) => {
    if (largeMemory.view16(lo, hi, count)) ok(largeMemory.contains(lo, hi, 2 * count));
    if (largeMemory.view32(lo, hi, count)) ok(largeMemory.contains(lo, hi, 4 * count));
  }));
});

Deno.test("copyIn() and copyOut() cross two windows and end with the RAM", () => {
  const from = byteArea(256), to = byteArea(256);
  for (let i = 0; i < 256; i++) from.bytes[i] = i ^ 0x5a;
  for (const address of [4096, 2 * GIB - 101, 6 * GIB - 3]) {
    largeMemory.copyIn(address, 256, from, 0);
    largeMemory.copyOut(address, 256, to, 0);
    deepStrictEqual(to.bytes, from.bytes, `${address}`);
    strictEqual(largeMemory.byte(address + 255), 255 ^ 0x5a);
  }
  const bytes = new Uint8Array(SIZE), small = memoryIn(bytes);
  small.copyIn(SIZE - 4, 8, from, 0);
  deepStrictEqual(bytes.slice(-4), from.bytes.slice(0, 4));
  to.bytes.fill(9);
  for (const address of [SIZE, 3 * GIB, 2 ** 52]) {
    small.copyIn(address, 8, from, 0);
    small.copyOut(address, 8, to, 0);
  }
  ok(to.bytes.every((byte) => byte === 9));
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
