/** Where a row of a record lies, for people. */
import type { Schemas } from "../../runtime/api/client.ts";

/** Its point of the matrix and its places on the axes of its experiment. */
export function rowPlace(
  { placement, notification, at }: Pick<Schemas["Row"], "placement" | "notification" | "at">,
): string {
  const places = Object.entries(at ?? {}).map(([name, value]) => `${name} ${value}`);
  return [placement, notification, ...places].filter((word) => word !== undefined).join(", ");
}
