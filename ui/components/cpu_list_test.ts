import { deepStrictEqual } from "node:assert";
import { cpuList } from "./cpu_list.ts";

Deno.test("cpuList() joins neighbours", () => {
  deepStrictEqual([[], [3], [7, 0, 3, 2, 4, 5, 3]].map(cpuList), ["", "3", "0, 2-5, 7"]);
});
