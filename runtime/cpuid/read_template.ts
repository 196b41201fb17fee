/** Finds CPUID templates: bundled ones by name, others by path. */
import { fileURLToPath } from "node:url";
import { usageError } from "../../errors.ts";
import { parseWith } from "../config.ts";
import { type CpuidTemplate, cpuidTemplateSchema } from "./template.ts";

const BUNDLED = ["dedicated"];

/**
 * Reads a template.
 *
 * @param name of a bundled template, or path of a JSON file
 * @throws SplitXError `bad-file` when there is none, `bad-config` when it is not well formed
 */
export function readCpuidTemplate(name: string): CpuidTemplate {
  const path = BUNDLED.includes(name)
    ? fileURLToPath(new URL(`./${name}.json`, import.meta.url))
    : name;
  let content: unknown;
  try {
    content = JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    const why = error instanceof SyntaxError ? `is not JSON: ${error.message}` : "cannot be read";
    throw usageError("bad-file", `CPUID template ${name} ${why}`);
  }
  return parseWith(cpuidTemplateSchema, content, `CPUID template ${name}`);
}
