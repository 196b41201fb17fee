import { deepStrictEqual, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { formatCpuList, parseCpuList } from "./cpu_list.ts";

const dense = fc.array(fc.nat(30));
const sparse = fc.array(fc.nat(8191));

Deno.test("parseCpuList() reads back what formatCpuList() writes", () => {
  fc.assert(fc.property(fc.oneof(dense, sparse), (cpus) => {
    const ascending = [...new Set(cpus)].sort((a, b) => a - b);
    deepStrictEqual(parseCpuList(formatCpuList(cpus)), ascending);
  }));
});

Deno.test("formatCpuList() joins neighbours into ranges", () => {
  strictEqual(formatCpuList([]), "");
  strictEqual(formatCpuList([3]), "3");
  strictEqual(formatCpuList([11, 0, 2, 1, 8, 10, 2]), "0-2,8,10-11");
});

Deno.test("parseCpuList() takes overlaps, spaces and an empty text", () => {
  deepStrictEqual(parseCpuList("4,0-2,1-3\n"), [0, 1, 2, 3, 4]);
  deepStrictEqual(parseCpuList("1, 2"), [1, 2]);
  deepStrictEqual(parseCpuList(" \n"), []);
});

Deno.test("parseCpuList() throws when the text is no list", () => {
  const bad = ["x", "-1", "1-", "3-1", "1-2-3", "1 2", "0x3", "1.5", "8192", "0-99999999999"];
  for (const text of bad) throws(() => parseCpuList(text), SyntaxError, text);
});
