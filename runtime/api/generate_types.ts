/** Writes the client's types from the OpenAPI document: `deno task api-types`. */
import openapiTypescript, { astToString, type OpenAPI3 } from "openapi-typescript";
import { openApiDocument } from "./app.ts";

const OUTPUT = new URL("./api_types.ts", import.meta.url);

/** The text of `api_types.ts` that belongs to the routes as they are now. */
export async function generateTypes(): Promise<string> {
  const document = openApiDocument() as unknown as OpenAPI3;
  // What has a default may be left out of a request.
  const nodes = await openapiTypescript(document, { defaultNonNullable: false });
  return `// Made by \`deno task api-types\` from the routes; do not edit.\n// deno-lint-ignore-file\n${
    astToString(nodes)
  }`;
}

if (import.meta.main) Deno.writeTextFileSync(OUTPUT, await generateTypes());
