/** Adaptive roles: whether and when they act, and what they did. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import type { ApiContext, RequestEnv } from "../context.ts";
import { adaptiveRequestSchema, adaptiveSchema } from "../schemas.ts";
import { json, jsonBody, REFUSALS } from "./answers.ts";

const tags = ["plan"];

const getAdaptive = createRoute({
  method: "get",
  path: "/api/adaptive",
  operationId: "getAdaptive",
  summary: "Adaptive roles: settings, what the last look saw, and the decisions",
  tags,
  responses: { 200: json(adaptiveSchema, "Settings and decisions"), ...REFUSALS },
});

const setAdaptive = createRoute({
  method: "put",
  path: "/api/adaptive",
  operationId: "setAdaptive",
  summary: "Switches adaptive roles on or off, with the thresholds given and defaults for the rest",
  tags,
  request: { body: jsonBody(adaptiveRequestSchema) },
  responses: { 200: json(adaptiveSchema, "Settings and decisions"), ...REFUSALS },
});

/** Adds the routes of adaptive roles. */
export function addAdaptive(app: OpenAPIHono<RequestEnv>, { runtime }: ApiContext): void {
  app.openapi(getAdaptive, (c) => c.json(runtime.adaptive.state, 200));

  app.openapi(setAdaptive, (c) => {
    runtime.adaptive.configure(c.req.valid("json"));
    return c.json(runtime.adaptive.state, 200);
  });
}
