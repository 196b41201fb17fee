/** Bundles what the dashboard runs in a browser: its islands and its style sheet. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hostError } from "../errors.ts";
import { cacheFolder, contentHash, exists, makeInCache } from "./cache.ts";
import { runProgram } from "./program.ts";
import type { Progress } from "./stub.ts";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const UI = join(PROJECT, "ui/");
/** Where the browser begins; each becomes a file of the same name. */
const ENTRIES = [join(UI, "_server/hydrate.tsx"), join(UI, "static/style.css")];
/** What is served as it is. */
const PLAIN = [join(UI, "static/favicon.svg")];
/** What decides, beside the dashboard's own files, what is made of them. */
const OTHERS = ["runtime/api/client.ts", "deno.json", "deno.lock"].map((path) =>
  join(PROJECT, path)
);

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory ? filesIn(path) : [path];
  }).sort();
}

/**
 * Makes the bundle unless the cache has it.
 *
 * @returns folder of `_server/hydrate.js`, what it loads, `static/style.css` and the icon
 * @throws SplitXError `no-bundle` when it cannot be made
 */
export async function buildDashboard(progress: Progress): Promise<string> {
  const hash = contentHash([...filesIn(UI), ...OTHERS], [Deno.version.deno]);
  const folder = join(cacheFolder(), `dashboard-${hash}`);
  if (exists(folder)) return folder;
  progress("bundling the dashboard");
  await makeInCache(folder, async (path) => {
    const options = ["--platform=browser", "--code-splitting", "--minify", "--outdir", path];
    const { success, stderr } = await runProgram(
      Deno.execPath(),
      ["bundle", "--quiet", ...options, ...ENTRIES],
      "Deno is not where it was",
      { cwd: PROJECT },
    );
    if (!success) throw hostError("no-bundle", `the dashboard cannot be bundled: ${stderr.trim()}`);
    for (const file of PLAIN) Deno.copyFileSync(file, join(path, file.split("/").pop()!));
  });
  return folder;
}
