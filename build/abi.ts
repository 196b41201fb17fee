/**
 * Generates `cores/abi.ts` from `stub/abi.h`. Names and their order come from the header; values
 * and offsets come from the compiler, so that TypeScript and C cannot disagree.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "./compiler.ts";

const HEADER = fileURLToPath(new URL("../stub/abi.h", import.meta.url));
const OUTPUT = fileURLToPath(new URL("../cores/abi.ts", import.meta.url));

interface Field {
  struct: string;
  name: string;
}

function constantsOf(header: string): string[] {
  return [...header.matchAll(/^#define SX_(\w+) +\S/gm)].map((match) => match[1]!);
}

function fieldsOf(header: string): Field[] {
  const fields: Field[] = [];
  for (const [, struct, body] of header.matchAll(/^struct sx_(\w+) \{\n([\s\S]*?)^\};/gm)) {
    for (const [, name] of body!.matchAll(/^ {2}(?:struct )?\w+(?: \w+)*? (\w+)(?:\[\w+\])?;/gm)) {
      if (!/^(pad\d*|reserved)$/.test(name!)) fields.push({ struct: struct!, name: name! });
    }
  }
  return fields;
}

function structsOf(header: string): string[] {
  return [...header.matchAll(/^struct sx_(\w+) \{/gm)].map((match) => match[1]!);
}

/** A C program that prints `NAME value` for every constant, size and offset of the header. */
function printer(header: string): string {
  const lines = [
    "#include <stddef.h>",
    "#include <stdio.h>",
    `#include ${JSON.stringify(HEADER)}`,
    "int main(void) {",
    ...constantsOf(header).map((name) => `  printf("${name} %lld\\n", (long long)(SX_${name}));`),
  ];
  for (const struct of structsOf(header)) {
    lines.push(`  printf("${struct.toUpperCase()}_BYTES %zu\\n", sizeof(struct sx_${struct}));`);
  }
  for (const { struct, name } of fieldsOf(header)) {
    const constant = `${struct}_${name}`.toUpperCase();
    lines.push(`  printf("${constant} %zu\\n", offsetof(struct sx_${struct}, ${name}) / 4);`);
  }
  return [...lines, "  return 0;", "}", ""].join("\n");
}

/**
 * The text of `cores/abi.ts` that belongs to the header as it is now.
 *
 * @returns TypeScript source
 */
export async function generateAbi(): Promise<string> {
  const header = Deno.readTextFileSync(HEADER);
  const folder = Deno.makeTempDirSync({ prefix: "splitx-abi-" });
  try {
    const source = join(folder, "print.c");
    const program = join(folder, "print");
    Deno.writeTextFileSync(source, printer(header));
    await compile(["-o", program, source], folder);
    const { stdout } = await new Deno.Command(program).output();
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    return [
      "// Generated from stub/abi.h by `deno task abi`; do not edit.",
      "// `STRUCT_FIELD` is the offset of a field in 32-bit words, `STRUCT_BYTES` the size.",
      ...lines.map((line) => `export const ${line.replace(" ", " = ")};`),
      "",
    ].join("\n");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

if (import.meta.main) {
  Deno.writeTextFileSync(OUTPUT, await generateAbi());
}
