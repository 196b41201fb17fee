/** What keeps the service observable: health and metrics. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { ApiContext, RequestEnv } from "../context.ts";
import type { Metrics } from "../metrics.ts";
import { healthSchema } from "../schemas.ts";
import { json, REFUSALS } from "./answers.ts";

const tags = ["service"];

const getHealth = createRoute({
  method: "get",
  path: "/healthz",
  operationId: "getHealth",
  summary: "Whether the runtime is well; needs no token",
  tags,
  responses: { 200: json(healthSchema, "It is"), ...REFUSALS },
});

const getMetrics = createRoute({
  method: "get",
  path: "/metrics",
  operationId: "getMetrics",
  summary: "Metrics for Prometheus",
  tags,
  responses: {
    200: { description: "Metrics", content: { "text/plain": { schema: z.string() } } },
    ...REFUSALS,
  },
});

/** Adds the routes of health and metrics. */
export function addService(
  app: OpenAPIHono<RequestEnv>,
  { runtime }: ApiContext,
  metrics: Metrics,
): void {
  app.openapi(
    getHealth,
    (c) => c.json({ status: "ok" as const, machines: runtime.vms.length }, 200),
  );

  app.openapi(getMetrics, async (c) => {
    c.header("content-type", metrics.contentType);
    return c.body(await metrics.text(), 200) as never;
  });
}
