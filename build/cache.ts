/** Where built things are kept: by the hash of what they are made of, so they are never stale. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { usageError } from "../errors.ts";

/** `$XDG_CACHE_HOME/splitx`, or `~/.cache/splitx`. */
export function cacheFolder(): string {
  const base = Deno.env.get("XDG_CACHE_HOME");
  if (base) return join(base, "splitx");
  const home = Deno.env.get("HOME");
  if (!home) {
    throw usageError("no-cache-folder", "neither XDG_CACHE_HOME nor HOME is set: set one of them");
  }
  return join(home, ".cache", "splitx");
}

/**
 * Hash of files and words that a build depends on.
 *
 * @param files paths; their contents and base order count
 * @param words flags, names, versions
 * @returns 16 hexadecimal digits
 */
export function contentHash(files: readonly string[], words: readonly string[]): string {
  const hash = createHash("sha256");
  hash.update(`${files.length} ${words.length}\0`);
  for (const word of words) hash.update(`${word}\0`);
  for (const file of files) hash.update(Deno.readFileSync(file)).update("\0");
  return hash.digest("hex").slice(0, 16);
}

/**
 * Makes `target` in a folder of its own beside the cache and moves it into place when it is whole,
 * so that neither an interruption nor a second process leaves half of it.
 *
 * @param target path inside the cache
 * @param make receives the path to build at, and a folder for what it needs meanwhile
 */
export async function makeInCache(
  target: string,
  make: (path: string, scratch: string) => Promise<void>,
): Promise<void> {
  Deno.mkdirSync(cacheFolder(), { recursive: true });
  const scratch = Deno.makeTempDirSync({ dir: cacheFolder(), prefix: "building-" });
  const remove = () => removeFolder(scratch);
  globalThis.addEventListener("unload", remove);
  try {
    const made = join(scratch, "made");
    await make(made, scratch);
    try {
      Deno.renameSync(made, target);
    } catch (error) {
      if (!exists(target)) throw error; // otherwise another process was faster with the same
    }
  } finally {
    globalThis.removeEventListener("unload", remove);
    remove();
  }
}

/** Removes a folder into which a program that was just ended may still write. */
function removeFolder(path: string): void {
  for (let tries = 10; exists(path); tries--) {
    try {
      Deno.removeSync(path, { recursive: true });
    } catch (error) {
      if (tries === 0) throw error;
    }
  }
}

/** Whether there is something at `path`. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
