import { deepStrictEqual, strictEqual } from "node:assert";
import fc from "fast-check";
import { buffer, device, eisaId, integer, named, packageOf, scope } from "./aml.ts";

/** Reads a package length (ACPI 6.5, 20.2.4) on its own: what it says and its own bytes. */
function packageLength(bytes: readonly number[]): { length: number; own: number } {
  const [lead, ...rest] = bytes;
  const more = lead! >>> 6;
  if (more === 0) return { length: lead!, own: 1 };
  const high = rest.slice(0, more).reduceRight((value, byte) => value * 256 + byte, 0);
  return { length: high * 16 + (lead! & 0x0f), own: 1 + more };
}

Deno.test("integer() takes the shortest form", () => {
  deepStrictEqual(
    [0, 1, 2, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32].map((value) => integer(value).length),
    [1, 1, 2, 2, 3, 3, 5, 5, 9],
  );
  deepStrictEqual(integer(0x1234), [0x0b, 0x34, 0x12]);
  deepStrictEqual(integer(0x10_2233_4455), [0x0e, 0x55, 0x44, 0x33, 0x22, 0x10, 0, 0, 0]);
});

Deno.test("a length counts itself and takes the fewest bytes, at any size", () => {
  const sizes = fc.oneof(fc.nat(70), fc.integer({ min: 4080, max: 4110 }), fc.nat(9000));
  fc.assert(fc.property(sizes, (size) => {
    const term = scope("_SB", new Array<number>(size).fill(7)).slice(1);
    const { length, own } = packageLength(term);
    strictEqual(length, term.length);
    strictEqual(term.length, own + 4 + size);
    strictEqual(own, 4 + size < 63 ? 1 : 4 + size < 4094 ? 2 : 3);
  }));
  strictEqual(packageLength(buffer(new Array<number>(2 ** 20).fill(0)).slice(1)).own, 4);
});

Deno.test("terms are an operator, a length and a name of four characters", () => {
  deepStrictEqual(named("_UID", integer(1)), [0x08, 0x5f, 0x55, 0x49, 0x44, 0x01]);
  deepStrictEqual(device("A"), [0x5b, 0x82, 5, 0x41, 0x5f, 0x5f, 0x5f]);
  deepStrictEqual(packageOf(integer(0), integer(5)), [0x12, 5, 2, 0x00, 0x0a, 5]);
  deepStrictEqual(buffer([9, 8]), [0x11, 5, 0x0a, 2, 9, 8]);
});

Deno.test("eisaId() packs letters and digits as EISA does", () => {
  deepStrictEqual(eisaId("PNP0A03"), [0x0c, 0x41, 0xd0, 0x0a, 0x03]);
  deepStrictEqual(eisaId("ABCF00D"), [0x0c, 0x04, 0x43, 0xf0, 0x0d]);
});
