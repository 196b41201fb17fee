import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { join } from "node:path";
import fc from "fast-check";
import { buildGuests } from "../../build/guests.ts";
import { SplitXError } from "../../errors.ts";
import { type PvhImage, readPvhElf } from "./elf.ts";

const folder = await buildGuests(() => {});
const hello = Deno.readFileSync(join(folder, "hello.elf"));
const image = readPvhElf(hello, "hello");

const HEADERS = 64, HEADER_BYTES = 56, HEADER_COUNT = 56;
const PT_LOAD = 1, PT_NOTE = 4;

/** A copy of the image with something changed. */
function changed(change: (view: DataView<ArrayBuffer>) => void): Uint8Array {
  const copy = hello.slice();
  change(new DataView(copy.buffer));
  return copy;
}

/** Turns the program headers of a type into ones that nobody looks at. */
function without(type: number): Uint8Array {
  return changed((view) => {
    for (let i = 0; i < view.getUint16(HEADER_COUNT, true); i++) {
      const at = HEADERS + i * HEADER_BYTES;
      if (view.getUint32(at, true) === type) view.setUint32(at, 0, true);
    }
  });
}

function refused(code: string) {
  return (error: unknown) => {
    ok(error instanceof SplitXError, String(error));
    strictEqual(error.code, code);
    strictEqual(error.exitCode, 2);
    ok(/^guest image IMAGE [^\n]+$/.test(error.message), error.message);
    return true;
  };
}

/** An image, or the code of the refusal; any other exception passes through. */
function readOrCode(file: Uint8Array): PvhImage | string {
  try {
    return readPvhElf(file, "IMAGE");
  } catch (error) {
    if (error instanceof SplitXError) return error.code;
    throw error;
  }
}

/** Where the last byte that booting needs lies. */
function endOf(image: PvhImage): number {
  return Math.max(...image.segments.map(({ bytes }) => bytes.byteOffset + bytes.length));
}

Deno.test("readPvhElf() finds the segment and the entry of a micro guest", () => {
  strictEqual(image.segments.length, 1);
  const { address, bytes, memoryBytes } = image.segments[0]!;
  strictEqual(address, 0x100000);
  ok(memoryBytes > bytes.length);
  ok(image.entry >= address && image.entry < address + bytes.length);
});

Deno.test("readPvhElf() refuses what is no 64-bit little-endian ELF file", () => {
  const refuses = (file: Uint8Array, code: string) =>
    throws(() => readPvhElf(file, "IMAGE"), refused(code));
  refuses(new Uint8Array(), "image-empty");
  refuses(new TextEncoder().encode("#!/bin/sh\n"), "image-not-elf");
  refuses(Uint8Array.of(0x7f), "image-not-elf");
  refuses(changed((view) => view.setUint8(4, 1)), "image-not-elf");
  refuses(changed((view) => view.setUint8(5, 2)), "image-not-elf");
});

Deno.test("readPvhElf() refuses an image without PVH note or without segment", () => {
  throws(() => readPvhElf(without(PT_NOTE), "IMAGE"), refused("image-not-pvh"));
  throws(() => readPvhElf(without(PT_LOAD), "IMAGE"), refused("image-not-pvh"));
});

Deno.test("readPvhElf() takes a note that is cut or too short for no PVH note", () => {
  const noteHeader = HEADERS + HEADER_BYTES;
  strictEqual(new DataView(hello.buffer).getUint32(noteHeader, true), PT_NOTE);
  const notes = Number(new DataView(hello.buffer).getBigUint64(noteHeader + 8, true));
  const refusesWith = (change: (view: DataView) => void) =>
    throws(() => readPvhElf(changed(change), "IMAGE"), refused("image-not-pvh"));
  for (let bytes = 0; bytes < 24; bytes++) {
    refusesWith((view) => view.setBigUint64(noteHeader + 32, BigInt(bytes), true));
  }
  for (const descriptor of [0, 3, 9, 2 ** 32 - 1]) {
    refusesWith((view) => view.setUint32(notes + 4, descriptor, true));
  }
  for (const name of [0, 3, 5, 2 ** 32 - 1]) {
    refusesWith((view) => view.setUint32(notes, name, true));
  }
});

Deno.test("readPvhElf() refuses a segment with more bytes in the file than in memory", () => {
  const file = changed((view) => view.setBigUint64(HEADERS + 40, 1n, true));
  throws(() => readPvhElf(file, "IMAGE"), refused("image-truncated"));
});

Deno.test("readPvhElf() refuses an image cut anywhere before the end of its last segment", () => {
  const end = endOf(image);
  for (let length = 1; length < end; length++) {
    const code = length < 4 ? "image-not-elf" : "image-truncated";
    strictEqual(readOrCode(hello.subarray(0, length)), code, `cut to ${length} bytes`);
  }
  for (let length = end; length <= hello.length; length++) {
    deepStrictEqual(readPvhElf(hello.subarray(0, length), "IMAGE").entry, image.entry);
  }
});

Deno.test("readPvhElf() of an image with wrong bytes refuses it or stays inside the file", () => {
  const header = fc.nat(HEADERS + 2 * HEADER_BYTES), note = fc.integer({ min: 4096, max: 4119 });
  const place = fc.oneof(header, note, fc.nat(hello.length - 1));
  const value = fc.oneof(fc.nat(255), fc.constantFrom(0, 0xff, 0x7f, 0x80));
  fc.assert(
    fc.property(fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 24 }), (changes) => {
      const file = changed((view) => changes.forEach(([at, byte]) => view.setUint8(at, byte)));
      const read = readOrCode(file);
      if (typeof read === "string") return;
      ok(read.segments.length > 0);
      ok(Number.isInteger(read.entry));
      for (const { address, bytes, memoryBytes } of read.segments) {
        ok(Number.isSafeInteger(address) && address >= 0);
        ok(bytes.length <= memoryBytes);
        strictEqual(bytes.buffer, file.buffer);
      }
    }),
    { numRuns: 5000 },
  );
});

Deno.test("readPvhElf() reads an image that lies inside a larger buffer", () => {
  const larger = new Uint8Array(hello.length + 32);
  larger.set(hello, 16);
  const read = readPvhElf(larger.subarray(16, 16 + hello.length), "IMAGE");
  deepStrictEqual(read, image);
});
