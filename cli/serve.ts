/** The API and the dashboard beside what `run` runs: whether, and where. */
import { buildDashboard } from "../build/dashboard.ts";
import { usageError } from "../errors.ts";
import type { ConsoleHubs } from "../runtime/api/console_hub.ts";
import {
  type ApiServer,
  DEFAULT_LISTEN,
  defaultImageFolder,
  parseListen,
  serveApi,
} from "../runtime/api/listen.ts";
import { RunStore } from "../runtime/run_store.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { ExperimentJobs } from "../experiments/jobs.ts";
import { readAssets } from "../ui/_server/assets.ts";
import { createDashboard } from "../ui/_server/dashboard.tsx";
import { type OptionValues, textOf, textsOf } from "./options.ts";

/** Whether the command ends with its guests, as programs that read what it prints expect. */
export function endsWithGuests(values: OptionValues): boolean {
  return ["once", "no-ui", "json", "script"].some((name) => values[name] !== undefined);
}

/**
 * Serves the API of a runtime as the options say.
 *
 * @returns undefined when nothing is served
 * @throws SplitXError when it cannot listen there, or the dashboard cannot be bundled
 */
export async function serveBeside(
  runtime: Runtime,
  consoles: ConsoleHubs,
  values: OptionValues,
): Promise<ApiServer | undefined> {
  const listen = textOf(values, "listen");
  if (values["no-ui"] && listen !== undefined) {
    throw usageError("bad-option", "--no-ui serves nothing: leave out --listen, or it");
  }
  if (listen === undefined && endsWithGuests(values)) return undefined;
  const images = textsOf(values, "images");
  const token = Deno.env.get("SPLITX_TOKEN");
  const listening = parseListen(listen ?? DEFAULT_LISTEN);
  const store = openStore();
  const assets = readAssets(await buildDashboard((line) => console.error(line)));
  const experiments = new ExperimentJobs(runtime, store);
  const server = serveApi({
    runtime,
    experiments,
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
