/** What the descriptions of routes share. */
import { z } from "@hono/zod-openapi";
import { PROBLEM_TYPE, problemSchema } from "../problem.ts";

/** An answer with a JSON document. */
export function json<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { "application/json": { schema } } };
}

/** A body that must be a JSON document. */
export function jsonBody<T extends z.ZodType>(schema: T) {
  return { required: true, content: { "application/json": { schema } } };
}

function problem(description: string) {
  return { description, content: { [PROBLEM_TYPE]: { schema: problemSchema } } };
}

/** Every refusal; the `code` of the document says which it is. */
export const REFUSALS = {
  "4XX": problem("The request is wrong, or something is in its way"),
  "5XX": problem("The host cannot do it, or a defect"),
} as const;

const MOST_ID = 2 ** 31 - 1;

/** The number in a path. */
export const idParameter = z.strictObject({
  id: z.string().regex(/^\d{1,10}$/).transform(Number).pipe(z.int().max(MOST_ID)).openapi({
    type: "integer",
    minimum: 0,
    maximum: MOST_ID,
  }),
});
