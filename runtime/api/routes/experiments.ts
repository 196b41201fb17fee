/** Experiments: what can be started, what runs, and what came of it. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { ApiContext, ExperimentCatalogue, RequestEnv } from "../context.ts";
import type { ImageFolders } from "../image_folders.ts";
import { Problem } from "../problem.ts";
import {
  type Experiment,
  type ExperimentJob,
  experimentJobSchema,
  experimentRequestSchema,
  experimentsSchema,
} from "../schemas.ts";
import { json, jsonBody, REFUSALS } from "./answers.ts";

const tags = ["experiments"];
/** Format of a parameter that names a file of the host. */
const HOST_FILE = "host-file";
const jobParameter = z.strictObject({ id: z.string().regex(/^[\w-]{1,64}$/) });

const listExperiments = createRoute({
  method: "get",
  path: "/api/experiments",
  operationId: "listExperiments",
  summary: "Experiments with the JSON Schema of their parameters, and those that were started",
  tags,
  responses: { 200: json(experimentsSchema, "Experiments and jobs"), ...REFUSALS },
});

const startExperiment = createRoute({
  method: "post",
  path: "/api/experiments",
  operationId: "startExperiment",
  summary: "Starts an experiment",
  tags,
  request: { body: jsonBody(experimentRequestSchema) },
  responses: { 202: json(experimentJobSchema, "It has begun"), ...REFUSALS },
});

const getExperiment = createRoute({
  method: "get",
  path: "/api/experiments/{id}",
  operationId: "getExperiment",
  summary: "How far one is",
  tags,
  request: { params: jobParameter },
  responses: { 200: json(experimentJobSchema, "The job"), ...REFUSALS },
});

const cancelExperiment = createRoute({
  method: "delete",
  path: "/api/experiments/{id}",
  operationId: "cancelExperiment",
  summary: "Ends one early",
  tags,
  request: { params: jobParameter },
  responses: { 200: json(experimentJobSchema, "The job after its end"), ...REFUSALS },
});

const NOTHING: ExperimentCatalogue = {
  list: () => [],
  jobs: () => [],
  start: (name) => {
    throw new Problem(404, "no-such-experiment", `there is no experiment ${JSON.stringify(name)}`);
  },
  cancel: () => Promise.resolve(),
};

/** The parameters with every file of the host's as its real path. */
function withAllowedFiles(
  { parameters: { properties } }: Experiment,
  parameters: Readonly<Record<string, unknown>>,
  images: ImageFolders,
): Record<string, unknown> {
  const schemas = (properties ?? {}) as Record<string, { readonly format?: string }>;
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => {
      const isFile = schemas[name]?.format === HOST_FILE && typeof value === "string";
      return [name, isFile ? images.file(value) : value];
    }),
  );
}

/** Adds the routes of experiments. */
export function addExperiments(
  app: OpenAPIHono<RequestEnv>,
  { experiments = NOTHING }: ApiContext,
  images: ImageFolders,
): void {
  const jobOf = (id: string): ExperimentJob => {
    const job = experiments.jobs().find((job) => job.id === id);
    if (!job) throw new Problem(404, "no-such-job", `there is no job ${id}`);
    return job;
  };

  app.openapi(
    listExperiments,
    (c) => c.json({ experiments: experiments.list(), jobs: experiments.jobs() }, 200),
  );

  app.openapi(startExperiment, (c) => {
    const { name, parameters } = c.req.valid("json");
    const experiment = experiments.list().find((one) => one.name === name);
    if (!experiment) return NOTHING.start(name, {}) as never;
    const job = experiments.start(name, withAllowedFiles(experiment, parameters, images));
    c.header("location", `/api/experiments/${job.id}`);
    return c.json(job, 202);
  });

  app.openapi(getExperiment, (c) => c.json(jobOf(c.req.valid("param").id), 200));

  app.openapi(cancelExperiment, async (c) => {
    const { id } = c.req.valid("param");
    jobOf(id);
    await experiments.cancel(id);
    return c.json(jobOf(id), 200);
  });
}
