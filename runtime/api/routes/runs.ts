/** Records of runs and benchmarks. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { rowsToCsv } from "../../row_csv.ts";
import type { ApiContext, RequestEnv } from "../context.ts";
import { runSchema, runsSchema } from "../schemas.ts";
import { idParameter, json, REFUSALS } from "./answers.ts";
import { storedRun, storeOf } from "./stored_run.ts";

const MOST_RUNS = 200, RUNS = 50;

/** A number in a query, which arrives as text. */
function queryNumber(most: number) {
  return z.string().regex(/^\d{1,10}$/).transform(Number).pipe(z.int().min(1).max(most)).optional()
    .openapi({ type: "integer", minimum: 1, maximum: most });
}

const listRuns = createRoute({
  method: "get",
  path: "/api/runs",
  operationId: "listRuns",
  summary: "Records, newest first",
  tags: ["runs"],
  request: {
    query: z.strictObject({
      /** Of this name only. */
      name: z.string().min(1).max(200).optional(),
      /** Of this kind only. */
      schema: z.enum(["splitx.bench/1", "splitx.run/1", "splitx.experiment/1"]).optional(),
      /** With smaller numbers only. */
      before: queryNumber(2 ** 31 - 1),
      limit: queryNumber(MOST_RUNS),
    }),
  },
  responses: { 200: json(runsSchema, "A page of records"), ...REFUSALS },
});

const getRun = createRoute({
  method: "get",
  path: "/api/runs/{id}",
  operationId: "getRun",
  summary: "One record",
  tags: ["runs"],
  request: { params: idParameter },
  responses: { 200: json(runSchema, "The record"), ...REFUSALS },
});

const getRows = createRoute({
  method: "get",
  path: "/api/runs/{id}/csv",
  operationId: "getRows",
  summary: "The rows of a record as comma-separated values (RFC 4180)",
  tags: ["runs"],
  request: { params: idParameter },
  responses: {
    200: { description: "The rows", content: { "text/csv": { schema: z.string() } } },
    ...REFUSALS,
  },
});

/** Adds the routes of records. */
export function addRuns(app: OpenAPIHono<RequestEnv>, context: ApiContext): void {
  app.openapi(listRuns, (c) => {
    const { name, schema, before, limit = RUNS } = c.req.valid("query");
    const filter = {
      ...(name === undefined ? {} : { name }),
      ...(schema === undefined ? {} : { schema }),
      ...(before === undefined ? {} : { before }),
    };
    const found = storeOf(context).list(filter, limit + 1);
    const runs = found.slice(0, limit).map(({ id, at, record }) => ({
      id,
      at,
      schema: record.schema,
      name: record.name,
      rows: record.rows.length,
    }));
    return c.json({ runs, ...(found.length > limit ? { next: runs.at(-1)!.id } : {}) }, 200);
  });

  app.openapi(getRun, (c) => {
    const { id } = c.req.valid("param"), { at, record } = storedRun(context, id);
    return c.json({ id, at, record: { ...record } }, 200);
  });

  app.openapi(getRows, (c) => {
    const { record } = storedRun(context, c.req.valid("param").id);
    return c.body(rowsToCsv(record.rows), 200, { "content-type": "text/csv; charset=utf-8" });
  });
}
