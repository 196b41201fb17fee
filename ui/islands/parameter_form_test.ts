import { deepStrictEqual } from "node:assert";
import { fieldsOf, valuesOf } from "./parameter_form.ts";

const SCHEMA = {
  type: "object",
  properties: {
    seed: { type: "integer", default: 1, minimum: 0, maximum: 9, description: "of the order" },
    parts: { type: "array", items: { type: "string" }, default: ["one", "two"] },
    rates: { type: "array", items: { type: "number" } },
    engine: { type: "string", enum: ["kvm", "soft"], default: "soft" },
    disk: { type: "string" },
  },
};

Deno.test("fieldsOf() makes a field of each parameter", () => {
  const fields = fieldsOf(SCHEMA);
  deepStrictEqual(fields.map(({ name, kind, initial }) => [name, kind, initial]), [
    ["seed", "number", "1"],
    ["parts", "list", "one, two"],
    ["rates", "list", ""],
    ["engine", "text", "soft"],
    ["disk", "text", ""],
  ]);
  deepStrictEqual([fields[0]!.least, fields[0]!.most], [0, 9]);
  deepStrictEqual(fields[3]!.choices, ["kvm", "soft"]);
});

Deno.test("valuesOf() reads them back, and leaves out what is empty", () => {
  const form = new FormData();
  const typed = { seed: "3", parts: "one ,three", rates: "1.5, 2", engine: "kvm", disk: "" };
  for (const [name, text] of Object.entries(typed)) form.set(name, text);
  deepStrictEqual(valuesOf(fieldsOf(SCHEMA), form), {
    seed: 3,
    parts: ["one", "three"],
    rates: [1.5, 2],
    engine: "kvm",
  });
});
