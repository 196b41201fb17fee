/** The API and the dashboard beside what `run` runs: large, so loaded only to be served. */
import { buildDashboard } from "../build/dashboard.ts";
import type { ConsoleHubs } from "../runtime/api/console_hub.ts";
import { type ApiServer, serveApi } from "../runtime/api/listen.ts";
import { defaultImageFolder, type Listening } from "../runtime/api/listening.ts";
import { RunStore } from "../runtime/run_store.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { ExperimentJobs } from "../experiments/jobs.ts";
import { experimentResults } from "../experiments/results.ts";
import { readAssets } from "../ui/_server/assets.ts";
import { createDashboard } from "../ui/_server/dashboard.tsx";

/**
 * Serves the API of a runtime and its dashboard.
 *
 * @param images folders whose files a request may name; a folder of the user's own when empty
 * @throws SplitXError when it cannot listen there, or the dashboard cannot be bundled
 */
export async function serveBeside(
  runtime: Runtime,
  consoles: ConsoleHubs,
  listening: Listening,
  images: readonly string[],
): Promise<ApiServer> {
  const token = Deno.env.get("SPLITX_TOKEN");
  const store = openStore();
  const assets = readAssets(await buildDashboard((line) => console.error(line)));
  const experiments = new ExperimentJobs(runtime, store);
  const server = serveApi({
    runtime,
    experiments,
    results: experimentResults,
    consoles,
    imageFolders: images.length > 0 ? images : [defaultImageFolder()],
    ...(token ? { token } : {}),
    ...(store ? { store } : {}),
    pages: (api) => createDashboard(api, assets),
    now: () => Date.now(),
    log: (line) => console.error(line),
  }, listening);
  return {
    address: server.address,
    async [Symbol.asyncDispose]() {
      await experiments[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function openStore(): RunStore | undefined {
  try {
    return RunStore.open();
  } catch (error) {
    console.error(`records cannot be shown: ${(error as Error).message}`);
    return undefined;
  }
}
