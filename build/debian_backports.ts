/**
 * Debian's backports: younger packages for the release that a host has. Few hosts have them
 * switched on, so the list of them is kept in the cache, and the host's own is left alone.
 */
import { join } from "node:path";
import { hostError } from "../errors.ts";
import { cacheFolder, exists } from "./cache.ts";
import { apt, type PackageSource } from "./debian.ts";
import type { Progress } from "./stub.ts";

const FRESH_MS = 24 * 3600 * 1000;

/** Where apt gets the packages of this host's release from, and the release's name. */
async function releaseOfHost(): Promise<{ address: string; release: string; component: string }> {
  const format = "$(CREATED_BY) $(REPO_URI) $(CODENAME) $(COMPONENT)";
  const { stdout } = await apt("apt-get", ["indextargets", "--format", format]);
  for (const line of stdout.split("\n")) {
    const [kind, address, release, component] = line.split(" ");
    const plain = kind === "Packages" && component === "main" && /^[a-z]+$/.test(release ?? "");
    if (plain && /\/debian\/?$/.test(address!)) {
      return { address: address!, release: release!, component: component! };
    }
  }
  throw hostError("no-package", "this host's apt has no release of Debian: see sources.list(5)");
}

/**
 * The backports of this host's release, from the cache when they were listed at most a day ago.
 *
 * @throws SplitXError `no-package` when this host has none (exit code 3)
 */
export async function backports(progress: Progress): Promise<PackageSource> {
  const { address, release, component } = await releaseOfHost();
  const name = `${release}-backports`;
  const folder = join(cacheFolder(), `apt-${name}`);
  const list = join(folder, "sources.list"), updated = join(folder, "updated");
  const options = Object.entries({
    "Dir::Etc::SourceList": list,
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::State::Lists": join(folder, "lists"),
    "Dir::Cache": join(folder, "cache"),
  }).map(([key, value]) => `--option=${key}=${value}`);
  const listed = exists(updated) ? Deno.statSync(updated).mtime!.getTime() : 0;
  if (Date.now() - listed > FRESH_MS) {
    progress(`listing the packages of ${name}`);
    for (const part of ["lists/partial", "cache/archives/partial"]) {
      Deno.mkdirSync(join(folder, part), { recursive: true });
    }
    Deno.writeTextFileSync(list, `deb ${address} ${name} ${component}\n`);
    const { success, stderr } = await apt("apt-get", [...options, "--error-on=any", "update"]);
    if (!success) throw hostError("no-package", `${name} cannot be listed: ${stderr.trim()}`);
    Deno.writeTextFileSync(updated, "");
  }
  return { name, options };
}
