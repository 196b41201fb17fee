import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { SplitXError } from "../errors.ts";
import { describeExperiments, EXPERIMENTS, findExperiment } from "./catalogue.ts";
import { readParameters } from "./parameters.ts";
import { splitx } from "./splitx/splitx.ts";

Deno.test("readParameters() fills in defaults and reads numbers and lists", () => {
  const parameters = readParameters(splitx, ["repetitions=3", "precision=0.5", "guests=1,2,8"]);
  strictEqual(parameters.repetitions, 3);
  strictEqual(parameters.precision, 0.5);
  deepStrictEqual(parameters.guests, [1, 2, 8]);
  deepStrictEqual(parameters.parts, ["exits", "overhead", "guests"]);
  deepStrictEqual(readParameters(splitx, ["parts=guests"]).parts, ["guests"]);
});

Deno.test("readParameters() refuses what is wrong in one line that names it", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["repetition=3", /^splitx has no "repetition"; it has: repetitions, least/],
    ["repetitions", /^--set repetitions: write key=value$/],
    ["=3", /^--set =3: write key=value$/],
    ["repetitions=", /^parameters of splitx: repetitions: /],
    ["repetitions=many", /^parameters of splitx: repetitions: /],
    ["repetitions=0", /^parameters of splitx: repetitions: /],
    ["repetitions=1.5", /^parameters of splitx: repetitions: /],
    ["guests=1,x", /^parameters of splitx: guests\.1: /],
    ["guests=", /^parameters of splitx: guests: /],
    ["parts=all", /^parameters of splitx: parts\.0: /],
    ["toString=1", /^splitx has no "toString"/],
  ];
  for (const [setting, message] of wrong) {
    throws(() => readParameters(splitx, [setting]), (error: SplitXError) => {
      ok(error instanceof SplitXError);
      strictEqual(error.exitCode, 2);
      return message.test(error.message) && !error.message.includes("\n");
    }, setting);
  }
});

Deno.test("describeExperiments() has what a form needs: type, default and words of each parameter", () => {
  const described = describeExperiments();
  deepStrictEqual(described.map(({ name }) => name), EXPERIMENTS.map(({ name }) => name));
  for (const { parameters } of described) {
    for (const [key, schema] of Object.entries(parameters)) {
      ok(schema.type, key);
      ok(schema.description, key);
      ok(schema.default !== undefined || key === "disk", key);
    }
  }
});

Deno.test("findExperiment() names those that there are when there is none", () => {
  strictEqual(findExperiment("splitx"), splitx);
  throws(
    () => findExperiment("split"),
    /there is no experiment "split"; there are: splitx, placement/,
  );
});
