/** Another core plan for a machine, while it runs. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { SplitXError } from "../../../errors.ts";
import type { RequestEnv } from "../context.ts";
import type { Machines } from "../machines.ts";
import { movePreviewSchema, movesSchema, planSchema } from "../schemas.ts";
import { idParameter, json, jsonBody, REFUSALS } from "./answers.ts";

const tags = ["vms"];

const moveVm = createRoute({
  method: "put",
  path: "/api/vms/{id}/plan",
  operationId: "moveVm",
  summary: "Moves its vCPUs and roles to other cores, while its guest runs",
  description: "A plan that cannot be is refused with the reason before anything moves.",
  tags,
  request: { params: idParameter, body: jsonBody(planSchema) },
  responses: { 200: json(movesSchema, "What moved, and how long each vCPU paused"), ...REFUSALS },
});

const previewMove = createRoute({
  method: "post",
  path: "/api/vms/{id}/plan/preview",
  operationId: "previewMove",
  summary: "What another plan would bring with it, or why it cannot be",
  tags,
  request: { params: idParameter, body: jsonBody(planSchema) },
  responses: { 200: json(movePreviewSchema, "Whether it can be"), ...REFUSALS },
});

/** Adds the routes of a machine's plan. */
export function addVmPlan(app: OpenAPIHono<RequestEnv>, machines: Machines): void {
  app.openapi(moveVm, async (c) => {
    const vm = machines.get(c.req.valid("param").id);
    const moves = await vm.move(c.req.valid("json"));
    const { housekeeping, hypervisor, sidecore, guest } = vm.plan;
    return c.json({ plan: { housekeeping, hypervisor, sidecore, guest }, moves }, 200);
  });

  app.openapi(previewMove, (c) => {
    const vm = machines.get(c.req.valid("param").id);
    try {
      const effects = vm.previewMove(c.req.valid("json"));
      return c.json({ possible: true as const, effects }, 200);
    } catch (error) {
      if (!(error instanceof SplitXError)) throw error;
      const { code, message } = error;
      return c.json({ possible: false as const, code, reason: message }, 200);
    }
  });
}
