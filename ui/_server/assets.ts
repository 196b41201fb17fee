/** The files that pages load, from the folder where they were bundled. */
import { createHash } from "node:crypto";
import { extname, join } from "node:path";
import type { Asset, Assets } from "./dashboard.tsx";

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Reads them; what every page has gets a name that changes with its content. */
export function readAssets(folder: string): Assets {
  const files = new Map<string, Asset>();
  const read = (name: string) => Deno.readFileSync(join(folder, name));
  for (const { name } of Deno.readDirSync(folder)) {
    const type = TYPES[extname(name)];
    if (type) files.set(name, { bytes: read(name), type });
  }
  const named = (name: string) => {
    const { bytes, type } = files.get(name)!;
    const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
    const asset = name.replace(".", `-${hash}.`);
    files.set(asset, { bytes, type });
    return asset;
  };
  return { files, script: named("hydrate.js"), style: named("style.css") };
}
