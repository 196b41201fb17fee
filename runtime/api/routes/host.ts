/** The host: its cores, and what executes guests on it. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { describeHost, type HostRecord } from "../../records.ts";
import type { ApiContext, RequestEnv } from "../context.ts";
import { hostResourceSchema } from "../schemas.ts";
import { json, REFUSALS } from "./answers.ts";

const getHost = createRoute({
  method: "get",
  path: "/api/host",
  operationId: "getHost",
  summary: "The host, its cores and the engine probe",
  tags: ["host"],
  responses: { 200: json(hostResourceSchema, "The host"), ...REFUSALS },
});

/** Adds the routes of the host. */
export function addHost(app: OpenAPIHono<RequestEnv>, { runtime }: ApiContext): void {
  let host: HostRecord | undefined;
  app.openapi(getHost, (c) =>
    c.json({
      host: host ??= describeHost(runtime),
      probe: runtime.probe,
      engines: {
        micro: runtime.engineFor({ machine: "micro", engine: "auto" }),
        pc: runtime.engineFor({ machine: "pc", engine: "auto" }),
      },
      cores: runtime.topology.cores,
      simulated: runtime.topology.simulated,
    }, 200));
}
