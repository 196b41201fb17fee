/** Machines, and the steps of their lives. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Vm } from "../../vm.ts";
import type { RequestEnv } from "../context.ts";
import type { Machines, VmRequest } from "../machines.ts";
import {
  knobsSchema,
  vmLatencySchema,
  vmRequestSchema,
  vmSchema,
  vmStatsSchema,
} from "../schemas.ts";
import { idParameter, json, jsonBody, REFUSALS } from "./answers.ts";

const tags = ["vms"];

const listVms = createRoute({
  method: "get",
  path: "/api/vms",
  operationId: "listVms",
  summary: "Every machine that was not deleted",
  tags,
  responses: { 200: json(z.array(vmSchema), "The machines, the oldest first"), ...REFUSALS },
});

const createVm = createRoute({
  method: "post",
  path: "/api/vms",
  operationId: "createVm",
  summary: "Makes a machine; it does not run yet",
  description:
    "`guest` is a bundled guest, `linux`, or a file in an image folder. Its console is " +
    "read from now on, so that it never waits for a reader.",
  tags,
  request: { body: jsonBody(vmRequestSchema) },
  responses: { 201: json(vmSchema, "The machine"), ...REFUSALS },
});

const getVm = createRoute({
  method: "get",
  path: "/api/vms/{id}",
  operationId: "getVm",
  summary: "One machine",
  tags,
  request: { params: idParameter },
  responses: { 200: json(vmSchema, "The machine"), ...REFUSALS },
});

const switchVm = createRoute({
  method: "patch",
  path: "/api/vms/{id}",
  operationId: "switchVm",
  summary: "Switches knobs of a machine, while its guest runs",
  description: "A knob that its machine does not let be switched is refused with the reason.",
  tags,
  request: { params: idParameter, body: jsonBody(knobsSchema) },
  responses: { 200: json(vmSchema, "The machine after the switch"), ...REFUSALS },
});

const deleteVm = createRoute({
  method: "delete",
  path: "/api/vms/{id}",
  operationId: "deleteVm",
  summary: "Stops a machine and gives back its cores, memory and files",
  tags,
  request: { params: idParameter },
  responses: { 204: { description: "It is gone" }, ...REFUSALS },
});

const getVmStats = createRoute({
  method: "get",
  path: "/api/vms/{id}/stats",
  operationId: "getVmStats",
  summary: "Counters since its start: exits by reason, requests, rings, memory",
  tags,
  request: { params: idParameter },
  responses: { 200: json(vmStatsSchema, "The counters"), ...REFUSALS },
});

const getVmLatency = createRoute({
  method: "get",
  path: "/api/vms/{id}/latency",
  operationId: "getVmLatency",
  summary: "How long its exits, by reason, and its calls took since its start: histograms",
  tags,
  request: { params: idParameter },
  responses: { 200: json(vmLatencySchema, "The histograms"), ...REFUSALS },
});

/** A step of a machine's life as a route. */
function stepRoute<P extends `/api/vms/{id}/${string}`>(
  path: P,
  operationId: string,
  summary: string,
) {
  return createRoute({
    method: "post",
    path,
    operationId,
    summary,
    tags,
    request: { params: idParameter },
    responses: { 200: json(vmSchema, "The machine after the step"), ...REFUSALS },
  });
}

const startVm = stepRoute("/api/vms/{id}/start", "startVm", "Runs the guest");
const pauseVm = stepRoute("/api/vms/{id}/pause", "pauseVm", "Halts every vCPU where it is");
const resumeVm = stepRoute("/api/vms/{id}/resume", "resumeVm", "Goes on after a pause");
const stopVm = stepRoute("/api/vms/{id}/stop", "stopVm", "Ends the machine, whatever it does");

/** Adds the routes of machines. */
export function addVms(app: OpenAPIHono<RequestEnv>, machines: Machines): void {
  app.openapi(listVms, (c) => c.json(machines.list().map((vm) => machines.show(vm)), 200));

  app.openapi(createVm, async (c) => {
    // As it was sent: what a Linux guest has by itself is not to be covered by defaults.
    const vm = await machines.create(await c.req.json<VmRequest>());
    c.header("location", `/api/vms/${vm.id}`);
    return c.json(machines.show(vm), 201);
  });

  app.openapi(getVm, (c) => c.json(machines.show(machines.get(c.req.valid("param").id)), 200));

  app.openapi(deleteVm, async (c) => {
    await machines.get(c.req.valid("param").id)[Symbol.asyncDispose]();
    return c.body(null, 204);
  });

  app.openapi(getVmStats, (c) => c.json(machines.get(c.req.valid("param").id).stats(), 200));

  app.openapi(
    getVmLatency,
    (c) => c.json(machines.get(c.req.valid("param").id).latency(), 200),
  );

  const take = async (id: number, step: (vm: Vm) => void | Promise<void>) => {
    const vm = machines.get(id);
    await machines.inTurn(vm, () => step(vm));
    return machines.show(vm);
  };
  app.openapi(
    startVm,
    async (c) => c.json(await take(c.req.valid("param").id, (vm) => vm.start()), 200),
  );
  app.openapi(
    pauseVm,
    async (c) => c.json(await take(c.req.valid("param").id, (vm) => vm.pause()), 200),
  );
  app.openapi(
    resumeVm,
    async (c) => c.json(await take(c.req.valid("param").id, (vm) => vm.resume()), 200),
  );
  app.openapi(switchVm, async (c) => {
    const { notification } = c.req.valid("json");
    return c.json(await take(c.req.valid("param").id, (vm) => vm.notifyBy(notification)), 200);
  });
  // A stop does not wait for steps before it: they may never end.
  app.openapi(stopVm, async (c) => {
    const vm = machines.get(c.req.valid("param").id);
    await vm.stop();
    return c.json(machines.show(vm), 200);
  });
}
