import { ok, strictEqual } from "node:assert";
import { generateAbi } from "./abi.ts";

const committed = Deno.readTextFileSync(new URL("../cores/abi.ts", import.meta.url));
const header = Deno.readTextFileSync(new URL("../stub/abi.h", import.meta.url));

Deno.test("generateAbi() makes cores/abi.ts as it stands", async () => {
  strictEqual(await generateAbi(), committed, "run `deno task abi`");
});

Deno.test("generateAbi() names every constant and every field of the header", () => {
  const names = new Set(
    [...committed.matchAll(/^export const (\w+) = -?\d+;$/gm)].map((m) => m[1]),
  );
  strictEqual(names.size, committed.trimEnd().split("\n").length - 2);
  for (const [, name] of header.matchAll(/^#define SX_(\w+) [^\n]/gm)) ok(names.has(name), name);
  for (const [, struct, body] of header.matchAll(/^struct sx_(\w+) \{([^}]*)\}/gm)) {
    const uncommented = body!.replaceAll(/\/\*[^]*?\*\//g, "");
    for (const [, field] of uncommented.matchAll(/(\w+)(?:\[\w+\])?;/g)) {
      const name = `${struct}_${field}`.toUpperCase();
      if (!/^(pad\d*|reserved)$/.test(field!)) ok(names.has(name), name);
    }
  }
});
