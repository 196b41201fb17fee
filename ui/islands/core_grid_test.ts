import { deepStrictEqual } from "node:assert";
import { coreGrid, type HostCore } from "./core_grid.ts";

function core(cpu: number, node: number, sibling: number): HostCore {
  return {
    cpu,
    node,
    package: node,
    siblings: [sibling],
    cacheGroup: [],
    cacheBytes: 0,
    online: true,
    isolated: false,
    allowed: true,
  };
}

Deno.test("coreGrid() puts siblings together, within their package and node", () => {
  const cores = [core(0, 0, 2), core(1, 1, 3), core(2, 0, 0), core(3, 1, 1)];
  const numbers = coreGrid(cores).map(({ node, packages }) => [
    node,
    packages.map(({ pairs }) => pairs.map((pair) => pair.map(({ cpu }) => cpu))),
  ]);
  deepStrictEqual(numbers, [[0, [[[0, 2]]]], [1, [[[1, 3]]]]]);
});
