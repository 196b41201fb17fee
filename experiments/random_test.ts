import { deepStrictEqual, notDeepStrictEqual, ok } from "node:assert";
import fc from "fast-check";
import { seededRandom } from "./random.ts";

function firstOf(...seeds: number[]): number[] {
  const random = seededRandom(...seeds);
  return Array.from({ length: 5 }, random);
}

Deno.test("seededRandom() gives the same numbers for the same seeds, and others for others", () => {
  fc.assert(fc.property(fc.array(fc.integer(), { minLength: 1 }), (seeds) => {
    deepStrictEqual(firstOf(...seeds), firstOf(...seeds));
    for (const value of firstOf(...seeds)) ok(value >= 0 && value < 1);
    notDeepStrictEqual(firstOf(...seeds), firstOf(...seeds, 1));
  }));
  notDeepStrictEqual(firstOf(1, 2), firstOf(2, 1));
});

Deno.test("seededRandom() is spread evenly over small seeds", () => {
  const firsts = Array.from({ length: 1000 }, (_, seed) => seededRandom(seed)());
  const mean = firsts.reduce((sum, value) => sum + value, 0) / firsts.length;
  ok(Math.abs(mean - 0.5) < 0.03, `mean ${mean}`);
});
