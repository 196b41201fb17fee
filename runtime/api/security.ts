/**
 * Who may ask: the token, and the headers by which a browser tells on whose behalf it asks. A page
 * of another site, or one whose name was made to lead here, gets nothing.
 */
import type { MiddlewareHandler } from "hono";
import { getCookie } from "hono/cookie";
import { createHash, timingSafeEqual } from "node:crypto";
import type { Reach } from "./listening.ts";
import { Problem } from "./problem.ts";

/** The cookie that stands for the token where a browser can send no header. */
export const TOKEN_COOKIE = "splitx_token";
/** Paths that need no token. */
const OPEN_PATHS: ReadonlySet<string> = new Set(["/healthz"]);
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/i;

/**
 * Everything comes from here, and no script stands in a page. Whom another site opens gets a refusal
 * and no page, so there is no opener to part from: the header that does costs a browser a process.
 */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; " +
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'self'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
};

function hostName(host: string): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase();
}

/**
 * Whether a request may name this host. A name other than ours is one that somebody made to lead
 * here; an address cannot be.
 */
function hostAllowed(host: string, reach: Reach): boolean {
  if (reach === "unix") return true;
  const name = hostName(host);
  if (name === undefined) return false;
  if (LOOPBACK_NAMES.has(name)) return true;
  return reach === "network" && (ADDRESS.test(name) || name === Deno.hostname().toLowerCase());
}

/** Whether two texts are the same, in a time that does not tell where they differ. */
function same(left: string, right: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

/**
 * Refuses what may not ask.
 *
 * @param reach where requests can come from
 * @param token that they must bring, when there is one
 */
export function guard(reach: Reach, token: string | undefined): MiddlewareHandler {
  return async (context, next) => {
    const { req } = context;
    const host = req.header("host") ?? new URL(req.url).host;
    if (!hostAllowed(host, reach)) {
      throw new Problem(403, "host-not-allowed", "the Host header names another host");
    }
    const origin = req.header("origin");
    if (origin !== undefined && originHost(origin) !== host.toLowerCase()) {
      throw new Problem(403, "origin-not-allowed", "a page of another site may not ask");
    }
    const site = req.header("sec-fetch-site");
    if (site === "cross-site" || site === "same-site") {
      throw new Problem(403, "origin-not-allowed", "a page of another site may not ask");
    }
    if (token !== undefined && !OPEN_PATHS.has(req.path)) {
      const bearer = /^Bearer (\S+)$/i.exec(req.header("authorization") ?? "")?.[1];
      const given = bearer ?? getCookie(context, TOKEN_COOKIE);
      if (given === undefined || !same(given, token)) {
        throw new Problem(401, "token-needed", "send the token: Authorization: Bearer TOKEN");
      }
    }
    await next();
  };
}

function originHost(origin: string): string | undefined {
  return /^https?:\/\/(.+)$/i.exec(origin)?.[1]?.toLowerCase();
}

/** Puts the headers that restrict browsers on every response that has none of its own. */
export const restrictBrowsers: MiddlewareHandler = async (context, next) => {
  await next();
  if (context.res.status === 101) return;
  const { headers } = context.res;
  for (const [name, value] of Object.entries(HEADERS)) {
    if (!headers.has(name)) headers.set(name, value);
  }
  if (context.res.status === 401) context.res.headers.set("www-authenticate", "Bearer");
};
