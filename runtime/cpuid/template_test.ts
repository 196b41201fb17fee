import { deepStrictEqual, strictEqual, throws } from "node:assert";
import { SplitXError } from "../../errors.ts";
import { readCpuidTemplate } from "./read_template.ts";
import { templateLeaves } from "./template.ts";

function refusal(text: string): string {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, text);
    readCpuidTemplate(path);
  } catch (error) {
    if (!(error instanceof SplitXError)) throw error;
    return error.message.replace(path, "FILE");
  } finally {
    Deno.removeSync(path);
  }
  return "";
}

Deno.test("the bundled template sets bits and leaves the others alone", () => {
  const leaves = templateLeaves(readCpuidTemplate("dedicated"));
  deepStrictEqual(leaves, [
    [1, 0, 0, 0, 0x01200000, 0, 0, 0, 0x01200000, 0],
    [0xa, 0, 0, 0, 0, 0, ...new Array(4).fill(0xffffffff)],
    [0x40000001, 0, 0, 0, 0, 1, 0, 0, 0, 1],
  ]);
});

Deno.test("a wrong template is refused in one line with the field", () => {
  strictEqual(refusal("{"), refusal("{").split("\n")[0]);
  throws(() => readCpuidTemplate("/nowhere"), /^SplitXError: CPUID template \/nowhere cannot be/);
  for (
    const [text, field] of [
      ['{"leaves":[{"eax":1}]}', "leaves.0.leaf"],
      ['{"leaves":[{"leaf":1,"eax":-1}]}', "leaves.0.eax"],
      ['{"leaves":[{"leaf":1,"eax":"12z"}]}', "leaves.0.eax"],
      ['{"leaves":[{"leaf":1,"ecx":{"value":1}}]}', "leaves.0.ecx"],
      ['{"leaves":[{"leaf":1,"rax":1}]}', "leaves.0"],
    ] as const
  ) {
    const line = refusal(text);
    strictEqual(line.startsWith(`CPUID template FILE: ${field}: `), true, line);
    strictEqual(line.includes("\n"), false);
  }
});
