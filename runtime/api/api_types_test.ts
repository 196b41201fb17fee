import { strictEqual } from "node:assert";
import { generateTypes } from "./generate_types.ts";

Deno.test("generateTypes() makes api_types.ts as it stands", async () => {
  const committed = Deno.readTextFileSync(new URL("./api_types.ts", import.meta.url));
  strictEqual(await generateTypes(), committed, "run `deno task api-types`");
});

Deno.test("the client imports nothing of the runtime", () => {
  const text = Deno.readTextFileSync(new URL("./client.ts", import.meta.url));
  const imported = [...text.matchAll(/from "([^"]+)"/g)].map((match) => match[1]!).sort();
  strictEqual([...new Set(imported)].join(), "./api_types.ts,openapi-fetch");
});
