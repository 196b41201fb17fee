/** What the records of experiments show: pictures, a report, and how two of them differ. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { ApiContext, RequestEnv } from "../context.ts";
import { Problem } from "../problem.ts";
import { comparisonSchema, figuresSchema } from "../schemas.ts";
import { idParameter, json, REFUSALS } from "./answers.ts";
import { storedRun } from "./stored_run.ts";

const tags = ["runs"];
const id = idParameter.shape.id;

const compareRuns = createRoute({
  method: "get",
  path: "/api/runs/compare",
  operationId: "compareRuns",
  summary: "How b differs from a, two records of one experiment: intervals of the differences",
  tags,
  request: { query: z.strictObject({ a: id, b: id }) },
  responses: {
    200: json(comparisonSchema, "The differences, in the order of a's rows"),
    ...REFUSALS,
  },
});

const getFigures = createRoute({
  method: "get",
  path: "/api/runs/{id}/figures",
  operationId: "getFigures",
  summary: "What the record of an experiment shows, in sentences and pictures",
  tags,
  request: { params: idParameter },
  responses: { 200: json(figuresSchema, "Sentences and pictures"), ...REFUSALS },
});

const getReport = createRoute({
  method: "get",
  path: "/api/runs/{id}/report",
  operationId: "getReport",
  summary: "The record of an experiment as a page with plots, which stands alone",
  tags,
  request: { params: idParameter },
  responses: {
    200: { description: "The page", content: { "text/html": { schema: z.string() } } },
    ...REFUSALS,
  },
});

/** Plots have styles of their own. */
const REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** Adds the routes; before those whose paths have a number where `compare` stands. */
export function addResults(app: OpenAPIHono<RequestEnv>, context: ApiContext): void {
  const { results } = context;
  const notKnown = (code: string, id: number) =>
    new Problem(404, code, `record ${id} is not of an experiment known here`);

  app.openapi(compareRuns, async (c) => {
    const { a, b } = c.req.valid("query");
    const left = storedRun(context, a), right = storedRun(context, b);
    if (!results) throw notKnown("no-comparison", a);
    return c.json(await results.compare(left, right), 200);
  });

  app.openapi(getFigures, async (c) => {
    const { id } = c.req.valid("param"), { record } = storedRun(context, id);
    const figures = await results?.figures(record);
    if (!figures) throw notKnown("no-figures", id);
    return c.json(figures, 200);
  });

  app.openapi(getReport, async (c) => {
    const { id } = c.req.valid("param"), { at, record } = storedRun(context, id);
    const page = await results?.report(record, at);
    if (page === undefined) throw notKnown("no-report", id);
    c.header("content-security-policy", REPORT_POLICY);
    return c.html(page, 200);
  });
}
