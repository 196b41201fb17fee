import { strictEqual } from "node:assert";
import { Pace } from "./pace.ts";

Deno.test("Pace.left() knows nothing before the first measurement", () => {
  strictEqual(new Pace().left(new Map([["a", 3]])), undefined);
});

Deno.test("Pace.left() takes a point's own average, and that of all for one without", () => {
  const pace = new Pace();
  pace.add("fast", 10);
  pace.add("fast", 30);
  pace.add("slow", 200);
  strictEqual(pace.left(new Map([["fast", 5]])), 5 * 20);
  strictEqual(pace.left(new Map([["fast", 1], ["slow", 2]])), 20 + 400);
  strictEqual(pace.left(new Map([["new", 3]])), 3 * 240 / 3);
  strictEqual(pace.left(new Map([["slow", 0]])), 0);
  strictEqual(pace.left(new Map()), 0);
});
