import { deepStrictEqual } from "node:assert";
import { parseEngineStatistics } from "./engine_statistics.ts";

const NAME_BYTES = 48, DESCRIPTOR_BYTES = 16 + NAME_BYTES, HEADER_BYTES = 24;

/** A file as the kernel lays it out: id behind the header, then descriptors, then values. */
function fileOf(counters: readonly { name: string; values: bigint[] }[]): Uint8Array<ArrayBuffer> {
  const descriptors = HEADER_BYTES + NAME_BYTES;
  const values = descriptors + counters.length * DESCRIPTOR_BYTES;
  const total = counters.reduce((sum, counter) => sum + counter.values.length, 0);
  const file = new Uint8Array(values + 8 * total), view = new DataView(file.buffer);
  [0, NAME_BYTES, counters.length, HEADER_BYTES, descriptors, values]
    .forEach((word, i) => view.setUint32(4 * i, word, true));
  let offset = 0;
  for (const [i, counter] of counters.entries()) {
    const at = descriptors + i * DESCRIPTOR_BYTES;
    view.setUint16(at + 6, counter.values.length, true);
    view.setUint32(at + 8, offset, true);
    file.set(new TextEncoder().encode(counter.name), at + 16);
    for (const value of counter.values) {
      view.setBigUint64(values + offset, value, true);
      offset += 8;
    }
  }
  return file;
}

Deno.test("counters come by their names, histograms do not", () => {
  const file = fileOf([
    { name: "exits", values: [7n] },
    { name: "halt_wait_hist", values: [1n, 2n, 3n] },
    { name: "io_exits", values: [2n ** 40n] },
  ]);
  deepStrictEqual(parseEngineStatistics(file), { exits: 7, io_exits: 2 ** 40 });
});

Deno.test("a file that starts in the middle of a buffer is read from there", () => {
  const file = fileOf([{ name: "exits", values: [5n] }]);
  const buffer = new Uint8Array(100 + file.length);
  buffer.set(file, 100);
  deepStrictEqual(parseEngineStatistics(buffer.subarray(100)), { exits: 5 });
});

Deno.test("a kernel without counters has none", () => {
  deepStrictEqual(parseEngineStatistics(new Uint8Array(0)), {});
});
