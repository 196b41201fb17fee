/** Answers the dashboard's requests: pages made here, and the files that they load. */
import type { ApiClient } from "../../runtime/api/client.ts";
import { Layout } from "../components/Layout.tsx";
import { cores } from "../routes/cores.tsx";
import { compare } from "../routes/compare.tsx";
import { compareRuns } from "../routes/compare_runs.tsx";
import { experiments } from "../routes/experiments.tsx";
import { guests } from "../routes/guests.tsx";
import { run } from "../routes/run.tsx";
import { renderPage } from "./page.tsx";
import { NotThere, type Page, type Route } from "./route.ts";

const ROUTES: readonly (readonly [RegExp, Route])[] = [
  [/^\/$/, cores],
  [/^\/guests$/, guests],
  [/^\/compare$/, compare],
  [/^\/experiments$/, experiments],
  [/^\/runs\/compare$/, compareRuns],
  [/^\/runs\/(\d{1,9})$/, run],
];

/** A file that pages load. */
export interface Asset {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
}

/** Files by name, and what every page has. */
export interface Assets {
  readonly files: ReadonlyMap<string, Asset>;
  /** Name of its script. */
  readonly script: string;
  /** Text of its style sheet. */
  readonly style: string;
}

/** Where assets are, by names that change with what is in them. */
const STATIC = "/static/";
const FOR_EVER = "public, max-age=31536000, immutable";

/** Scripts are ours alone; terminals and charts set styles of their own. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; " +
  "frame-ancestors 'none'";

/** Answers a request, or says that the path is none of its own. */
export type Dashboard = (request: Request) => Promise<Response | undefined>;

/**
 * Makes the dashboard.
 *
 * @param api what pages ask when they are made
 */
export function createDashboard(api: ApiClient, assets: Assets): Dashboard {
  const page = async ({ title, content }: Page, status = 200) => {
    const { script, style } = assets;
    const html = await renderPage({
      title,
      children: content,
      script: STATIC + script,
      style,
    });
    return new Response(html, {
      status,
      headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": POLICY },
    });
  };
  return async (request) => {
    const { pathname, searchParams: query } = new URL(request.url);
    if (request.method !== "GET" && request.method !== "HEAD") return undefined;
    if (pathname.startsWith(STATIC)) {
      const asset = assets.files.get(pathname.slice(STATIC.length));
      return asset && new Response(asset.bytes, {
        headers: { "content-type": asset.type, "cache-control": FOR_EVER },
      });
    }
    for (const [pattern, route] of ROUTES) {
      const match = pattern.exec(pathname);
      if (!match) continue;
      try {
        return await page(await route({ api, id: Number(match[1] ?? 0), query }));
      } catch (error) {
        if (!(error instanceof NotThere)) throw error;
        return await page(notThere(error.message), 404);
      }
    }
    return undefined;
  };
}

function notThere(words: string): Page {
  return { title: "Not there", content: <Layout path="" heading="Not there">{words}</Layout> };
}
