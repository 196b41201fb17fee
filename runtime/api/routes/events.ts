/** Live statistics as server-sent events. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { RequestEnv } from "../context.ts";
import type { Live } from "../live.ts";
import { REFUSALS } from "./answers.ts";

const getEvents = createRoute({
  method: "get",
  path: "/api/events",
  operationId: "getEvents",
  summary: "Live statistics: the event `snapshot` ten times a second, each a Snapshot",
  tags: ["live"],
  responses: {
    200: {
      description: "Events until the connection ends; who is slow misses some",
      content: { "text/event-stream": { schema: z.string() } },
    },
    ...REFUSALS,
  },
});

/** Adds the route of live statistics. */
export function addEvents(app: OpenAPIHono<RequestEnv>, live: Live): void {
  app.openapi(getEvents, (c) => {
    c.header("content-type", "text/event-stream");
    return c.body(live.listen()) as never;
  });
}
