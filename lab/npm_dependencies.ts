/** The project's npm packages as Deno's cache keeps them, for a machine that cannot fetch any. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exists } from "../build/cache.ts";
import type { ArchiveEntry } from "../build/cpio.ts";
import { runError } from "../errors.ts";

/** What a registry has of a package; Deno asks for it again where its cache has a package only. */
const VERSIONS = "registry.json";
const PROJECT = fileURLToPath(new URL("../", import.meta.url));

async function deno(args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: PROJECT,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw runError("deno-failed", `deno ${args[0]} failed:`, decoder.decode(stderr));
  return decoder.decode(stdout);
}

/** `NAME` and `NAME/VERSION` of every package in deno.lock. */
function lockedPackages(): [name: string, version: string][] {
  const lock = JSON.parse(Deno.readTextFileSync(join(PROJECT, "deno.lock")));
  return Object.keys(lock.npm).map((key) => {
    const at = key.indexOf("@", 1);
    return [key.slice(0, at), key.slice(at + 1)];
  });
}

function filesIn(folder: string, at: string): ArchiveEntry[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const from = join(folder, entry.name), path = join(at, entry.name);
    return entry.isDirectory ? filesIn(from, path) : [{ path, bytes: Deno.readFileSync(from) }];
  });
}

/**
 * Fetches what Deno's cache lacks and reads the packages of deno.lock from there.
 *
 * @param denoDir where Deno's cache is in the archive
 */
export async function dependencyEntries(denoDir: string): Promise<ArchiveEntry[]> {
  await deno(["install", "--quiet", "--frozen"]);
  const { npmCache } = JSON.parse(await deno(["info", "--json"])) as { npmCache: string };
  const registries = [...Deno.readDirSync(npmCache)].map((entry) => entry.name);
  return lockedPackages().flatMap(([name, version]) =>
    registries.flatMap((registry) => {
      const folder = join(npmCache, registry, name), at = join(denoDir, "npm", registry, name);
      const list = join(folder, VERSIONS);
      if (!exists(join(folder, version))) return []; // for another platform than this
      return [
        ...filesIn(join(folder, version), join(at, version)),
        ...exists(list) ? [{ path: join(at, VERSIONS), bytes: Deno.readFileSync(list) }] : [],
      ];
    })
  );
}
