import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { RoleController, type RoleDecision } from "./role_controller.ts";

function actions(controller: RoleController, looks: readonly (readonly number[])[]): string[] {
  return looks.map((shares) => controller.look(shares).action);
}

Deno.test("look() adds a core when all were busy in so many looks in a row", () => {
  const controller = new RoleController({ looks: 3 });
  deepStrictEqual(actions(controller, [[0.9], [0.9], [0.7], [0.9], [0.9], [0.9]]), [
    ...["keep", "keep", "keep", "keep", "keep", "add"],
  ]);
});

Deno.test("look() removes the least busy core when the others have room for its work", () => {
  const controller = new RoleController({ looks: 1 });
  const { action, at, why } = controller.look([0.3, 0.1, 0.2]);
  strictEqual(action, "remove");
  strictEqual(at, 1);
  match(why, /^3 polling core\(s\), busy for 20 %: without one 30 %, less than 50 %$/);
  strictEqual(controller.look([0.6, 0.3]).action, "keep");
});

Deno.test("look() keeps the bounds", () => {
  const controller = new RoleController({ looks: 1, least: 2, most: 3 });
  strictEqual(controller.look([0]).action, "add");
  strictEqual(controller.look([0, 0]).action, "keep");
  strictEqual(controller.look([1, 1, 1]).action, "keep");
});

Deno.test("a controller whose thresholds have no gap is refused", () => {
  throws(() => new RoleController({ addAbove: 0.5, removeBelow: 0.5 }), RangeError);
  throws(() => new RoleController({ least: 0 }), RangeError);
});

const options = fc.record({
  thresholds: fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 2, maxLength: 2 }),
  looks: fc.integer({ min: 1, max: 6 }),
}).map(({ thresholds, looks }) => {
  const [low, high] = thresholds.toSorted((a, b) => a - b) as [number, number];
  return { removeBelow: low / 100, addAbove: high / 100, looks };
});

/** Work of so many cores, spread evenly over those that there are. */
function play(controller: RoleController, loads: readonly number[], start: number) {
  const decisions: { at: number; action: RoleDecision["action"] }[] = [];
  let cores = start;
  for (const [at, load] of loads.entries()) {
    const share = Math.min(1, load / cores);
    const { action } = controller.look(Array(cores).fill(share));
    if (action === "keep") continue;
    cores += action === "add" ? 1 : -1;
    decisions.push({ at, action });
  }
  return { decisions, cores };
}

Deno.test("load that stays as it is never makes it go to and fro, and comes to rest", () => {
  fc.assert(
    fc.property(
      options,
      fc.double({ min: 0, max: 16, noNaN: true }),
      fc.integer({ min: 1, max: 32 }),
      (options, load, start) => {
        const controller = new RoleController({ ...options, most: 64 });
        const { decisions, cores } = play(controller, Array(64 * 7).fill(load), start);
        ok(new Set(decisions.map(({ action }) => action)).size <= 1);
        deepStrictEqual(play(controller, Array(32).fill(load), cores).decisions, []);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("whatever the load does, two decisions are so many looks apart", () => {
  fc.assert(fc.property(
    options,
    fc.array(fc.double({ min: 0, max: 8, noNaN: true }), { maxLength: 200 }),
    (options, loads) => {
      const controller = new RoleController(options);
      const { decisions, cores } = play(controller, loads, 2);
      ok(cores >= 1);
      for (const [i, { at }] of decisions.entries()) {
        if (i > 0) ok(at - decisions[i - 1]!.at >= options.looks);
      }
    },
  ));
});
