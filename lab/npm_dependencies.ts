/** The project's npm packages as Deno's cache keeps them, for a machine that cannot fetch any. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exists } from "../build/cache.ts";
import type { ArchiveEntry } from "../build/cpio.ts";
import { runError } from "../errors.ts";

/** The list of a package's versions, without which Deno asks the registry even for a locked one. */
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

/** What deno.lock says of a package; some are for one kind of machine only. */
interface Locked {
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

/** The packages of deno.lock that the lab can use; their keys are NAME@VERSION or NAME@VERSION_PEERS. */
function lockedPackages(): [name: string, version: string][] {
  const lock = JSON.parse(Deno.readTextFileSync(join(PROJECT, "deno.lock")));
  return Object.entries(lock.npm as Record<string, Locked>)
    .filter(([, { os, cpu }]) => (os?.includes("linux") ?? true) && (cpu?.includes("x64") ?? true))
    .map(([key]) => {
      const at = key.indexOf("@", 1);
      return [key.slice(0, at), key.slice(at + 1).split("_")[0]!];
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
  const packages = lockedPackages();
  // Without the lock Deno asks a registry for the list too; what is in the cache it does not fetch.
  const specifiers = packages.map(([name, version]) => `npm:${name}@${version}`);
  await deno(["cache", "--quiet", "--no-lock", ...specifiers]);
  const { npmCache } = JSON.parse(await deno(["info", "--json"])) as { npmCache: string };
  const registries = [...Deno.readDirSync(npmCache)].map((entry) => entry.name);
  return packages.flatMap(([name, version]) =>
    registries.flatMap((registry) => {
      const folder = join(npmCache, registry, name), at = join(denoDir, "npm", registry, name);
      if (!exists(folder)) return [];
      return [
        { path: join(at, VERSIONS), bytes: Deno.readFileSync(join(folder, VERSIONS)) },
        ...filesIn(join(folder, version), join(at, version)),
      ];
    })
  );
}
