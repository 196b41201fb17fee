/** The API and the dashboard beside what `run` runs: large, so loaded only to be served. */
import { buildDashboard } from "../build/dashboard.ts";
import { SplitXError } from "../errors.ts";
import type { Pages } from "../runtime/api/context.ts";
import type { ApiClient } from "../runtime/api/client.ts";
import type { ConsoleHubs } from "../runtime/api/console_hub.ts";
import { type ApiServer, serveApi } from "../runtime/api/listen.ts";
import { defaultImageFolder, type Listening } from "../runtime/api/listening.ts";
import { RunStore } from "../runtime/run_store.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { ExperimentJobs } from "../experiments/jobs.ts";
import { experimentResults } from "../experiments/results.ts";
import { readAssets } from "../ui/_server/assets.ts";
import { createDashboard } from "../ui/_server/dashboard.tsx";

/** What listens, and what people find there. */
export interface Serving extends ApiServer {
  readonly name: "dashboard" | "API";
}

/**
 * Serves the API of a runtime and its dashboard; the API alone where that cannot be bundled.
 *
 * @param images folders whose files a request may name; a folder of the user's own when empty
 * @throws SplitXError when it cannot listen there
 */
export async function serveBeside(
  runtime: Runtime,
  consoles: ConsoleHubs,
  listening: Listening,
  images: readonly string[],
): Promise<Serving> {
  const token = Deno.env.get("SPLITX_TOKEN");
  const store = openStore();
  const pages = await dashboardPages();
  const experiments = new ExperimentJobs(runtime, store);
  const server = serveApi({
    runtime,
    experiments,
    results: experimentResults,
    consoles,
    imageFolders: images.length > 0 ? images : [defaultImageFolder()],
    ...(token ? { token } : {}),
    ...(store ? { store } : {}),
    ...(pages ? { pages } : {}),
    now: () => Date.now(),
    log: (line) => console.error(line),
  }, listening);
  return {
    address: server.address,
    name: pages ? "dashboard" : "API",
    async [Symbol.asyncDispose]() {
      await experiments[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Offline, Deno may lack its bundler. */
async function dashboardPages(): Promise<((api: ApiClient) => Pages) | undefined> {
  try {
    const assets = readAssets(await buildDashboard((line) => console.error(line)));
    return (api) => createDashboard(api, assets);
  } catch (error) {
    if (!(error instanceof SplitXError)) throw error;
    console.error(error.message);
    return undefined;
  }
}

function openStore(): RunStore | undefined {
  try {
    return RunStore.open();
  } catch (error) {
    console.error(`records cannot be shown: ${(error as Error).message}`);
    return undefined;
  }
}
