import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { HYPERCALL_PAGE_BYTES } from "../../cores/abi.ts";
import { hypercallPages, memoryMap, RAM, RESERVED } from "./memory_map.ts";

const GIB = 2 ** 30;

Deno.test("memoryMap() of a machine with memory on both sides of the hole", () => {
  const top = 3 * GIB - 2 * HYPERCALL_PAGE_BYTES;
  strictEqual(hypercallPages(5 * GIB, 2), top);
  deepStrictEqual(memoryMap(5 * GIB, 2), [
    { address: 0, bytes: 0xa0000, type: RAM },
    { address: 0xa0000, bytes: 0x60000, type: RESERVED },
    { address: 0x100000, bytes: top - 0x100000, type: RAM },
    { address: top, bytes: 3 * GIB - top, type: RESERVED },
    { address: 4 * GIB, bytes: 2 * GIB, type: RAM },
  ]);
});

Deno.test("memoryMap() covers each byte of memory once, in order, and nothing else", () => {
  const pages = fc.integer({ min: 512, max: 64 * 2 ** 18 }), vcpus = fc.integer({ min: 1, max: 8 });
  fc.assert(fc.property(pages, vcpus, (pages, vcpus) => {
    const map = memoryMap(pages * 4096, vcpus);
    strictEqual(map.reduce((sum, { bytes }) => sum + bytes, 0), pages * 4096);
    let end = 0;
    for (const { address, bytes } of map) {
      ok(bytes > 0 && address % 4096 === 0);
      strictEqual(address, address === 4 * GIB ? 4 * GIB : end);
      end = address + bytes;
    }
    ok(end <= 3 * GIB || map.at(-1)!.address === 4 * GIB);
  }));
});
