import { deepStrictEqual } from "node:assert";
import { byExperiment, chooseRuns, type ListedRun } from "./run_choice.ts";

const run = (id: number, name: string): ListedRun => ({ id, name, at: "2026-01-01T00:00:00Z" });
const RUNS = [run(9, "lonely"), run(7, "a"), run(5, "b"), run(4, "a"), run(2, "a"), run(1, "b")];

Deno.test("chooseRuns() takes what it is told, known or not", () => {
  deepStrictEqual(chooseRuns(RUNS, 7, 99), { a: 7, b: 99 });
});

Deno.test("chooseRuns() compares a run with the one before it of its experiment", () => {
  deepStrictEqual(chooseRuns(RUNS, undefined, 7), { a: 4, b: 7 });
  deepStrictEqual(chooseRuns(RUNS, undefined, 2), { a: 7, b: 2 }, "none before it");
  deepStrictEqual(chooseRuns(RUNS, 4, undefined), { a: 4, b: 2 });
});

Deno.test("chooseRuns() takes the newest that has another when it is told nothing", () => {
  deepStrictEqual(chooseRuns(RUNS, undefined, undefined), { a: 4, b: 7 });
});

Deno.test("chooseRuns() has none where there is no other", () => {
  deepStrictEqual(chooseRuns(RUNS, undefined, 9), undefined);
  deepStrictEqual(chooseRuns(RUNS, undefined, 99), undefined);
  deepStrictEqual(chooseRuns([run(1, "a"), run(2, "b")], undefined, undefined), undefined);
  deepStrictEqual(chooseRuns([], undefined, undefined), undefined);
});

Deno.test("byExperiment() keeps the order", () => {
  deepStrictEqual(byExperiment(RUNS).map(([name, runs]) => [name, ...runs.map(({ id }) => id)]), [
    ["lonely", 9],
    ["a", 7, 4, 2],
    ["b", 5, 1],
  ]);
});
