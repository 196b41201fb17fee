/** The checkout as it stands, and what was built from it, as an archive for the lab. */
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "../build/cache.ts";
import type { ArchiveEntry } from "../build/cpio.ts";
import { buildGuests, buildSystemGuests } from "../build/guests.ts";
import { buildLinuxGuest } from "../build/linux.ts";
import { runProgram } from "../build/program.ts";
import { buildStub, type Progress } from "../build/stub.ts";
import { hostError, usageError } from "../errors.ts";

/** The checkout, at the same place on the host and in the lab. */
export const CHECKOUT = fileURLToPath(new URL("../", import.meta.url));
/** `cacheFolder()` in the lab. */
const LAB_CACHE = "root/.cache/splitx";

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // tracked, and removed from the working tree
  }
}

function fileEntry(path: string, from: string): ArchiveEntry {
  const executable = ((Deno.statSync(from).mode ?? 0) & 0o100) !== 0;
  return { path, bytes: Deno.readFileSync(from), executable };
}

/**
 * A file that a user wants at the same place in the lab.
 *
 * @param path absolute
 * @throws SplitXError `bad-file` (exit code 2)
 */
export function givenEntry(path: string): ArchiveEntry {
  if (!isFile(path)) throw usageError("bad-file", `${path} is not a file that the lab can have`);
  return fileEntry(path.slice(1), path);
}

/**
 * Names of the tracked files that are in the working tree.
 *
 * @throws SplitXError `no-git`, `no-checkout` (exit code 3)
 */
export async function trackedFiles(): Promise<string[]> {
  const { success, stdout, stderr } = await runProgram(
    "git",
    // A checkout that belongs to another user, as one mounted into a container does, is read too.
    ["-c", `safe.directory=${CHECKOUT.replace(/\/$/, "")}`, "-C", CHECKOUT, "ls-files", "-z"],
    "no git on this host, and it lists the files of the checkout: install it, for example with: apt-get install -y git",
  );
  if (!success) throw hostError("no-checkout", `${CHECKOUT} is not a git checkout: ${stderr}`);
  return stdout.split("\0").filter((name) => name !== "" && isFile(join(CHECKOUT, name)));
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => join(folder, entry.name));
}

/** Builds what the lab, which has no compiler, finds in its cache. */
async function builtFiles(progress: Progress): Promise<string[]> {
  const stub = await buildStub(progress);
  const folders = [
    await buildGuests(progress),
    await buildSystemGuests(progress),
    dirname((await buildLinuxGuest(progress)).kernel),
  ];
  return [stub, ...folders.flatMap(filesIn)];
}

/** Files that are tracked, as they are in the working tree, and what the project builds of them. */
export async function checkoutEntries(progress: Progress): Promise<ArchiveEntry[]> {
  const tracked = await trackedFiles();
  const built = await builtFiles(progress);
  return [
    ...tracked.map((name) => fileEntry(join(CHECKOUT, name).slice(1), join(CHECKOUT, name))),
    ...built.map((path) => fileEntry(join(LAB_CACHE, relative(cacheFolder(), path)), path)),
  ];
}
