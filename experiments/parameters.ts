/** Parameters as people write them: `key=value`, by what the schema of an experiment says. */
import { z } from "zod";
import { usageError } from "../errors.ts";
import { parseWith } from "../runtime/config.ts";
import type { Experiment, SamplingParameters } from "./experiment.ts";

/** The part of JSON Schema that says how a parameter is written. */
export interface ParameterSchema {
  readonly type?: string;
  readonly items?: ParameterSchema;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
}

/** The parameters of an experiment by name, as JSON Schema: what a form is made of. */
export function parameterSchemas(
  experiment: Pick<Experiment, "parameters">,
): Readonly<Record<string, ParameterSchema>> {
  const schema = z.toJSONSchema(experiment.parameters, { io: "input" });
  return schema.properties as Record<string, ParameterSchema>;
}

/** What a text stands for; a text that is no number stays one, for the schema to refuse. */
function valueOf(text: string, schema: ParameterSchema): unknown {
  switch (schema.type) {
    case "array":
      return text === "" ? [] : text.split(",").map((word) => valueOf(word, schema.items ?? {}));
    case "integer":
    case "number":
      return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
    case "boolean":
      return ({ true: true, false: false } as Record<string, boolean>)[text] ?? text;
    default:
      return text;
  }
}

/**
 * Reads settings.
 *
 * @param settings `key=value`; a list is separated by commas
 * @returns every parameter, what is not set by its default
 * @throws SplitXError `bad-parameter` or `bad-config`
 */
export function readParameters<P extends SamplingParameters>(
  experiment: Experiment<P>,
  settings: readonly string[],
): P {
  const schemas = parameterSchemas(experiment);
  const input: Record<string, unknown> = {};
  for (const setting of settings) {
    const at = setting.indexOf("=");
    const key = setting.slice(0, Math.max(at, 0));
    if (at < 1) throw usageError("bad-parameter", `--set ${setting}: write key=value`);
    if (!Object.hasOwn(schemas, key)) {
      const known = Object.keys(schemas).join(", ");
      throw usageError("bad-parameter", `${experiment.name} has no "${key}"; it has: ${known}`);
    }
    input[key] = valueOf(setting.slice(at + 1), schemas[key]!);
  }
  return parseWith(experiment.parameters, input, `parameters of ${experiment.name}`);
}
