/** The files that pages load, from the folder where they were bundled. */
import { createHash } from "node:crypto";
import { extname, join } from "node:path";
import type { Asset, Assets } from "./dashboard.tsx";

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const SCRIPT = "_server/hydrate.js", STYLE = "static/style.css";

function filesIn(folder: string, below = ""): string[] {
  return [...Deno.readDirSync(join(folder, below))].flatMap(({ name, isDirectory }) => {
    const path = join(below, name);
    return isDirectory ? filesIn(folder, path) : [path];
  });
}

/** Reads them; the script of every page gets a name that changes with its content. */
export function readAssets(folder: string): Assets {
  const files = new Map<string, Asset>();
  for (const path of filesIn(folder)) {
    const type = TYPES[extname(path)];
    if (type) files.set(path, { bytes: Deno.readFileSync(join(folder, path)), type });
  }
  const { bytes, type } = files.get(SCRIPT)!;
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  const script = SCRIPT.replace(".", `-${hash}.`);
  files.set(script, { bytes, type });
  return { files, script, style: Deno.readTextFileSync(join(folder, STYLE)) };
}
