/** A session: the token as a cookie, for what a browser sends without headers of ours. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { setCookie } from "hono/cookie";
import type { ApiContext, RequestEnv } from "../context.ts";
import { TOKEN_COOKIE } from "../security.ts";
import { REFUSALS } from "./answers.ts";

const openSession = createRoute({
  method: "post",
  path: "/api/session",
  operationId: "openSession",
  summary: "Keeps the token of this request in a cookie, for WebSockets and events of a browser",
  tags: ["service"],
  responses: { 204: { description: "The cookie is set, where a token is needed" }, ...REFUSALS },
});

/** Adds the route of sessions. */
export function addSession(app: OpenAPIHono<RequestEnv>, { token }: ApiContext): void {
  app.openapi(openSession, (c) => {
    if (token !== undefined) {
      setCookie(c, TOKEN_COOKIE, token, { httpOnly: true, sameSite: "Strict", path: "/" });
    }
    return c.body(null, 204);
  });
}
