/** Records of runs and benchmarks. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { RunStore } from "../../run_store.ts";
import type { ApiContext, RequestEnv } from "../context.ts";
import { Problem } from "../problem.ts";
import { runSchema, runsSchema } from "../schemas.ts";
import { idParameter, json, REFUSALS } from "./answers.ts";

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

const getReport = createRoute({
  method: "get",
  path: "/api/runs/{id}/report",
  operationId: "getReport",
  summary: "The record of an experiment as a page with plots, which stands alone",
  tags: ["runs"],
  request: { params: idParameter },
  responses: {
    200: { description: "The page", content: { "text/html": { schema: z.string() } } },
    ...REFUSALS,
  },
});

/** Plots have styles of their own. */
const REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** Adds the routes of records. */
export function addRuns(app: OpenAPIHono<RequestEnv>, context: ApiContext): void {
  const store = (): RunStore => {
    if (context.store) return context.store;
    throw new Problem(503, "no-store", "the store of records cannot be opened");
  };

  app.openapi(listRuns, (c) => {
    const { name, before, limit = RUNS } = c.req.valid("query");
    const filter = {
      ...(name === undefined ? {} : { name }),
      ...(before === undefined ? {} : { before }),
    };
    const found = store().list(filter, limit + 1);
    const runs = found.slice(0, limit).map(({ id, at, record }) => ({
      id,
      at,
      schema: record.schema,
      name: record.name,
      rows: record.rows.length,
    }));
    return c.json({ runs, ...(found.length > limit ? { next: runs.at(-1)!.id } : {}) }, 200);
  });

  const runOf = (id: number) => {
    const run = store().get(id);
    if (!run) throw new Problem(404, "no-such-run", `there is no record ${id}`);
    return run;
  };

  app.openapi(getRun, (c) => {
    const { id } = c.req.valid("param"), { at, record } = runOf(id);
    return c.json({ id, at, record: { ...record } }, 200);
  });

  app.openapi(getReport, async (c) => {
    const { id } = c.req.valid("param"), { at, record } = runOf(id);
    const page = await context.experiments?.report(record, at);
    if (page === undefined) {
      throw new Problem(404, "no-report", `record ${id} is not of an experiment known here`);
    }
    c.header("content-security-policy", REPORT_POLICY);
    return c.html(page, 200);
  });
}
