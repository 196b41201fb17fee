/** The HTTP API of a runtime: its routes put together. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import type { MiddlewareHandler } from "hono";
import { Activity } from "./activity.ts";
import { createClient } from "./client.ts";
import type { ApiContext, RequestEnv } from "./context.ts";
import { ImageFolders } from "./image_folders.ts";
import { Live } from "./live.ts";
import { Machines } from "./machines.ts";
import { Metrics } from "./metrics.ts";
import { Problem, problemOf, type ProblemPlace } from "./problem.ts";
import { RateLimit } from "./rate_limit.ts";
import { REFERENCE_STYLE, referencePage } from "./reference.ts";
import { addAdaptive } from "./routes/adaptive.ts";
import { addConsole } from "./routes/console.ts";
import { addEvents } from "./routes/events.ts";
import { addExperiments } from "./routes/experiments.ts";
import { addGuests } from "./routes/guests.ts";
import { addHost } from "./routes/host.ts";
import { addPlan } from "./routes/plan.ts";
import { addResults } from "./routes/results.ts";
import { addRuns } from "./routes/runs.ts";
import { addService } from "./routes/service.ts";
import { addVmPlan } from "./routes/vm_plan.ts";
import { addSession } from "./routes/session.ts";
import { addVms } from "./routes/vms.ts";
import { snapshotSchema } from "./schemas.ts";
import { guard, restrictBrowsers } from "./security.ts";

/** Bytes of a request's body. */
const MOST_BODY = 256 * 1024;
const PER_SECOND = 1000, BURST = 2000;

/** The API of a runtime. */
export interface Api extends Disposable {
  readonly app: OpenAPIHono<RequestEnv>;
}

/** What the document says of itself. */
const ABOUT = {
  openapi: "3.1.0",
  info: {
    title: "SplitX",
    version: "1",
    description: "A split-execution hypervisor: its host, core plan, machines and records.",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
};

/** A wrong request as a problem, place by place. */
function wrongRequest(issues: readonly { path: PropertyKey[]; message: string }[]): Problem {
  const errors = issues.map(({ path, message }): ProblemPlace => ({
    at: path.length === 0 ? "" : `/${path.map(String).join("/")}`,
    detail: message,
  }));
  const [first] = errors;
  return new Problem(
    422,
    "bad-request",
    `${first!.at.slice(1) || "body"}: ${first!.detail}`,
    errors,
  );
}

/** Bodies are JSON, so that no form of another site is one. */
const jsonOnly: MiddlewareHandler = async ({ req }, next) => {
  const type = req.header("content-type")?.replace(/;.*/, "").trim().toLowerCase();
  if (type !== undefined && type !== "application/json") {
    throw new Problem(415, "json-needed", "send the body as application/json");
  }
  await next();
};

function bounded(limit: RateLimit): MiddlewareHandler<RequestEnv> {
  return async (context, next) => {
    if (!limit.take(context.env?.client ?? "")) {
      throw new Problem(429, "too-many-requests", "ask more slowly");
    }
    await next();
  };
}

/**
 * Puts the routes together.
 *
 * @returns the Hono app; disposal ends the event streams
 */
export function createApi(context: ApiContext): Api {
  const app = new OpenAPIHono<RequestEnv>({
    defaultHook: (result) => {
      if (!result.success) throw wrongRequest(result.error.issues);
    },
  });
  const { perSecond, burst } = context.rate ?? { perSecond: PER_SECOND, burst: BURST };
  const live = new Live(new Activity(context.runtime, context.now));
  const images = new ImageFolders(context.imageFolders);
  const machines = new Machines(context.runtime, context.consoles, images, context.log);
  const metrics = new Metrics(context.runtime, live);

  app.use(restrictBrowsers);
  app.use(metrics.timing);
  app.use(bounded(new RateLimit(perSecond, burst, () => performance.now())));
  app.use(guard(context.reach, context.token));
  app.use(jsonOnly);
  app.use(bodyLimit({
    maxSize: MOST_BODY,
    onError: () => {
      throw new Problem(413, "too-large", `at most ${MOST_BODY} bytes`);
    },
  }));

  addHost(app, context);
  addPlan(app, context, live);
  addAdaptive(app, context);
  addVms(app, machines);
  addVmPlan(app, machines);
  addConsole(app, machines, context.consoles);
  addGuests(app, context, images);
  addResults(app, context);
  addRuns(app, context);
  addExperiments(app, context, images);
  addEvents(app, live);
  addService(app, context, metrics);
  addSession(app, context);
  app.openAPIRegistry.register("Snapshot", snapshotSchema);

  let document: ReturnType<typeof app.getOpenAPI31Document> | undefined;
  const described = () => document ??= app.getOpenAPI31Document(ABOUT);
  app.get("/openapi.json", (c) => c.json(described()));
  app.get("/reference", (c) => c.html(referencePage(described())));
  app.get("/reference.css", (c) => c.body(REFERENCE_STYLE, 200, { "content-type": "text/css" }));

  const pages = context.pages?.(createClient({
    address: "http://localhost",
    ...(context.token === undefined ? {} : { token: context.token }),
    fetch: async (request) => await app.fetch(request, {}),
  }));
  app.notFound(async (c) => {
    const page = await pages?.(c.req.raw);
    if (page) return page;
    const allowed = methodsOf(app, c.req.path).filter((method) => method !== c.req.method);
    if (allowed.length === 0) {
      return new Problem(404, "no-such-path", "there is nothing here; see /reference").response();
    }
    const detail = `this path takes ${allowed.join(", ")}`;
    const response = new Problem(405, "method-not-allowed", detail).response();
    response.headers.set("allow", allowed.join(", "));
    return response;
  });
  app.onError((error) => {
    const problem = error instanceof HTTPException
      ? new Problem(error.status, "bad-request", error.message)
      : problemOf(error);
    if (problem.code === "internal") context.log(`defect in the API: ${error.stack}`);
    return problem.response();
  });
  return { app, [Symbol.dispose]: () => live.close() };
}

/** Methods that a path takes. */
function methodsOf(app: OpenAPIHono<RequestEnv>, path: string): string[] {
  const parts = path.split("/");
  const fits = (pattern: string) => {
    const wanted = pattern.split("/");
    return wanted.length === parts.length &&
      wanted.every((part, i) => part.startsWith(":") || part === parts[i]);
  };
  const routes = app.routes.filter((route) => route.method !== "ALL" && fits(route.path));
  return [...new Set(routes.map((route) => route.method))];
}

/** The OpenAPI document; no request is answered for it. */
export function openApiDocument(): Record<string, unknown> {
  const nobody = { imageFolders: [], reach: "unix", now: () => 0 } as unknown as ApiContext;
  using api = createApi(nobody);
  return api.app.getOpenAPI31Document(ABOUT) as unknown as Record<string, unknown>;
}
