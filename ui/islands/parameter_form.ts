/** The fields of a form from the JSON Schema of an experiment's parameters, and back. */

/** One parameter. */
export interface Field {
  readonly name: string;
  readonly description: string;
  readonly kind: "number" | "list" | "text";
  /** Of the entries of a list: whether they are numbers. */
  readonly numbers: boolean;
  readonly choices?: readonly string[];
  readonly initial: string;
  readonly least?: number;
  readonly most?: number;
}

export type Fields = readonly Field[];

interface PropertySchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: PropertySchema;
}

const isNumber = (type: string | undefined) => type === "integer" || type === "number";

/** A parameter as a field; a list is written with commas. */
export function fieldsOf(schema: Readonly<Record<string, unknown>>): Fields {
  const properties = (schema.properties ?? {}) as Record<string, PropertySchema>;
  return Object.entries(properties).map(([name, one]) => ({
    name,
    description: one.description ?? "",
    kind: one.type === "array" ? "list" : isNumber(one.type) ? "number" : "text",
    numbers: isNumber(one.type === "array" ? one.items?.type : one.type),
    initial: one.default === undefined ? "" : [one.default].flat().join(", "),
    ...(one.enum ? { choices: one.enum.map(String) } : {}),
    ...(one.minimum === undefined ? {} : { least: one.minimum }),
    ...(one.maximum === undefined ? {} : { most: one.maximum }),
  }));
}

/** What the form says, as parameters; a field that is empty is left out. */
export function valuesOf(fields: Fields, form: FormData): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { name, kind, numbers } of fields) {
    const text = String(form.get(name) ?? "").trim();
    if (text === "") continue;
    const valueOf = (word: string) => numbers ? Number(word) : word;
    values[name] = kind === "list" ? text.split(/\s*,\s*/).map(valueOf) : valueOf(text);
  }
  return values;
}
