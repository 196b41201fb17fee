/** The core plan: who does what on every core, and what a machine to come would get. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { SplitXError } from "../../../errors.ts";
import type { ApiContext, RequestEnv } from "../context.ts";
import type { Live } from "../live.ts";
import { planPreviewSchema, planRequestSchema, planResourceSchema } from "../schemas.ts";
import { json, jsonBody, REFUSALS } from "./answers.ts";

const getPlan = createRoute({
  method: "get",
  path: "/api/plan",
  operationId: "getPlan",
  summary: "Roles and load of every core",
  tags: ["plan"],
  responses: { 200: json(planResourceSchema, "Every usable core"), ...REFUSALS },
});

const previewPlan = createRoute({
  method: "post",
  path: "/api/plan/preview",
  operationId: "previewPlan",
  summary:
    "The cores that a machine would get now and what that brings with it, or why it gets none",
  tags: ["plan"],
  request: { body: jsonBody(planRequestSchema) },
  responses: { 200: json(planPreviewSchema, "The plan, or the reason"), ...REFUSALS },
});

/** Adds the routes of the core plan. */
export function addPlan(
  app: OpenAPIHono<RequestEnv>,
  { runtime }: ApiContext,
  live: Live,
): void {
  app.openapi(getPlan, (c) => {
    const { at, spanMs, cores } = live.snapshot();
    return c.json({ at, spanMs, cores }, 200);
  });

  app.openapi(previewPlan, (c) => {
    const request = c.req.valid("json");
    const machine = request.guest === "linux" ? "pc" as const : request.machine;
    try {
      const plan = runtime.planFor(request), effects = runtime.effectsOf(request, plan);
      const engine = runtime.engineFor({ ...request, machine });
      return c.json({ possible: true as const, plan, ...engine, effects }, 200);
    } catch (error) {
      if (!(error instanceof SplitXError)) throw error;
      const { code, message } = error;
      return c.json({ possible: false as const, code, reason: message }, 200);
    }
  });
}
